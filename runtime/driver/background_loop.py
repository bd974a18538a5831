"""An event loop in a thread of its own, for threads that can't await."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from ..api.errors import RuntimeClosed
from ..cluster.sigint import postponed

T = TypeVar("T")


class Here:
    """A thread that waits, and meanwhile makes the calls that shall be made in it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    async def call(self, function: Callable[[], T]) -> T:
        """What *function*, called in this thread, comes back with. It is awaited in another one."""
        result: Future[T] = Future()

        def make() -> None:
            if result.set_running_or_notify_cancel():
                try:
                    result.set_result(function())
                except Exception as error:
                    result.set_exception(error)

        self._calls.put(make)
        return await asyncio.wrap_future(result)

    def end(self) -> None:
        """There is nothing more to wait for."""
        self._calls.put(None)

    def wait(self) -> None:
        """Make the calls that come, until the end."""
        while call := self._calls.get():
            call()


class _Job(Generic[T]):
    """A coroutine that goes to the loop."""

    def __init__(self, work: Coroutine[Any, Any, T], on_end: Callable[[], None]) -> None:
        self._work = work
        self._on_end = on_end
        self._task: asyncio.Task[T] | None = None

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work)
        self._task.add_done_callback(lambda _: self._on_end())

    def cancel(self) -> None:
        assert self._task
        self._task.cancel()

    def result(self) -> T:
        assert self._task
        if self._task.cancelled():
            raise RuntimeClosed("the runtime was left meanwhile")
        return self._task.result()


class Background:
    """Runs coroutines for any number of threads."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # without, this thread gets the loop, too
        self._loop = self._runner.get_loop()
        self._over = asyncio.Event()
        self._open = True
        # What comes to the loop after its end is never answered. Held while the garbage collector closes a generator
        # in the same thread, which comes here again: hence an RLock.
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="rayconteur", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T], here: Here | None = None) -> T:
        """What *work* comes to. What breaks the wait off, Ctrl-C say, is raised when *work* has been cancelled.

        Raises:
            RuntimeClosed: the loop has ended, or ends meanwhile.
            RuntimeError: the loop itself would have to wait.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this was called by the runtime, which would wait for itself")
        here = here or Here()
        job = self._begin(work, here.end)
        try:
            here.wait()
        except BaseException:
            with suppress(RuntimeClosed):  # the loop has ended, and cancelled it
                self._call_soon(job.cancel)
            here.wait()
            raise
        return job.result()

    def leave(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work*, if there is still time, and don't wait for it."""
        with suppress(RuntimeClosed):
            self._begin(work, lambda: None)

    def end(self) -> None:
        """Cancel what is still under way, and wait until the thread has ended."""
        with self._lock:
            if self._open:
                self._loop.call_soon_threadsafe(self._over.set)
                self._open = False
        with postponed():  # Ray may be on its way down there
            self._thread.join()

    def _begin(self, work: Coroutine[Any, Any, T], on_end: Callable[[], None]) -> _Job[T]:
        job = _Job(work, on_end)
        try:
            self._call_soon(job.begin)
        except RuntimeClosed:
            work.close()
            raise
        return job

    def _call_soon(self, call: Callable[[], None]) -> None:
        with self._lock:
            if not self._open:
                raise RuntimeClosed("the runtime was left")
            self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._until_over())

    async def _until_over(self) -> None:
        await self._over.wait()
