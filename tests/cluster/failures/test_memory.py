"""The memory that actors request from Ray, and what happens where a node has little of it."""

import asyncio
import subprocess
import sys
from typing import Any, cast

import msgspec
import pytest
import ray
from fixtures.named_actors import wait_until

import rayconteur as rc
from rayconteur.runtime.cluster.memory import MemoryRequests

ECHO = rc.SessionConfig(provider=rc.Scripted())
MIB = 1 << 20
REQUESTS = MemoryRequests()
RAY = cast(Any, ray)  # which has no types for its resources

DEFAULT_PROGRAM = """
import asyncio, sys
import ray
import rayconteur as rc

ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, _memory=int(sys.argv[1]))

async def main() -> None:
    async with rc.Runtime() as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))
        print((await session.ask("hello").answer()).text)

asyncio.run(main())
"""


def memory_in_use() -> float:
    """How much memory actors have been granted."""
    in_all, left = (
        cast(dict[str, float], resources()) for resources in (RAY.cluster_resources, RAY.available_resources)
    )
    return in_all["memory"] - left.get("memory", 0.0)


def requested_outside(namespace: str) -> int:
    """How much memory the actors of all other namespaces have requested, by what they are."""
    by_kind = {
        "_directory": REQUESTS.directory,
        "_router": REQUESTS.router,
        "_journal": REQUESTS.journal,
        "_host": REQUESTS.packed,
        "_session": REQUESTS.dedicated,
        "_warm": REQUESTS.dedicated,
    }
    actors = cast(list[dict[str, str]], ray.util.list_named_actors(all_namespaces=True))
    return sum(by_kind[actor["name"].partition("-")[0]] for actor in actors if actor["namespace"] != namespace)


@pytest.mark.parametrize("given", [pytest.param(None, marks=pytest.mark.chaos), 5 * MIB])
def test_actors_request_the_memory_that_they_take_or_what_the_options_say(
    given: int | None, options: rc.RuntimeOptions
) -> None:
    options = msgspec.structs.replace(options, actor_memory_bytes=given)
    of_sessions = REQUESTS.dedicated + REQUESTS.packed if given is None else 2 * given
    expected = REQUESTS.directory + REQUESTS.router + of_sessions

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            await runtime.spawn(ECHO)
            await runtime.spawn(ECHO, placement=rc.Packed())

            # The actors of other tests may be ending meanwhile.
            await wait_until(lambda: memory_in_use() == expected + requested_outside(options.namespace))

    asyncio.run(main())


@pytest.mark.chaos
def test_a_default_program_starts_on_a_small_machine() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEFAULT_PROGRAM, "100_000_000"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "hello\n"
