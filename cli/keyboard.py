"""Standard input that is no terminal: one line on request, without blocking the event loop."""

import asyncio
import os
import sys
import threading
from contextlib import suppress
from enum import Enum, auto
from types import TracebackType
from typing import Self

from ..providers.schema.errors import InvalidConfig

_READ_BYTES = 64 << 10
_TERMINAL_LINE_BYTES = 4_095  # what Linux passes on of a line


class Key(Enum):
    """What can come instead of a line."""

    INTERRUPT = auto()
    """Ctrl-C."""
    CLEARED = auto()
    """Ctrl-C, which has cleared a line that was not empty."""
    END = auto()
    """Ctrl-D, or the end of a file."""


class Keyboard:
    """Reads lines in a thread. The mode of a terminal, such as a dumb one, is never changed.

    The thread can't be woken while it waits for a line; it is a daemon and ends with the process.
    """

    def __init__(self) -> None:
        self.terminal = sys.stdin.isatty()
        self._loop = asyncio.get_running_loop()
        self._input = sys.stdin.fileno()
        self._lines: asyncio.Queue[str | Key] = asyncio.Queue()
        self._requests = threading.Semaphore(0)
        self._reading = False
        threading.Thread(target=self._read_lines, name="keyboard", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def read_line(self, prompt: str) -> str | Key:
        """The next line, or the key that came instead. The *prompt* is for terminals.

        Raises:
            InvalidConfig: the terminal has cut the line.
        """
        del prompt
        if not self._reading:
            self._reading = True
            self._requests.release()
        line = await self._lines.get()
        if self.terminal and isinstance(line, str) and len(line.encode(errors="replace")) >= _TERMINAL_LINE_BYTES:
            raise InvalidConfig("line", f"this terminal cuts lines at {_TERMINAL_LINE_BYTES:,} bytes; use a pipe")
        return line

    def interrupt(self) -> bool:
        """Ctrl-C was pressed: ``read_line`` returns ``Key.INTERRUPT``. False if a line has just been entered."""
        if self._reading:
            self._lines.put_nowait(Key.INTERRUPT)
        return self._reading

    def _read_lines(self) -> None:
        buffered = b""
        while True:
            self._requests.acquire()
            while b"\n" not in buffered:
                data = self._read_input()
                if not data:
                    break
                buffered += data
            line, newline, buffered = buffered.partition(b"\n")
            typed = line.decode(errors="replace") if line or newline else Key.END
            with suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(self._deliver_line, typed)

    def _read_input(self) -> bytes:
        # Not through sys.stdin: the interpreter could not end while a thread holds its lock.
        try:
            return os.read(self._input, _READ_BYTES)
        except OSError:  # the terminal is gone
            return b""

    def _deliver_line(self, line: str | Key) -> None:
        self._reading = False
        self._lines.put_nowait(line)
