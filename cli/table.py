"""A demo as a live table."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ..runtime.api.messages import FromLLM
from .board import Board, Phase, Row, Summary
from .formatting import beginning, sentence, tokens
from .output import Output

_REFRESHES_PER_S = 10
_CHROME_LINES = 5
"""The table's head, the line of totals, and room around them."""
_LINES_PER_ROW = 3
_MIN_TEXT_CHARS = 20
_STATE_CHARS, _TOKENS_CHARS, _PACE_CHARS = 11, 7, 8
_GAPS_CHARS = 12
"""What rich puts between five columns."""

_STYLES = {
    Phase.READY: "dim",
    Phase.REQUESTING: "yellow",
    Phase.STREAMING: "cyan",
    Phase.RETRYING: "yellow",
    Phase.DONE: "green",
    Phase.FAILED: "red",
    Phase.INTERRUPTED: "magenta",
}
_ORDER = {Phase.FAILED: 0, Phase.INTERRUPTED: 2, Phase.DONE: 2}
"""Which sessions are shown where there is no room for all. The others stand at 1."""


@contextmanager
def live_table(output: Output) -> Generator["LiveTable", None, None]:
    """A table that redraws itself until it is left, and then stays as it is."""
    console = Console(file=output.stream, highlight=False)
    table = LiveTable(console)
    with Live(get_renderable=table.picture, console=console, refresh_per_second=_REFRESHES_PER_S):
        yield table


class LiveTable:
    """Draws the board. Rich calls ``picture`` from a thread of its own, so that it moves even while Ray starts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots", "starting Ray")
        self._spawned: tuple[int, int] | None = None
        self._board: Board | None = None
        self._summary: Summary | None = None

    def starting(self) -> None:
        pass

    def spawned(self, done: int, total: int) -> None:
        self._spawned = (done, total)

    def asking(self, board: Board) -> None:
        self._board = board

    def took(self, event: FromLLM, row: Row, now: float) -> None:
        pass

    def ended(self, summary: Summary) -> None:
        self._summary = summary

    def picture(self) -> RenderableType:
        """What there is to see now."""
        if self._board:
            now = time.monotonic()
            return Group(self._table(self._board, now), Text(sentence(self._summary or self._board.summary(now))))
        if self._spawned is None:
            return self._spinner
        done, total = self._spawned
        bar = Table.grid(padding=(0, 1))
        bar.add_row(f"spawned {done} of {total} sessions", ProgressBar(total=total, completed=done, width=40))
        return bar

    def _table(self, board: Board, now: float) -> Table:
        width, height = self._console.size
        room = max(1, height - _CHROME_LINES)
        rows = list(board.rows.values())
        shown = rows if len(rows) <= room else sorted(rows, key=lambda row: _ORDER.get(row.phase, 1))[: room - 1]
        lines = max(1, min(_LINES_PER_ROW, room // max(1, len(shown))))
        id_chars = max(len(row.session_id) for row in shown) if shown else 0
        text_chars = max(_MIN_TEXT_CHARS, width - id_chars - _STATE_CHARS - _TOKENS_CHARS - _PACE_CHARS - _GAPS_CHARS)

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
        table.add_column("session", no_wrap=True, width=id_chars)
        table.add_column("state", no_wrap=True, width=_STATE_CHARS)
        table.add_column("tokens", no_wrap=True, width=_TOKENS_CHARS, justify="right")
        table.add_column("tokens/s", no_wrap=True, width=_PACE_CHARS, justify="right")
        table.add_column("text", no_wrap=True, width=text_chars)
        for row in shown:
            table.add_row(*_cells(row, now), self._text(row, text_chars, lines))
        if len(shown) < len(rows):
            table.add_row("", "", "", "", Text(f"and {len(rows) - len(shown)} more", style="dim"))
        return table

    def _text(self, row: Row, chars: int, lines: int) -> Text:
        """The first so many lines of what *row* says."""
        text = Text(beginning(row.problem or row.text, chars * (lines + 1)))
        wrapped = [line.plain.strip() for line in text.wrap(self._console, chars)]
        shown = [*wrapped[: lines - 1], " ".join(wrapped[lines - 1 :])]  # the column crops the last one
        height = [""] * (lines - len(shown))  # so that the table does not jump
        return Text("\n".join([*shown, *height]), style="red" if row.problem else "")


def _cells(row: Row, now: float) -> tuple[str, Text, str, str]:
    pace = row.tokens_per_s(now)
    return (
        row.session_id,
        Text(row.phase, style=_STYLES[row.phase]),
        tokens(row.tokens, row.exact),
        "" if pace is None else f"{pace:.1f}",
    )
