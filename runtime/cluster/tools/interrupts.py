"""Interrupts of the tasks that tools are: Ray only marks one, which a call that waits in the kernel does not notice."""

import os
import signal
import threading
from functools import cache
from types import FrameType

_WAKES = signal.SIGURG
"""Ignored by default: it only ends the system call in which the main thread waits, and Python looks for interrupts."""


def let_interrupts_end_waits() -> None:
    """From now on, ``_thread.interrupt_main`` also ends a ``time.sleep`` or a read of a socket, in the main thread.

    A tool may have set another wakeup descriptor, so it is called before each. Where Ray was started in the background
    of a shell, its processes ignore interrupts, those of Ray too: a tool would go on until its process is ended.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(_wakeup_descriptor(), warn_on_full_buffer=False)


def _ignore(number: int, frame: FrameType | None) -> None:
    """It has ended the wait."""


@cache
def _wakeup_descriptor() -> int:
    """What Python writes the numbers of signals to, as soon as they are there."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.signal(_WAKES, _ignore)
    main = threading.main_thread().ident
    assert main is not None
    threading.Thread(target=_wake, args=(read, main), name="tool interrupts", daemon=True).start()
    return write


def _wake(read: int, main: int) -> None:
    while numbers := os.read(read, 64):
        if signal.SIGINT in numbers:
            signal.pthread_kill(main, _WAKES)
