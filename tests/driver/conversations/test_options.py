"""Options of a runtime take effect where they belong: in routers, in session actors, in readers, and in Ray."""

import asyncio
import json
import os
import subprocess
import sys

import msgspec
import pytest

import rayconteur as rc
from rayconteur.errors import HistoryFull
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.reader import Reader
from rayconteur.scripted import Say, Script

ECHO = rc.SessionConfig(provider=rc.Scripted())
TEXT = "a raven says so, " * 20
LONG = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(TEXT * 500),),))))

STARTS_RAY = """
import json, logging
import ray
import rayconteur as rc

with rc.blocking.Runtime(options=rc.RuntimeOptions(num_cpus=3, quiet=False)) as runtime:
    config = rc.SessionConfig(provider=rc.Scripted())
    runtime.spawn(config).ask("hi").answer()
    level = logging.getLogger("ray").getEffectiveLevel()
    print(json.dumps([ray.cluster_resources()["CPU"], level]))
"""


async def missed(reader: Reader, turn: int = 1) -> int:
    """How many events *reader* is told that it has missed, up to the end of *turn*."""
    events = 0
    async for event in reader:
        if isinstance(event, rc.Missed):
            events += event.last - event.first + 1
        if isinstance(event, rc.Completed) and event.turn == turn:
            break
    return events


@pytest.mark.parametrize(("session_bytes", "loses"), [(20_000, True), (8 << 20, False)])
def test_the_limits_of_routers_reach_them(options: rc.RuntimeOptions, session_bytes: int, loses: bool) -> None:
    limited = msgspec.structs.replace(options, router_limits=RouterLimits(session_bytes=session_bytes))

    async def main() -> int:
        async with rc.Runtime(options=limited, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(LONG)
            for _ in range(3):  # no reader yet: it could fall behind itself. The newest segment of a log always stays
                await session.send(rc.UserMessage.of("speak"))
            while (status := await session.status()).turn or status.waiting:
                pass
            return await missed(session.events(after=0), turn=3)

    assert (asyncio.run(main()) > 0) is loses


@pytest.mark.parametrize(("reader_bytes", "loses"), [(2_000, True), (4 << 20, False)])
def test_a_reader_holds_so_many_bytes_for_a_program_that_is_busy(
    options: rc.RuntimeOptions, reader_bytes: int, loses: bool
) -> None:
    limits = RouterLimits(session_bytes=20_000)
    narrow = msgspec.structs.replace(options, reader_bytes=reader_bytes, router_limits=limits)

    async def main() -> int:
        async with rc.Runtime(options=narrow, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(LONG)
            reader = session.events(after=0)
            for _ in range(3):
                await session.send(rc.UserMessage.of("speak"))
            assert isinstance(await anext(reader), rc.TurnStarted)
            async with rc.Runtime(options=msgspec.structs.replace(options, router_limits=limits)) as other:
                await missed((await other.session(session.id)).events(after=0), turn=3)
            return await missed(reader, turn=3)

    assert (asyncio.run(main()) > 0) is loses


def test_the_histories_of_an_actor_have_so_many_bytes(joining: rc.RuntimeOptions) -> None:
    narrow = msgspec.structs.replace(joining, host_history_bytes=5_000)

    async def main() -> None:
        async with rc.Runtime(options=narrow, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO)
            await session.ask("x" * 2_000).answer()
            with pytest.raises(HistoryFull, match="host_history_bytes is 5,000"):
                await session.ask("x" * 4_000).answer()

    asyncio.run(main())


def test_a_ray_that_a_runtime_starts_has_so_many_cpus_and_logs_as_much() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}

    ended = subprocess.run(
        [sys.executable, "-c", STARTS_RAY],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )

    assert json.loads(ended.stdout.splitlines()[-1]) == [3.0, 20]
