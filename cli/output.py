"""Standard output: styled at a terminal, plain anywhere else."""

import os
import sys
from collections.abc import Callable

from .terminal_mode import is_gone

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class Output:
    """Writes and flushes at once. When the reader is gone, *on_gone* is called and further text is discarded."""

    def __init__(self, on_gone: Callable[[], None]) -> None:
        self.stream = sys.stdout
        self._encoding = self.stream.encoding or "utf-8"
        self.terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._styled = self.terminal and not os.environ.get("NO_COLOR")
        self._on_gone = on_gone
        self._within_line = False

    def write(self, text: str, dim: bool = False) -> None:
        """Write *text*, dimmed if the terminal can do that."""
        if not text:
            return
        self._within_line = not text.endswith("\n")
        text = text.encode(self._encoding, "replace").decode(self._encoding)  # "?" for characters that it lacks
        try:
            self.stream.write(f"{_DIM}{text}{_PLAIN}" if dim and self._styled else text)
            self.stream.flush()
        except OSError as error:
            if not isinstance(error, BrokenPipeError) and not is_gone(self.stream.fileno()):
                raise
            _discard(self.stream.fileno())
            self._on_gone()

    def hang_up(self) -> None:
        """The terminal may be gone: what is still written to it is discarded then."""
        for stream in (self.stream, sys.stderr):
            if is_gone(stream.fileno()):
                _discard(stream.fileno())

    def line(self, text: str) -> None:
        """Write *text* in a line of its own."""
        self.end_line()
        self.write(f"{text}\n")

    def notice(self, text: str) -> None:
        """Write *text* in a line of its own, dimmed."""
        self.end_line()
        self.write(f"{text}\n", dim=True)

    def end_line(self) -> None:
        """Start a new line unless the current one is empty."""
        if self._within_line:
            self.write("\n")

    def line_was_echoed(self) -> None:
        """The terminal has echoed the typed line and its end: the current line is empty."""
        self._within_line = False


def _discard(descriptor: int) -> None:
    """Turn *descriptor* to /dev/null: the interpreter flushes once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
