"""What fails: programs."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from typing import cast

import ray
from detection.readings import Reading, death_among_all, require_reasons
from detection.stage import ECHO, NAMESPACE, Stage, require_answer, seconds_until

import rayconteur as rc
from rayconteur.runtime import DeathReason

AT_ONCE = 4

PROGRAM = """
import asyncio, sys
import rayconteur as rc

async def main() -> None:
    address, namespace, kind, session_id = sys.argv[1:]
    options = rc.RuntimeOptions(namespace=namespace, detached=kind == "detached")
    async with rc.Runtime(address, options=options) as runtime:
        await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), session_id)
        print("spawned", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def owner(stage: Stage) -> list[float]:
    """Programs die: readers of their sessions are told, and the sessions of another program are not affected."""
    names = [f"theirs-{number}" for number in range(AT_ONCE)]
    started = await asyncio.gather(*(_started(name, "attached") for name in names))
    mine = await stage.asked(placement=rc.Packed())
    timed = [asyncio.create_task(_timed_death(stage, *each)) for each in zip(names, started, strict=True)]
    await asyncio.sleep(0.5)  # they have subscribed
    for program in started:
        program.kill()
        await require_answer(mine)

    seconds = await asyncio.gather(*timed)

    again = [await stage.runtime.spawn(ECHO, name, rc.Packed()) for name in names]  # their ids are free
    await asyncio.gather(*(session.close() for session in (mine, *again)))
    return seconds


async def _timed_death(stage: Stage, session_id: str, program: Process) -> float:
    """The time from the end of a *program* until all readers know that its session has died."""
    session = await stage.other.session(session_id)
    told = asyncio.gather(Reading(session.events()).death(), death_among_all(stage.other.events(), session_id))
    await program.wait()
    killed_at = time.perf_counter()
    require_reasons(await told, DeathReason.DRIVER_GONE)
    return time.perf_counter() - killed_at


async def owner_of_detached(stage: Stage) -> list[float]:
    """A program with a detached session dies: another one asks that session, and reads on."""
    program = await _started("theirs", "detached")
    theirs = await stage.other.session("theirs")
    await require_answer(theirs)

    async def answer() -> None:
        await program.wait()
        await require_answer(theirs)

    seconds, _ = await seconds_until([answer()], program.kill)
    await theirs.close()
    return [seconds]


async def _started(session_id: str, kind: str) -> Process:
    """A program with a session of that id, which is "attached" or "detached"."""
    address = cast(str, ray.get_runtime_context().gcs_address)
    command = [sys.executable, "-c", PROGRAM, address, NAMESPACE, kind, session_id]
    program = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert program.stdout
    while (line := await program.stdout.readline()) != b"spawned\n":
        assert line, "the program has ended"
    return program
