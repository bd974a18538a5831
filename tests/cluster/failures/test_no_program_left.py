"""All programs of a namespace die together with its directory: what they owned ends, though nobody calls it."""

import asyncio
import subprocess
import sys

import pytest
from fixtures.named_actors import actor_names, kill, process_id, wait_until

import rayconteur as rc
from rayconteur.runtime.cluster.directory.actor_names import is_host

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

PROGRAM = """
import asyncio, sys
import rayconteur as rc

ECHO = rc.SessionConfig(provider=rc.Scripted())

async def main() -> None:
    options = rc.RuntimeOptions(namespace=sys.argv[2], detached=True, journal=rc.runtime.NoJournal())
    async with rc.Runtime(sys.argv[1], options=options, warm=1) as runtime:
        await runtime.spawn(ECHO, "kept")
        await (await runtime.spawn(ECHO, placement=rc.Packed())).close()
        print("spawned", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def wait_for_hosts(number: int, namespace: str) -> None:
    for _ in range(3):  # of 20 s each: a program may be busy for half a minute after a restart
        try:
            await wait_until(lambda: sum(map(is_host, actor_names(namespace))) == number)
            return
        except TimeoutError:
            continue
    raise AssertionError(actor_names(namespace))


def test_a_restarted_directory_ends_what_nobody_owns_though_no_program_is_left(
    options: rc.RuntimeOptions, ray_address: str
) -> None:
    command = [sys.executable, "-c", PROGRAM, ray_address, options.namespace]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "spawned\n"
        directory = process_id("_directory", options.namespace)

        program.kill()
        kill(directory)

        asyncio.run(wait_for_hosts(1, options.namespace))

    async def attach() -> None:
        async with rc.Runtime(options=options) as runtime:
            session = await runtime.session("kept")
            assert (await session.ask("are you there?").answer()).text == "are you there?"
            await session.close()

    asyncio.run(attach())
    asyncio.run(wait_until(lambda: not actor_names(options.namespace)))
