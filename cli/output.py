"""Standard output: for people at a terminal, or plain for whatever reads it."""

import os
import re
import sys
from collections.abc import Callable

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


def printable(text: str) -> str:
    """*text* without what would steer the terminal: a model may say anything. Tabs and new lines stay."""
    return _CONTROLS.sub("", text)


class Output:
    """Writes at once. When nobody reads any more, *on_gone* is called, and what follows goes nowhere."""

    def __init__(self, on_gone: Callable[[], None]) -> None:
        self.stream = sys.stdout
        self._encoding = self.stream.encoding or "utf-8"
        self.terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._styled = self.terminal and not os.environ.get("NO_COLOR")
        self._on_gone = on_gone
        self._within_line = False

    def write(self, text: str, dim: bool = False) -> None:
        """Write *text* as it is, or so that it does not catch the eye."""
        if not text:
            return
        self._within_line = not text.endswith("\n")
        text = text.encode(self._encoding, "replace").decode(self._encoding)  # an old one is no reason to break off
        try:
            self.stream.write(f"{_DIM}{text}{_PLAIN}" if dim and self._styled else text)
            self.stream.flush()
        except BrokenPipeError:
            # The interpreter flushes once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            self._on_gone()

    def line(self, text: str) -> None:
        """Write *text* in a line of its own."""
        self.end_line()
        self.write(f"{text}\n")

    def aside(self, text: str) -> None:
        """Write *text* in a line of its own that does not catch the eye."""
        self.end_line()
        self.write(f"{text}\n", dim=True)

    def end_line(self) -> None:
        """Go to the next line, if this one has begun."""
        if self._within_line:
            self.write("\n")

    def echoed_line(self) -> None:
        """The terminal has echoed what was typed, and the end of its line."""
        self._within_line = False
