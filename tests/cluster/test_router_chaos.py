"""Routers that are killed while many sessions talk: no reader has a gap or a duplicate, and every turn has one end."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from signal import SIGKILL
from typing import Any, cast

import msgspec
import psutil
import pytest
import ray
from checkers.session_reading import SessionReading, check_session
from ray.exceptions import RayActorError

import rayconteur as rc
from rayconteur.scripted import Script

READER_BYTES = 16 << 10
HELD_BYTES = READER_BYTES + (256 << 10)
"""What a reader may hold: its own limit, and one segment, which is no larger than an outbox."""

SLOW_S = 0.002
PIECES_PER_S = 50
EVENTS_BETWEEN_KILLS = 15
ROUTERS = 2


class Chaos(msgspec.Struct, frozen=True):
    """So many sessions that repeat messages, and how often a router is killed meanwhile."""

    packed: int
    dedicated: int
    turns: int
    kills: int


SHORT = Chaos(packed=30, dedicated=1, turns=3, kills=2)
WHOLE = Chaos(packed=200, dedicated=8, turns=6, kills=5)


class Talk:
    """A session, and its readers: one from the start that keeps up, a slow one, and one that comes late."""

    def __init__(self, session: rc.SessionHandle, turns: int) -> None:
        self.session = session
        self.questions = [f"{session.id}, turn {turn}. " * 15 for turn in range(turns)]
        self.readings: list[SessionReading] = []
        self.early = self._begin_reading("early")
        self.late = asyncio.Event()
        self.calm = asyncio.Event()

    async def run(self) -> None:
        """Ask all questions, the last one when it is calm, read all answers, and close the session."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.early.run())
            group.create_task(self._begin_reading("slow").run(SLOW_S))
            group.create_task(self._read_late())
            for question in self.questions[:-1]:
                await self.session.send(rc.UserMessage.of(question))
            await self.calm.wait()
            await self.session.send(rc.UserMessage.of(self.questions[-1]))
            await self.session.close(drain=True)

    def _begin_reading(self, kind: str) -> SessionReading:
        reading = SessionReading(f"the {kind} reader of {self.session.id}", self.session.events(), HELD_BYTES)
        self.readings.append(reading)
        return reading

    async def _read_late(self) -> None:
        await self.late.wait()
        await self._begin_reading("late").run()


def router_named(name: str, namespace: str) -> Any:
    return cast(Any, ray.get_actor(name, namespace))


async def kill_router(name: str, namespace: str) -> None:
    """Kill a router's process, and wait until another one serves."""

    def pid_of(actor: object) -> int:  # not a function of this module, which the router can't import
        del actor
        return os.getpid()

    pid = await router_named(name, namespace).__ray_call__.remote(pid_of)
    process = psutil.Process(pid)
    os.kill(pid, SIGKILL)
    await asyncio.to_thread(process.wait, 20)
    async with asyncio.timeout(30):
        while True:
            with suppress(RayActorError):
                await router_named(name, namespace).endpoint.remote()
                return
            await asyncio.sleep(0.05)  # that it has restarted is not announced


async def kill_routers(talks: Sequence[Talk], chaos: Chaos, namespace: str) -> dict[str, int]:
    """Kill routers, each after more has been read. Returns by session up to which event some may have been lost."""
    random = Random(1)
    read = 0
    for number in range(chaos.kills):
        read += EVENTS_BETWEEN_KILLS
        await random.choice(talks).early.wait_for(read)
        await kill_router(f"_router-{number % ROUTERS}", namespace)
        for talk in talks[number % 2 :: 2]:
            talk.late.set()
    lost_up_to: dict[str, int] = {}
    for talk in talks:
        lost_up_to[talk.session.id] = (await talk.session.status()).last_seq
        talk.late.set()
        talk.calm.set()
    return lost_up_to


async def spread_chaos(chaos: Chaos, options: rc.RuntimeOptions) -> None:
    script = Script(tokens_per_s=PIECES_PER_S)
    config = rc.SessionConfig(provider=rc.Scripted(script=script))
    async with rc.Runtime(options=options) as runtime:
        sessions = await runtime.spawn_many(config, chaos.packed, rc.Packed())
        sessions += await runtime.spawn_many(config, chaos.dedicated, rc.Dedicated())
        talks = [Talk(session, chaos.turns) for session in sessions]
        async with asyncio.TaskGroup() as group:
            for talk in talks:
                group.create_task(talk.run())
            lost_up_to = await kill_routers(talks, chaos, options.namespace)
        whole = sum(check_session(talk.readings, talk.questions, lost_up_to[talk.session.id]) for talk in talks)

    assert whole > len(talks) * chaos.turns // 2
    losers = [talk for talk in talks if talk.early.missed]
    assert len(losers) <= len(talks) // 10, "a reader that keeps up loses only what a router had and had not yet sent"
    assert any(reading.missed for talk in talks for reading in talk.readings), "no kill has lost anything"


@pytest.mark.parametrize(
    "chaos", [SHORT, pytest.param(WHOLE, marks=pytest.mark.chaos)], ids=["short", "200 packed, 8 dedicated, 5 kills"]
)
def test_no_reader_has_a_gap_though_routers_are_killed(chaos: Chaos, options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, routers=ROUTERS, reader_bytes=READER_BYTES)

    asyncio.run(spread_chaos(chaos, options))
