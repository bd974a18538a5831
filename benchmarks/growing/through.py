"""Costs of the whole runtime: the CPU time of all its processes. What the load server takes is not in them."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import rayconteur as rc
from rayconteur.scripted import Say, Script

from ..load.answers import ANTHROPIC
from ..load.process import LoadProcess
from ..readers.runtime_client import config_of
from ..system.processes import Meter, family
from ..system.ray_cluster import local_runtime
from .cost import Grown

_PLACE = rc.Packed(sessions_per_actor=1_000_000)
_CONFIG = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(text="abcd" * 50),),))))
_QUESTION = "They hide food, remember where, and hide it again if another raven was watching. " * 5
_SPEAKERS = 10
_TALKERS = 2
_MOST_BORN = 20_000


class Crowds:
    """So many sessions in the runtime, each of which is asked once."""

    def __init__(self, runtime: rc.Runtime) -> None:
        self._runtime = runtime
        self._sessions: list[rc.SessionHandle] = []

    async def spend(self, sessions: int) -> float:
        """All of them at once."""
        await self._have(sessions)
        meter = Meter(family())
        await asyncio.gather(*(_turn(session) for session in self._sessions))
        return meter.spent_s()

    async def close(self) -> None:
        """End the sessions."""
        await self._have(0)

    async def _have(self, sessions: int) -> None:
        there = len(self._sessions)
        if there < sessions:
            self._sessions += await self._runtime.spawn_many(_CONFIG, sessions - there, _PLACE)
        await asyncio.gather(*(session.close() for session in self._sessions[sessions:]))
        del self._sessions[sessions:]


class Answers:
    """Some sessions for each length of their answers, over HTTP."""

    def __init__(self, runtime: rc.Runtime, server: LoadProcess) -> None:
        self._runtime = runtime
        self._server = server
        self._sessions: dict[int, list[rc.SessionHandle]] = {}

    async def spend(self, tokens: int) -> float:
        """A turn of each of those."""
        if tokens not in self._sessions:
            config = rc.SessionConfig(provider=config_of(ANTHROPIC, self._server.url), max_output_tokens=tokens)
            self._sessions[tokens] = await self._runtime.spawn_many(config, _SPEAKERS, _PLACE)
        meter = Meter(family(but=self._server.pid))
        await asyncio.gather(*(_turn(session) for session in self._sessions[tokens]))
        return meter.spent_s()


class Births:
    """Sessions that are spawned, in a runtime of their own: when there are too many, it ends with all of them."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._inside = AsyncExitStack()
        self._runtime: rc.Runtime | None = None
        self._born = 0

    async def spend(self, sessions: int) -> float:
        """So many more."""
        if self._born + sessions > _MOST_BORN:
            await self.close()
        if self._runtime is None:
            self._runtime = await self._inside.enter_async_context(local_runtime(self._address))
            await self._runtime.spawn(_CONFIG, placement=_PLACE)  # so that its actor is there
        self._born += sessions
        meter = Meter(family())
        await self._runtime.spawn_many(_CONFIG, sessions, _PLACE)
        return meter.spent_s()

    async def close(self) -> None:
        """End them."""
        self._runtime, self._born = None, 0
        await self._inside.aclose()


async def long_talk(runtime: rc.Runtime, server: LoadProcess, marks: Sequence[int]) -> Grown:
    """What a turn takes with a history of so many messages: those of two sessions, on the way from mark to mark."""
    config = rc.SessionConfig(provider=config_of(ANTHROPIC, server.url), max_output_tokens=10, compaction=None)
    sessions = await runtime.spawn_many(config, _TALKERS, _PLACE)

    async def ask(session: rc.SessionHandle, turns: int) -> None:
        for _ in range(turns):
            await session.ask(_QUESTION).answer()

    there, sizes, spent_s = 0, list[float](), list[list[float]]()
    for mark in marks:
        turns = (mark - there) // 2
        meter = Meter(family(but=server.pid))
        await asyncio.gather(*(ask(session, turns) for session in sessions))
        sizes.append((there + mark) / 2)
        spent_s.append([meter.spent_s() / turns / _TALKERS])
        there = mark
    await asyncio.gather(*(session.close() for session in sessions))
    return Grown("a turn of a long conversation over HTTP", "messages", sizes, spent_s)


async def _turn(session: rc.SessionHandle) -> None:
    await session.ask("Any news of the ravens?").answer()
    await session.clear()
