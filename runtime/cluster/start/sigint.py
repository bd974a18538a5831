"""Ctrl-C while an interruption would do harm."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def defer_sigint() -> Generator[None]:
    """Defer Ctrl-C to the end of the block, where it takes effect once, however often it was pressed.

    Ray leaves processes behind if it is interrupted while it starts or stops. Does nothing outside the main thread.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda _, frame: pressed.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if pressed:
            handler(signal.SIGINT, pressed[0])
