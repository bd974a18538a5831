"""Ways to show a demo: a live table, plain lines, or JSON lines."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

import msgspec

from ..runtime.api.messages import Completed, Failed, FromLLM, Interrupted
from .board import Board, Row, Summary
from .formatting import beginning, figures, sentence
from .output import Output

_SHOWN_CHARS = 60


class Display(Protocol):
    """Hears what happens in a demo, in this order."""

    def starting(self) -> None:
        """Ray is started or joined."""
        ...

    def spawned(self, done: int, total: int) -> None:
        """So many sessions are there, of so many."""
        ...

    def asking(self, board: Board) -> None:
        """All sessions are there, and *board* tells of them from now on."""
        ...

    def took(self, event: FromLLM, row: Row, now: float) -> None:
        """The board has taken *event* into *row*."""
        ...

    def ended(self, summary: Summary) -> None:
        """All turns have ended."""
        ...


@contextmanager
def display(output: Output, json: bool) -> Generator[Display, None, None]:
    """The display that fits *output*; afterwards the terminal is as it was."""
    if json:
        yield JSONLines(output)
    elif output.terminal:
        from .table import live_table  # rich takes a tenth of a second

        with live_table(output) as table:
            yield table
    else:
        yield PlainLines(output)


class Spawning(msgspec.Struct, frozen=True, tag_field="kind", tag="spawning"):
    """*done* sessions of *total* are there."""

    done: int
    total: int


class JSONLines:
    """An object a line, told apart by ``kind``: ``spawning``, then the sessions' own events, at last ``summary``."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._encode = msgspec.json.Encoder().encode

    def starting(self) -> None:
        pass

    def spawned(self, done: int, total: int) -> None:
        self._put(Spawning(done, total))

    def asking(self, board: Board) -> None:
        pass

    def took(self, event: FromLLM, row: Row, now: float) -> None:
        self._put(event)

    def ended(self, summary: Summary) -> None:
        self._put(summary)

    def _put(self, struct: msgspec.Struct) -> None:
        self._output.line(self._encode(struct).decode())


class PlainLines:
    """A line for each session that is there, for each turn that has ended, and for the whole."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def starting(self) -> None:
        self._output.line("starting Ray")

    def spawned(self, done: int, total: int) -> None:
        self._output.line(f"spawned {done} of {total} sessions")

    def asking(self, board: Board) -> None:
        pass

    def took(self, event: FromLLM, row: Row, now: float) -> None:
        if isinstance(event, Completed | Failed | Interrupted):
            shown = row.problem or beginning(row.text, _SHOWN_CHARS)
            self._output.line(f"{row.session_id}  {row.phase}  {figures(row, now)}  {shown}")

    def ended(self, summary: Summary) -> None:
        self._output.line(sentence(summary))
