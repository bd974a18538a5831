"""The displays of a demo: a live table, plain lines, or JSON lines."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

import msgspec

from ...runtime.api.events import Completed, Failed, FromLLM, Interrupted
from ..formatting import one_line
from ..output import Output
from .formatting import session_figures, summary_line
from .progress import DemoProgress, DemoSummary, SessionProgress

_SHOWN_CHARS = 60


class Display(Protocol):
    """Shows a demo. The methods are called in the order in which they stand here."""

    def show_starting(self) -> None:
        """Ray is being started or joined."""
        ...

    def show_spawned(self, done: int, total: int) -> None:
        """*done* of *total* sessions have been spawned."""
        ...

    def show_progress(self, progress: DemoProgress) -> None:
        """All sessions have been spawned; *progress* is kept up to date from now on."""
        ...

    def show_event(self, event: FromLLM, session: SessionProgress, now: float) -> None:
        """*event* arrived and has been applied to *session*."""
        ...

    def show_summary(self, summary: DemoSummary) -> None:
        """All turns have ended."""
        ...


@contextmanager
def open_display(output: Output, json: bool) -> Generator[Display, None, None]:
    """The display that fits *output*; the terminal is restored on exit."""
    if json:
        yield JSONDisplay(output)
    elif output.terminal:
        from .table import table_display  # here, because importing rich takes a tenth of a second

        with table_display(output) as table:
            yield table
    else:
        yield PlainDisplay(output)


class SpawnProgress(msgspec.Struct, frozen=True, tag_field="kind", tag="spawning"):
    """*done* of *total* sessions have been spawned."""

    done: int
    total: int


class JSONDisplay:
    """One JSON object per line, distinguished by ``kind``: ``spawning``, the events of the sessions, ``summary``."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._encode = msgspec.json.Encoder().encode

    def show_starting(self) -> None:
        pass

    def show_spawned(self, done: int, total: int) -> None:
        self._write(SpawnProgress(done, total))

    def show_progress(self, progress: DemoProgress) -> None:
        pass

    def show_event(self, event: FromLLM, session: SessionProgress, now: float) -> None:
        self._write(event)

    def show_summary(self, summary: DemoSummary) -> None:
        self._write(summary)

    def _write(self, struct: msgspec.Struct) -> None:
        self._output.line(self._encode(struct).decode())


class PlainDisplay:
    """A line for each session that was spawned, for each turn that ended, and for the summary."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def show_starting(self) -> None:
        self._output.line("starting Ray")

    def show_spawned(self, done: int, total: int) -> None:
        self._output.line(f"spawned {done} of {total} sessions")

    def show_progress(self, progress: DemoProgress) -> None:
        pass

    def show_event(self, event: FromLLM, session: SessionProgress, now: float) -> None:
        if isinstance(event, Completed | Failed | Interrupted):
            text = session.problem or one_line(session.text, _SHOWN_CHARS)
            self._output.line(f"{session.session_id}  {session.phase}  {session_figures(session, now)}  {text}")

    def show_summary(self, summary: DemoSummary) -> None:
        self._output.line(summary_line(summary))
