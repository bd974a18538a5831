"""How a crowd is asked."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import assert_never

import psutil

from ..adapters.adapter import Crowd, Hear
from ..load.schedule import Plan, due_times
from ..system.processes import family, idle
from .tally import Tally, Window
from .workloads import Converse, Listen, Saturate, Task, Trial

_TURNS = 4
_LATEST_S = 3.0

_Processes = Sequence[psutil.Process]

Tell = Callable[[Trial], None]
"""Is called once, from any thread, as soon as a trial is over."""


async def carry_out(task: Task, crowd: Crowd, tell: Tell, *, whole: bool) -> None:
    """Do what *task* asks, and *tell* what came of it. Come back when *crowd* is at rest: others are waiting.

    *whole*: all its processes descend from this one, so that their time is known.
    """
    await crowd.open(task.sessions)
    await idle()
    processes = family() if whole else []
    match task:
        case Saturate():
            await _saturate(task, crowd, tell, processes)
        case Listen():
            await _listen(task, crowd, tell, processes)
        case Converse():
            tell(await _converse(task, crowd, processes))
        case _:
            assert_never(task)
    await crowd.open(0)
    await idle()


async def _saturate(task: Saturate, crowd: Crowd, tell: Tell, processes: _Processes) -> None:
    tally = Tally()
    silence = _Silence(task.sessions)

    async def keep_asking(session: int) -> None:
        hear = silence.broken_by(session, tally.hear) if task.settle_s else tally.hear
        for number in range(task.answers):
            if number and number % _TURNS == 0:
                await crowd.forget(session)
            await crowd.ask(session, hear)
            tally.answers += 1

    done = threading.Event()
    first_window = Window(tally, processes)

    def watch() -> Trial:
        window = first_window
        if task.settle_s:
            silence.over.wait(task.settle_s)
            window = Window(tally, processes)
        done.wait(task.longest_s)
        return window.trial(task.sessions)

    async with _running(keep_asking(session) for session in range(task.sessions)) as asking:
        asking.add_done_callback(lambda _: done.set())
        await _watched(watch, tell)


async def _listen(task: Listen, crowd: Crowd, tell: Tell, processes: _Processes) -> None:
    tally = Tally()
    silence = _Silence(task.sessions)

    async def ask(session: int) -> None:
        await asyncio.sleep(task.arrive_s * session / task.sessions)
        await crowd.ask(session, silence.broken_by(session, tally.hear))

    def watch() -> Trial:
        silence.over.wait(task.arrive_s + _LATEST_S)
        window = Window(tally, processes)
        time.sleep(task.for_s)
        return window.trial(task.sessions)

    async with _running(ask(session) for session in range(task.sessions)):
        await _watched(watch, tell)


async def _watched(watch: Callable[[], Trial], tell: Tell) -> None:
    """*watch* in a thread, and *tell* from there: an event loop with too much to read may not look up for minutes."""
    told: Future[None] = Future()

    def run() -> None:
        try:
            tell(watch())
        except BaseException as error:
            told.set_exception(error)
        else:
            told.set_result(None)

    # None of the event loop's: it would have to come back before this process may end.
    threading.Thread(target=run, daemon=True).start()
    await asyncio.shield(asyncio.wrap_future(told))


async def _converse(task: Converse, crowd: Crowd, processes: _Processes) -> Trial:
    tally = Tally()
    plan = Plan(
        sessions=task.sessions,
        turns=task.turns,
        arrive_s=task.arrive_s,
        answer_s=task.answer_s,
        think_s=task.think_s,
        seed=task.seed,
    )
    window = Window(tally, processes)
    begun_at = time.perf_counter()

    async def converse(session: int, due_s: Iterable[float]) -> None:
        for due in due_s:
            due_at = begun_at + due
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            await crowd.ask(session, tally.timed(due_at))
            tally.answers += 1

    async with _running(converse(session, due) for session, due in enumerate(due_times(plan))) as conversing:
        await conversing
    return window.trial(task.sessions)


class _Silence:
    """It is *over* when each of so many sessions has been heard."""

    def __init__(self, sessions: int) -> None:
        self._silent = set(range(sessions))
        self.over = threading.Event()

    def broken_by(self, session: int, hear: Hear) -> Hear:
        """*hear*, for *session*."""

        def hear_it(text: str) -> None:
            self._silent.discard(session)
            if not self._silent:
                self.over.set()
            hear(text)

        return hear_it


@asynccontextmanager
async def _running(work: Iterable[Coroutine[None, None, None]]) -> AsyncGenerator[asyncio.Task[object]]:
    """Do all of *work* meanwhile, and break off at the end what is still under way. The task ends when all is done.

    What fails breaks off everything.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part) for part in work]
            working = group.create_task(asyncio.wait(tasks))
            yield working
            for task in (*tasks, working):
                task.cancel()
    except* Exception as failed:
        raise failed.exceptions[0] from None
