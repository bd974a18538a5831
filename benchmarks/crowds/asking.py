"""How a crowd is asked."""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import assert_never

from ..load.schedule import Plan, due_times
from ..processes import idle
from .crowd import Crowd, Hear
from .tally import Tally, Window
from .trial import Converse, Listen, Saturate, Task, Trial

_TURNS = 4
_LATEST_S = 8.0


async def carry_out(task: Task, crowd: Crowd, whole: bool) -> Trial:
    """Do what *task* asks. *whole*: all processes of *crowd* descend from this one, so that their time is known."""
    await crowd.open(task.sessions)
    await idle()
    match task:
        case Saturate():
            return await _saturate(task, crowd, whole)
        case Listen():
            return await _listen(task, crowd, whole)
        case Converse():
            return await _converse(task, crowd, whole)
        case _:
            assert_never(task)


async def _saturate(task: Saturate, crowd: Crowd, whole: bool) -> Trial:
    tally = Tally()
    silence = _Silence(task.sessions)

    async def keep_asking(session: int) -> None:
        hear = silence.broken_by(session, tally.hear) if task.settle_s else tally.hear
        for number in range(task.answers):
            if number and number % _TURNS == 0:
                await crowd.forget(session)
            await crowd.ask(session, hear)
            tally.answers += 1

    window = Window(tally, whole)
    async with _running(keep_asking(session) for session in range(task.sessions)) as done:
        if task.settle_s:
            await _within(task.settle_s, silence.over)
            window = Window(tally, whole)
        await _within(task.longest_s, done)
        return window.trial(task.sessions)


async def _listen(task: Listen, crowd: Crowd, whole: bool) -> Trial:
    tally = Tally()
    silence = _Silence(task.sessions)

    async def ask(session: int) -> None:
        await asyncio.sleep(task.arrive_s * session / task.sessions)
        await crowd.ask(session, silence.broken_by(session, tally.hear))

    async with _running(ask(session) for session in range(task.sessions)):
        await _within(task.arrive_s + _LATEST_S, silence.over)
        window = Window(tally, whole)
        await asyncio.sleep(task.for_s)
        return window.trial(task.sessions)


async def _converse(task: Converse, crowd: Crowd, whole: bool) -> Trial:
    tally = Tally()
    plan = Plan(
        sessions=task.sessions,
        turns=task.turns,
        arrive_s=task.arrive_s,
        answer_s=task.answer_s,
        think_s=task.think_s,
        seed=task.seed,
    )
    window = Window(tally, whole)
    begun_at = time.perf_counter()

    async def converse(session: int, due_s: Iterable[float]) -> None:
        for due in due_s:
            due_at = begun_at + due
            await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
            await crowd.ask(session, tally.timed(due_at))
            tally.answers += 1

    async with _running(converse(session, due) for session, due in enumerate(due_times(plan))) as done:
        await done.wait()
    return window.trial(task.sessions)


class _Silence:
    """It is *over* when each of so many sessions has been heard."""

    def __init__(self, sessions: int) -> None:
        self._silent = set(range(sessions))
        self.over = asyncio.Event()

    def broken_by(self, session: int, hear: Hear) -> Hear:
        """*hear*, for *session*."""

        def hear_it(text: str) -> None:
            self._silent.discard(session)
            if not self._silent:
                self.over.set()
            hear(text)

        return hear_it


async def _within(seconds: float, event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


@asynccontextmanager
async def _running(work: Iterable[Coroutine[None, None, None]]) -> AsyncGenerator[asyncio.Event]:
    """Do all of *work* meanwhile, and break off at the end what is still under way. The event says that all is done.

    What fails breaks off everything.
    """
    done = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part) for part in work]

            async def tell() -> None:
                await asyncio.wait(tasks)
                done.set()

            telling = group.create_task(tell())
            yield done
            for task in (*tasks, telling):
                task.cancel()
    except* Exception as failed:
        raise failed.exceptions[0] from None
