"""Calls that nothing interrupts, in threads that do not keep the process from ending, as those of asyncio do."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")

_MOST_THREADS = 8
"""Of each process: the directory may look for a thousand actors at the same time."""

_calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
_threads: list[threading.Thread] = []


def in_daemon_thread(call: Callable[[], T]) -> Future[T]:
    """The result of *call*, to be, which runs in a daemon thread as soon as one is free. It can't be cancelled."""
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    _calls.put(run)
    if len(_threads) < _MOST_THREADS:
        thread = threading.Thread(target=_run_calls, name="rayconteur-blocking", daemon=True)
        _threads.append(thread)
        thread.start()
    return result


def _run_calls() -> None:
    while True:
        _calls.get()()
