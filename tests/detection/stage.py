"""Where a failure is measured: two runtimes, of which one has the sessions, and the other one reads."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from detection.readings import Reading, death_among_all, death_of_asked
from fixtures.named_actors import host_name, process_id

import rayconteur as rc
from rayconteur.runtime import DeathReason
from rayconteur.scripted import Script, Wait

T = TypeVar("T")

NAMESPACE = "failures"
OPTIONS = rc.RuntimeOptions(namespace=NAMESPACE, journal=rc.runtime.NoJournal())
ECHO = rc.SessionConfig(provider=rc.Scripted())
HANGS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Wait(),),))))
STREAMS = rc.SessionConfig(provider=rc.Scripted(script=Script(tokens_per_s=50)))
LONG = rc.UserMessage.of("raven " * 20_000)
QUESTION = "are you there?"
LONGEST_S = 90.0
"""After that, nobody is told any more."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The *runtime* has sessions, the *other* one reads. *cluster* is one of ``ray.cluster_utils``, if there is one."""

    runtime: rc.Runtime
    other: rc.Runtime
    cluster: Any = None

    async def asked(
        self, session_id: str | None = None, placement: rc.runtime.Placement | None = None
    ) -> rc.SessionHandle:
        """A session that has answered once."""
        session = await self.runtime.spawn(ECHO, session_id, placement)
        await require_answer(session)
        return session

    async def streaming(self) -> rc.SessionHandle:
        """A packed session that streams for minutes."""
        session = await self.runtime.spawn(STREAMS, placement=rc.Packed())
        await session.send(LONG)
        return session

    async def reader(self, session: rc.SessionHandle, after: int = 0) -> rc.runtime.Reader:
        """A reader of the session, of the other runtime."""
        return (await self.other.session(session.id)).events(after)

    async def reports_of_death(self, session: rc.SessionHandle) -> list[Awaitable[DeathReason]]:
        """What all kinds of readers will say of the death of *session*, which is asked, and does not answer."""
        asking = asyncio.ensure_future(death_of_asked(session.ask(QUESTION)))
        await anext(session.events())
        return [
            asking,
            Reading(session.events()).death(),
            Reading(await self.reader(session)).death(),
            death_among_all(self.runtime.events(), session.id),
            death_among_all(self.other.events(), session.id),
        ]


async def require_answer(session: rc.SessionHandle) -> None:
    """Check that *session* answers."""
    assert (await session.ask(QUESTION).answer()).text == QUESTION


async def seconds_until(reports: Iterable[Awaitable[T]], kill: Callable[[], object]) -> tuple[float, list[T]]:
    """The time from *kill* to the last of *reports*, and what they say."""
    waiting = [asyncio.ensure_future(report) for report in reports]
    await asyncio.sleep(0.2)  # they have subscribed
    killed_at = time.perf_counter()
    kill()
    async with asyncio.timeout(LONGEST_S):
        said = await asyncio.gather(*waiting)
    return time.perf_counter() - killed_at, said


async def seconds_from(kill: Callable[[], object], report: Callable[[], Awaitable[object]]) -> float:
    """The time from *kill* to the end of *report*, which begins then."""
    killed_at = time.perf_counter()
    kill()
    async with asyncio.timeout(LONGEST_S):
        await report()
    return time.perf_counter() - killed_at


async def killing(*actors: str) -> Callable[[], None]:
    """A function that kills the processes of *actors* (SIGKILL)."""
    pids = [await asyncio.to_thread(process_id, actor, NAMESPACE) for actor in actors]

    def kill() -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    return kill


async def host_of(session: rc.SessionHandle) -> str:
    """The name of the actor that has the session."""
    return await asyncio.to_thread(host_name, session.id, NAMESPACE)
