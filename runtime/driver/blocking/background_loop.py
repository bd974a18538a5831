"""An event loop in a background thread, for threads that can't await."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from ...api.errors import RuntimeClosed
from ...cluster.start.sigint import defer_sigint
from ...events.owner import forked

T = TypeVar("T")


class CallerThread:
    """A thread that waits for a coroutine on the loop, and meanwhile makes calls on its behalf."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    async def call(self, function: Callable[[], T]) -> T:
        """Call *function* in this thread; the coroutine on the loop awaits its result."""
        result: Future[T] = Future()

        def make_call() -> None:
            if result.set_running_or_notify_cancel():
                try:
                    result.set_result(function())
                except StopIteration as error:  # which no future of a loop takes
                    result.set_exception(RuntimeError(f"StopIteration: {error}"))
                except Exception as error:
                    result.set_exception(error)

        self._calls.put(make_call)
        return await asyncio.wrap_future(result)

    def make_calls(self) -> None:
        """Make calls until ``stop_waiting``."""
        while call := self._calls.get():
            call()

    def stop_waiting(self) -> None:
        """Let ``make_calls`` return: the coroutine is done."""
        self._calls.put(None)


class _Job(Generic[T]):
    """A coroutine to run on the loop. *on_done* is called there."""

    def __init__(self, work: Coroutine[Any, Any, T], on_done: Callable[[], None]) -> None:
        self._work = work
        self._on_done = on_done
        self._task: asyncio.Task[T] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would print it where Ctrl-C has ended the wait for it
        self._on_done()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:  # Ctrl-C came before it was submitted
            self._work.close()
            self._on_done()

    def discard(self) -> None:
        """Drop the coroutine, which was not started."""
        self._work.close()

    def result(self) -> T:
        assert self._task
        if self._task.cancelled():
            raise RuntimeClosed("the runtime was left meanwhile")
        return self._task.result()


class BackgroundLoop:
    """Runs coroutines for any number of threads."""

    def __init__(self) -> None:
        # With a loop factory: else the runner would also set its loop as that of the calling thread.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._stopped = asyncio.Event()
        self._open = True
        self._process_id = os.getpid()
        # Work that reaches the loop after its end would never be done. Held while the garbage collector closes a
        # generator in the same thread, which submits work in turn: hence an RLock.
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="rayconteur", daemon=True)
        self._thread.start()

    @property
    def is_forked(self) -> bool:
        """True in a process that was forked from that of the loop."""
        return os.getpid() != self._process_id

    def run(self, work: Coroutine[Any, Any, T], caller: CallerThread | None = None) -> T:
        """Run *work* and wait for its result. If the wait is interrupted (Ctrl-C), *work* is cancelled first.

        Raises:
            RuntimeClosed: the loop is closed, or closes meanwhile.
            RuntimeError: it was called in the loop's own thread, which would wait for itself.
            WrongContext: this process was forked: the loop's thread is not in it.
        """
        if self.is_forked:
            work.close()
            raise forked()
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this was called by the runtime, which would wait for itself")
        caller = caller or CallerThread()
        job = _Job(work, caller.stop_waiting)
        try:
            self._submit(job)
            caller.make_calls()
        except RuntimeClosed:
            raise
        except BaseException:
            with suppress(RuntimeClosed):  # closing the loop has cancelled it
                self._call_soon(job.cancel)
            caller.make_calls()
            raise
        return job.result()

    def run_unattended(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* without waiting for it. Does nothing if the loop is closed."""
        if self.is_forked:
            work.close()
            return
        with suppress(RuntimeClosed):
            self._submit(_Job(work, lambda: None))

    def close(self) -> None:
        """Cancel what is still running, and wait until the thread has ended."""
        with self._lock:
            if self._open:
                self._loop.call_soon_threadsafe(self._stopped.set)
                self._open = False
        with defer_sigint():  # Ray may be shutting down in that thread
            self._thread.join()

    def _submit(self, job: _Job[T]) -> None:
        try:
            self._call_soon(job.start)
        except RuntimeClosed:
            job.discard()
            raise

    def _call_soon(self, call: Callable[[], None]) -> None:
        with self._lock:
            if not self._open:
                raise RuntimeClosed("the runtime was left")
            self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._wait_stopped())

    async def _wait_stopped(self) -> None:
        await self._stopped.wait()
