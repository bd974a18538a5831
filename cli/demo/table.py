"""The live table of a demo."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ...runtime.api.events import FromLLM
from ..formatting import format_tokens, one_line
from ..output import Output
from .formatting import fitted_ids, summary_line
from .progress import DemoProgress, DemoSummary, Phase, SessionProgress

_REFRESHES_PER_S = 10
_FRAME_LINES = 5
"""The table's header, the summary line, and blank lines around them."""
_MAX_LINES_PER_ROW = 3
_COLUMNS = (("state", 11), ("tokens", 7), ("tokens/s", 8))
"""Those between the id and the text, each with its width. Those at the end are left out first."""
_NUMBERS = ("tokens", "tokens/s")
_GAP_CHARS = 3
"""The space that rich puts between two columns."""
_FIGURES_CHARS = sum(chars + _GAP_CHARS for _, chars in _COLUMNS) + _GAP_CHARS
"""What a row has besides its id and its text."""

_STYLES = {
    Phase.READY: "dim",
    Phase.REQUESTING: "yellow",
    Phase.STREAMING: "cyan",
    Phase.RETRYING: "yellow",
    Phase.DONE: "green",
    Phase.FAILED: "red",
    Phase.INTERRUPTED: "magenta",
}
_PRIORITY = {Phase.FAILED: 0, Phase.INTERRUPTED: 2, Phase.DONE: 2}
"""Which sessions are shown first if there is no room for all of them. The other phases have 1."""


@contextmanager
def table_display(output: Output) -> Generator["TableDisplay", None, None]:
    """A table that is redrawn until exit; the last state remains on the terminal."""
    console = Console(file=output.stream, highlight=False)
    table = TableDisplay(console)
    with Live(get_renderable=table.render, console=console, refresh_per_second=_REFRESHES_PER_S):
        yield table


class TableDisplay:
    """Draws the progress as a table. Rich calls ``render`` in its own thread, so the table moves while Ray starts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots", "starting Ray")
        self._spawned: tuple[int, int] | None = None
        self._progress: DemoProgress | None = None
        self._summary: DemoSummary | None = None

    def show_starting(self) -> None:
        pass

    def show_spawned(self, done: int, total: int) -> None:
        self._spawned = (done, total)

    def show_progress(self, progress: DemoProgress) -> None:
        self._progress = progress

    def show_event(self, event: FromLLM, session: SessionProgress, now: float) -> None:
        pass

    def show_summary(self, summary: DemoSummary) -> None:
        self._summary = summary

    def render(self) -> RenderableType:
        """The current state: Ray starting, the bar of spawned sessions, or the table."""
        if self._progress:
            now = time.monotonic()
            summary = self._summary or self._progress.summary(now)
            return Group(self._table(self._progress, now), Text(summary_line(summary)))
        if self._spawned is None:
            return self._spinner
        done, total = self._spawned
        bar = Table.grid(padding=(0, 1))
        bar.add_row(f"spawned {done} of {total} sessions", ProgressBar(total=total, completed=done, width=40))
        return bar

    def _table(self, progress: DemoProgress, now: float) -> Table:
        width, height = self._console.size
        max_lines = max(1, height - _FRAME_LINES)
        sessions = shown = list(progress.sessions.values())
        if len(sessions) > max_lines:
            shown = sorted(sessions, key=lambda session: _PRIORITY.get(session.phase, 1))[: max_lines - 1]
        lines = max(1, min(_MAX_LINES_PER_ROW, max_lines // max(1, len(shown))))
        ids = fitted_ids([session.session_id for session in shown], width - _FIGURES_CHARS)
        id_chars = max(map(len, ids), default=0)
        columns = _columns(width - id_chars)
        text_chars = max(0, width - id_chars - sum(chars + _GAP_CHARS for _, chars in columns) - _GAP_CHARS)

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
        table.add_column("session", no_wrap=True, width=id_chars)
        for name, chars in columns:
            table.add_column(name, no_wrap=True, width=chars, justify="right" if name in _NUMBERS else "left")
        if text_chars:
            table.add_column("text", no_wrap=True, width=text_chars)
        for session_id, session in zip(ids, shown, strict=True):
            text = [self._text(session, text_chars, lines)] if text_chars else []
            table.add_row(session_id, *_cells(session, now)[: len(columns)], *text)
        if len(shown) < len(sessions):
            more = Text(f"and {len(sessions) - len(shown)} more", style="dim")
            table.add_row(*[""] * (len(columns) if text_chars else 0), *[""] * bool(text_chars), more)
        return table

    def _text(self, session: SessionProgress, chars: int, lines: int) -> Text:
        """The text of *session* in exactly so many *lines*."""
        text = Text(one_line(session.problem or session.text, chars * (lines + 1)))
        wrapped = [line.plain.strip() for line in text.wrap(self._console, chars)]
        shown = [*wrapped[: lines - 1], " ".join(wrapped[lines - 1 :])]  # the column crops the last one
        padding = [""] * (lines - len(shown))  # keeps the height of the table constant
        return Text("\n".join([*shown, *padding]), style="red" if session.problem else "")


def _columns(width: int) -> tuple[tuple[str, int], ...]:
    """The columns between the id and the text for which there is room, each with its width."""
    columns: Sequence[tuple[str, int]] = _COLUMNS
    while columns and sum(chars + _GAP_CHARS for _, chars in columns) > width:
        columns = columns[:-1]
    return tuple(columns)


def _cells(session: SessionProgress, now: float) -> tuple[Text, str, str]:
    speed = session.tokens_per_s(now)
    return (
        Text(session.phase, style=_STYLES[session.phase]),
        format_tokens(session.tokens, session.exact),
        "" if speed is None else f"{speed:.1f}",
    )
