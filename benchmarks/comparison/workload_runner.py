"""Runs a workload on an adapter."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import assert_never

import psutil

from ..adapters.adapter import Adapter, OnText
from ..load.schedule import OpenLoop, due_times
from ..system.processes import process_tree, wait_until_idle
from .tally import Tally, Window
from .workloads import Paced, Saturate, Trial, Workload

_MAX_SILENCE_S = 3.0

_Processes = Sequence[psutil.Process]

Report = Callable[[Trial], None]
"""Called once, from any thread, as soon as the measurement is over."""


async def run_workload(workload: Workload, adapter: Adapter, report: Report, *, owns_processes: bool) -> None:
    """Run *workload* and *report* the trial; returns when *adapter* is idle again, for the next contestant's sake.

    With *owns_processes* all processes of the adapter descend from this one, so that their CPU time is known.
    """
    await adapter.open(workload.sessions)
    await wait_until_idle()
    processes = process_tree() if owns_processes else []
    match workload:
        case Saturate():
            await _saturate(workload, adapter, report, processes)
        case Paced():
            await _run_paced(workload, adapter, report, processes)
        case OpenLoop():
            report(await _run_open_loop(workload, adapter, processes))
        case _:
            assert_never(workload)
    await adapter.open(0)
    await wait_until_idle()


async def _saturate(workload: Saturate, adapter: Adapter, report: Report, processes: _Processes) -> None:
    tally = Tally()
    first_texts = _FirstTexts(workload.sessions)

    async def keep_asking(session: int) -> None:
        on_text = first_texts.watch(session, tally.count_text) if workload.settle_s else tally.count_text
        for number in range(workload.answers):
            if number and number % workload.turns == 0:
                await adapter.reset(session)
            await adapter.ask(session, on_text)
            tally.answers += 1

    done = threading.Event()
    whole_window = Window(tally, processes)

    def measure() -> Trial:
        window = whole_window
        if workload.settle_s:
            first_texts.all_received.wait(workload.settle_s)
            window = Window(tally, processes)
        done.wait(workload.longest_s)
        return window.end(workload.sessions)

    async with _running(keep_asking(session) for session in range(workload.sessions)) as asking:
        asking.add_done_callback(lambda _: done.set())
        await _report_from_thread(measure, report)


async def _run_paced(workload: Paced, adapter: Adapter, report: Report, processes: _Processes) -> None:
    tally = Tally()
    first_texts = _FirstTexts(workload.sessions)

    async def ask(session: int) -> None:
        await asyncio.sleep(workload.arrive_s * session / workload.sessions)
        await adapter.ask(session, first_texts.watch(session, tally.count_text))

    def measure() -> Trial:
        first_texts.all_received.wait(workload.arrive_s + _MAX_SILENCE_S)
        window = Window(tally, processes)
        time.sleep(workload.duration_s)
        return window.end(workload.sessions)

    async with _running(ask(session) for session in range(workload.sessions)):
        await _report_from_thread(measure, report)


async def _report_from_thread(measure: Callable[[], Trial], report: Report) -> None:
    """*measure* and *report* in a thread: an overloaded event loop may not run a timer for minutes."""
    reported: Future[None] = Future()

    def run() -> None:
        try:
            report(measure())
        except BaseException as error:
            reported.set_exception(error)
        else:
            reported.set_result(None)

    # Not one of the event loop's threads: the process could not end before it.
    threading.Thread(target=run, daemon=True).start()
    await asyncio.shield(asyncio.wrap_future(reported))


async def _run_open_loop(workload: OpenLoop, adapter: Adapter, processes: _Processes) -> Trial:
    tally = Tally()
    window = Window(tally, processes)
    started_at = time.perf_counter()

    async def converse(session: int, due_s: Iterable[float]) -> None:
        for due in due_s:
            due_at = started_at + due
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            await adapter.ask(session, tally.timed(due_at))
            tally.answers += 1

    async with _running(converse(session, due) for session, due in enumerate(due_times(workload))) as conversing:
        await conversing
    return window.end(workload.sessions)


class _FirstTexts:
    """Sets *all_received* when each of *sessions* sessions has received text."""

    def __init__(self, sessions: int) -> None:
        self._without_text = set(range(sessions))
        self.all_received = threading.Event()

    def watch(self, session: int, on_text: OnText) -> OnText:
        """*on_text*, and notes that *session* has received text."""

        def note_text(text: str) -> None:
            self._without_text.discard(session)
            if not self._without_text:
                self.all_received.set()
            on_text(text)

        return note_text


@asynccontextmanager
async def _running(coroutines: Iterable[Coroutine[None, None, None]]) -> AsyncGenerator[asyncio.Task[object]]:
    """Runs all *coroutines* concurrently, and cancels at the end those still running; gives a task for all of them.

    If one fails, the others are cancelled, and its error is raised.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in coroutines]
            all_done = group.create_task(asyncio.wait(tasks))
            yield all_done
            for task in (*tasks, all_done):
                task.cancel()
    except* Exception as failed:
        raise failed.exceptions[0] from None
