"""How fast failures are reported: ``detection_times.py SCENARIO ROUNDS`` prints the seconds from each kill, as JSON.

It starts a Ray of its own. Readers belong to another runtime than the sessions, and what is killed is a process.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from typing import cast

import msgspec
import ray
from fixtures.named_actors import host_name, process_id

import rayconteur as rc
from rayconteur.errors import SessionDied
from rayconteur.scripted import Script

NAMESPACE = "failures"
OPTIONS = rc.RuntimeOptions(namespace=NAMESPACE, journal=rc.runtime.NoJournal())
ECHO = rc.SessionConfig(provider=rc.Scripted())
STREAMS = rc.SessionConfig(provider=rc.Scripted(script=Script(tokens_per_s=100)))
LONG = "raven " * 20_000
PROGRAMS_AT_ONCE = 4

PROGRAM = """
import asyncio, sys
import rayconteur as rc

NONE = rc.runtime.NoJournal()

async def main() -> None:
    options = rc.RuntimeOptions(namespace=sys.argv[2], detached=sys.argv[3] == "detached", journal=NONE)
    async with rc.Runtime(sys.argv[1], options=options) as runtime:
        await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), sys.argv[4])
        print("spawned", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def death(reader: AsyncIterable[rc.FromLLM]) -> str:
    """Wait until *reader* is told that its session has died. Returns why."""
    try:
        async for event in reader:
            if type(event).__name__ == "Died":
                return str(getattr(event, "reason", ""))
    except SessionDied as died:
        return died.reason
    raise AssertionError("the session has ended in order")


async def seconds_until(reports: Iterable[Awaitable[object]], kill: Callable[[], object]) -> float:
    """The time from *kill* to the last of *reports*."""
    waiting = [asyncio.ensure_future(report) for report in reports]
    await asyncio.sleep(0.2)  # they have subscribed
    killed_at = time.perf_counter()
    kill()
    async with asyncio.timeout(60):
        await asyncio.gather(*waiting)
    return time.perf_counter() - killed_at


async def kill_all(*actors: str) -> Callable[[], None]:
    """A function that kills the processes of *actors*."""
    pids = [await asyncio.to_thread(process_id, actor, NAMESPACE) for actor in actors]

    def kill() -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    return kill


async def host_of(session: rc.SessionHandle) -> str:
    return await asyncio.to_thread(host_name, session.id, NAMESPACE)


async def session_actor(runtime: rc.Runtime, other: rc.Runtime, beside: Sequence[str] = ()) -> list[float]:
    """A dedicated session's actor dies, and with it those *beside* it: a reader is told."""
    session = await runtime.spawn(ECHO)
    await session.ask("are you there?").answer()
    reader = (await other.session(session.id)).events()
    kill = await kill_all(*beside, await host_of(session))
    return [await seconds_until([death(reader)], kill)]


async def packed_actor(runtime: rc.Runtime, other: rc.Runtime) -> list[float]:
    """An actor with 100 sessions dies: all 100 readers are told."""
    sessions = await runtime.spawn_many(ECHO, 100, rc.Packed())
    readers = [(await other.session(session.id)).events() for session in sessions]
    kill = await kill_all(await host_of(sessions[0]))
    return [await seconds_until(map(death, readers), kill)]


async def router(runtime: rc.Runtime, other: rc.Runtime) -> list[float]:
    """A router dies while a session streams: a reader gets events that are newer."""
    session = await runtime.spawn(STREAMS, placement=rc.Packed())
    await session.send(rc.UserMessage.of(LONG))
    reader = (await other.session(session.id)).events()
    while (await anext(reader)).seq < 20:
        pass
    kill = await kill_all("_router-0")
    killed = asyncio.Event()

    def kill_now() -> None:
        kill()
        killed.set()

    async def newer() -> None:
        await killed.wait()
        last = (await session.status()).last_seq
        async for event in reader:
            if event.seq > last:
                return

    seconds = await seconds_until([newer()], kill_now)
    await session.close()
    return [seconds]


async def host_and_router(runtime: rc.Runtime, other: rc.Runtime) -> list[float]:
    """A session's actor and its router die together: a reader is told."""
    return await session_actor(runtime, other, ["_router-0"])


async def directory(runtime: rc.Runtime, other: rc.Runtime) -> list[float]:
    """The directory dies: another program lists all sessions again."""
    session = await runtime.spawn(ECHO, placement=rc.Packed())
    kill = await kill_all("_directory")

    async def listed() -> None:
        await killed.wait()
        assert session.id in [status.id for status in await other.sessions()]

    killed = asyncio.Event()

    def kill_now() -> None:
        kill()
        killed.set()

    seconds = await seconds_until([listed()], kill_now)
    await session.close()
    return [seconds]


async def directory_and_host(runtime: rc.Runtime, other: rc.Runtime) -> list[float]:
    """The directory and a session's actor die together: a reader is told."""
    return await session_actor(runtime, other, ["_directory"])


async def program(runtime: rc.Runtime, other: rc.Runtime) -> list[float]:
    """Programs die: readers of their sessions are told."""
    programs = [start_program("attached", f"theirs-{number}") for number in range(PROGRAMS_AT_ONCE)]
    readers = [(await other.session(f"theirs-{number}")).events() for number in range(PROGRAMS_AT_ONCE)]
    seconds = [
        asyncio.create_task(timed_death(reader, started)) for reader, started in zip(readers, programs, strict=True)
    ]
    mine = await runtime.spawn(ECHO, placement=rc.Packed())
    for started in programs:
        started.kill()
    assert (await mine.ask("are you there?").answer()).text == "are you there?"
    await mine.close()
    return await asyncio.gather(*seconds)


async def timed_death(reader: AsyncIterable[rc.FromLLM], started: subprocess.Popen[str]) -> float:
    """The time from the end of a program to the report of its session's death."""
    dying = asyncio.ensure_future(death(reader))
    await asyncio.to_thread(started.wait)
    killed_at = time.perf_counter()
    await dying
    return time.perf_counter() - killed_at


async def detached_program(runtime: rc.Runtime, other: rc.Runtime) -> list[float]:
    """A program with a detached session dies: another one asks the session."""
    started = start_program("detached", "theirs")
    theirs = await other.session("theirs")

    async def answer() -> None:
        await asyncio.to_thread(started.wait)
        assert (await theirs.ask("are you there?").answer()).text == "are you there?"

    seconds = await seconds_until([answer()], started.kill)
    await theirs.close()
    return [seconds]


def start_program(kind: str, session_id: str) -> subprocess.Popen[str]:
    """A program with one session of that id."""
    address = cast(str, ray.get_runtime_context().gcs_address)
    command = [sys.executable, "-c", PROGRAM, address, NAMESPACE, kind, session_id]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    assert started.stdout.readline() == "spawned\n"
    return started


SCENARIOS: dict[str, Callable[[rc.Runtime, rc.Runtime], Awaitable[list[float]]]] = {
    "session": session_actor,
    "packed": packed_actor,
    "router": router,
    "host-and-router": host_and_router,
    "directory": directory,
    "directory-and-host": directory_and_host,
    "program": program,
    "detached-program": detached_program,
}


async def measured(scenario: Callable[[rc.Runtime, rc.Runtime], Awaitable[list[float]]], rounds: int) -> list[float]:
    seconds: list[float] = []
    async with rc.Runtime(options=OPTIONS) as runtime, rc.Runtime(options=OPTIONS) as other:
        while len(seconds) < rounds:
            seconds += await scenario(runtime, other)
    return seconds[:rounds]


def main(name: str, rounds: int) -> list[float]:
    """The seconds of each round."""
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    return asyncio.run(measured(SCENARIOS[name], rounds))


if __name__ == "__main__":
    print(msgspec.json.encode(main(sys.argv[1], int(sys.argv[2]))).decode())
