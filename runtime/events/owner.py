"""The owner of a runtime, its sessions' handles and its readers: the event loop in which the runtime was entered."""

import asyncio
import os

from ..api.errors import WrongContext


class Owner:
    """The event loop and the process in which it is created."""

    __slots__ = ("_loop", "_process_id")

    def __init__(self) -> None:
        self._loop = _running_loop()
        self._process_id = os.getpid()

    @property
    def is_forked(self) -> bool:
        """True in a process that was forked from the owner's. What the owner has is not its to end."""
        return os.getpid() != self._process_id

    def require(self) -> None:
        """Check that the caller runs in the owner's event loop. In another one, it would wait forever.

        Raises:
            WrongContext: it does not.
        """
        if self._loop is None or _running_loop() is self._loop:
            return
        if self.is_forked:
            raise forked()
        raise WrongContext(
            "the runtime was entered in another event loop; use it there (from a thread by "
            "asyncio.run_coroutine_threadsafe), enter a runtime in this loop, or use rayconteur.blocking, which any "
            "thread may call"
        )


def forked() -> WrongContext:
    """The error in a forked process."""
    return WrongContext(
        "the runtime was entered in the process from which this one was forked, and its connections belong to that "
        "process; enter a runtime in this one, and start it by 'spawn' or 'forkserver' instead of 'fork'"
    )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
