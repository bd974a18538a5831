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
import json, logging, os
import psutil
import ray
import rayconteur as rc

reports = []
handler = logging.Handler()
handler.emit = lambda record: reports.append(record.getMessage())
logging.getLogger("rayconteur").addHandler(handler)
logging.getLogger("rayconteur").setLevel(logging.INFO)

with rc.blocking.Runtime(options=rc.RuntimeOptions(num_cpus=3, quiet=False)) as runtime:
    config = rc.SessionConfig(provider=rc.Scripted())
    runtime.spawn(config).ask("hi").answer()
    level = logging.getLogger("ray").getEffectiveLevel()
    niceness = {process.nice() - os.nice(0) for process in psutil.Process().children(recursive=True)}
    print(json.dumps([reports[0], ray.cluster_resources()["CPU"], level, *niceness]))
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


async def speak(session: rc.SessionHandle) -> None:
    """Have *session* say more than a small router, or a narrow reader, holds."""
    for _ in range(3):
        await session.send(rc.UserMessage.of("speak"))
    while (status := await session.status()).turn or status.waiting:
        pass


def test_the_limits_of_routers_and_readers_reach_them(options: rc.RuntimeOptions) -> None:
    small = msgspec.structs.replace(options, router_limits=RouterLimits(session_bytes=20_000))
    narrow = msgspec.structs.replace(small, reader_bytes=2_000)

    async def main() -> list[bool]:
        async with rc.Runtime(options=small, placement=rc.Packed()) as runtime, rc.Runtime(options=narrow) as other:
            session = await runtime.spawn(LONG)
            wide_reader, narrow_reader = session.events(after=0), (await other.session(session.id)).events(after=0)
            await speak(session)  # while nobody takes anything from the readers
            return [await missed(each, turn=3) > 0 for each in (session.events(after=0), narrow_reader, wide_reader)]

    loses = asyncio.run(main())
    assert loses == [True, True, False]  # one that comes late, one that held too little, and one that held everything


def test_a_router_of_the_usual_size_has_everything_for_one_that_comes_late(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> int:
        session = await async_runtime.spawn(LONG)
        await speak(session)
        return await missed(session.events(after=0), turn=3)

    assert runner.run(main()) == 0


def test_the_histories_of_an_actor_have_so_many_bytes(joining: rc.RuntimeOptions) -> None:
    narrow = msgspec.structs.replace(joining, host_history_bytes=5_000)

    async def main() -> None:
        async with rc.Runtime(options=narrow, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO)
            await session.ask("x" * 2_000).answer()
            with pytest.raises(HistoryFull, match="host_history_bytes is 5,000"):
                await session.ask("x" * 4_000).answer()

    asyncio.run(main())


def test_a_ray_that_a_runtime_starts_is_reported_and_has_so_many_cpus_its_log_level_and_equal_priority() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}

    ended = subprocess.run(
        [sys.executable, "-c", STARTS_RAY],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )

    assert json.loads(ended.stdout.splitlines()[-1]) == ["starting Ray on this machine", 3.0, 20, 0]
