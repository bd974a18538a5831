"""Background work: what a driver does after the call that it belongs to, because a process does not answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

from ..api.errors import DirectoryUnreachable, RuntimeClosed

log = logging.getLogger(__name__)

_UNDO_S = 1.0
"""How long a call that failed, or was cancelled, waits until what it had begun is undone."""


class Background:
    """Runs work until ``stop``."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None] | None:
        """Do *work*. After ``stop``, nothing is done."""
        if self._is_stopped:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    async def undo(self, work: Coroutine[None, None, None]) -> None:
        """Undo what a call has begun. Nobody waits long for that, should a process be stopped: it goes on."""
        if undoing := self.run(work):
            await asyncio.wait((undoing,), timeout=_UNDO_S)

    async def stop(self) -> None:
        """Cancel what still runs."""
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("what a call had begun could not be finished: %s", error)


async def tell_directory(call: Callable[[], Awaitable[None]]) -> None:
    """Make a *call* to the directory, however long that is away."""
    while True:
        with suppress(DirectoryUnreachable):
            with suppress(RuntimeClosed):
                await call()
            return
