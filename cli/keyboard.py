"""The keyboard, or whatever standard input is: a line when one is asked for, without holding up the event loop."""

import asyncio
import os
import sys
import threading
from contextlib import suppress
from enum import Enum, auto

_READ_BYTES = 64 << 10


class Key(Enum):
    """What is no line."""

    INTERRUPT = auto()
    """Ctrl-C."""
    END = auto()
    """Ctrl-D, or the end of a file."""


class Keyboard:
    """Reads in a thread, in which nothing has to be put back: the terminal itself edits its line.

    Nobody can wake that thread while it waits for a line; it is a daemon and dies with the program. What is typed while
    nobody asks stays with the terminal, which forgets it on Ctrl-C.
    """

    def __init__(self) -> None:
        self.terminal = sys.stdin.isatty()
        self._loop = asyncio.get_running_loop()
        self._input = sys.stdin.fileno()
        self._typed: asyncio.Queue[str | Key] = asyncio.Queue()
        self._wanted = threading.Semaphore(0)
        self._reading = False
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    async def line(self) -> str | Key:
        """The next line, or what came in its place."""
        if not self._reading:
            self._reading = True
            self._wanted.release()
        return await self._typed.get()

    def interrupt(self) -> None:
        """Ctrl-C was pressed: whoever waits for a line gets that."""
        self._typed.put_nowait(Key.INTERRUPT)

    def _read(self) -> None:
        rest = b""
        while True:
            self._wanted.acquire()
            while b"\n" not in rest:
                more = self._read_some()
                if not more:
                    break
                rest += more
            line, newline, rest = rest.partition(b"\n")
            typed = line.decode(errors="replace") if line or newline else Key.END
            with suppress(RuntimeError):  # the loop is closed: the program ends
                self._loop.call_soon_threadsafe(self._take, typed)

    def _read_some(self) -> bytes:
        # Not through sys.stdin: the interpreter could not end while a thread holds its lock.
        try:
            return os.read(self._input, _READ_BYTES)
        except OSError:  # the terminal is gone
            return b""

    def _take(self, typed: str | Key) -> None:
        self._reading = False
        self._typed.put_nowait(typed)
