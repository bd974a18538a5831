"""The ports of a runtime's routers and session actors, where a firewall has only some open."""

import asyncio
import random
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from typing import cast

import msgspec
import pytest
import ray

import rayconteur as rc
from rayconteur.errors import PortsExhausted
from rayconteur.runtime import JournalConfig
from rayconteur.runtime.cluster.ray_calls import node_address, result_of
from rayconteur.runtime.cluster.router_actor import RouterHandle

ECHO = rc.SessionConfig(provider=rc.Scripted())


@contextmanager
def occupied(count: int) -> Generator[int]:
    """The first of *count* successive ports that are in use."""
    with ExitStack() as taken:
        yield _occupy(count, taken)


def _occupy(count: int, taken: ExitStack) -> int:
    while True:
        first = random.randrange(10_000, 30_000)  # the kernel gives no connection a port below 32,768 meanwhile
        with suppress(OSError), ExitStack() as so_far:  # one of them may be in use by somebody else
            for port in range(first, first + count):
                so_far.enter_context(socket.create_server((node_address(), port)))
            taken.push(so_far.pop_all())
            return first


def free_ports(count: int) -> tuple[int, int]:
    """A range of *count* ports that are free at the moment."""
    with occupied(count) as first:
        return first, first + count - 1


async def router_port(namespace: str) -> int:
    router = cast(RouterHandle, ray.get_actor("_router-0", namespace))
    return (await result_of(router.endpoint.remote())).port


def test_routers_and_session_actors_listen_on_the_given_ports_and_say_when_they_are_used_up(
    options: rc.RuntimeOptions,
) -> None:
    async def main() -> None:
        ports = free_ports(3)  # one for the directory, one for the router, one for a session actor
        async with rc.Runtime(options=msgspec.structs.replace(options, ports=ports)) as runtime:
            session = await runtime.spawn(ECHO)
            assert (await session.ask("caw").answer()).text == "caw"
            assert ports[0] <= await router_port(options.namespace) <= ports[1]
            with pytest.raises(PortsExhausted, match=rf"RuntimeOptions\(ports=\({ports[0]}, {ports[1]}\)\)"):
                await runtime.spawn(ECHO)
            await session.close()

    asyncio.run(main())


@pytest.mark.parametrize("journal", [rc.runtime.NoJournal(), rc.runtime.SQLiteJournalConfig()], ids=["none", "SQLite"])
def test_a_runtime_that_finds_no_port_says_so_and_leaves_nothing_behind(
    journal: JournalConfig, options: rc.RuntimeOptions
) -> None:
    async def main() -> None:
        with occupied(1) as port:
            few = free_ports(2) if isinstance(journal, rc.runtime.SQLiteJournalConfig) else (port, port)
            with pytest.raises(PortsExhausted):
                async with rc.Runtime(options=msgspec.structs.replace(options, ports=few, journal=journal)):
                    pass
            async with rc.Runtime(options=msgspec.structs.replace(options, journal=journal)) as runtime:
                assert (await (await runtime.spawn(ECHO)).ask("caw").answer()).text == "caw"

    asyncio.run(main())
