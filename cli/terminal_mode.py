"""The mode of a terminal: whether it collects lines itself."""

import errno
from contextlib import suppress
from typing import Any

try:
    import termios
except ImportError:  # Windows, whose consoles have no such mode
    termios = None  # type: ignore[assignment]

_INPUT_FLAGS, _LOCAL_FLAGS, _CONTROL_CHARACTERS = 0, 3, 6  # of what tcgetattr returns


class TerminalMode:
    """The mode of the terminal *descriptor*, which is restored at the end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list[Any] | None = None

    def set_unbuffered(self) -> None:
        """Keys arrive at once, and are not shown. Ctrl-C still sends its signal."""
        if not termios:
            return
        self._before = termios.tcgetattr(self._descriptor)
        mode = termios.tcgetattr(self._descriptor)
        mode[_INPUT_FLAGS] &= ~termios.ICRNL
        mode[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO)
        mode[_CONTROL_CHARACTERS][termios.VMIN] = 1
        mode[_CONTROL_CHARACTERS][termios.VTIME] = 0
        termios.tcsetattr(self._descriptor, termios.TCSANOW, mode)

    def restore(self) -> None:
        """Set the mode that was there before, unless the terminal is gone."""
        if termios and self._before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)


def is_gone(descriptor: int) -> bool:
    """True if *descriptor* is of a terminal that was closed."""
    if not termios:
        return False
    try:
        termios.tcgetattr(descriptor)
    except termios.error as error:
        return bool(error.args) and error.args[0] == errno.EIO
    return False
