"""A program on the first node of a cluster, with sessions on the second: ``two_nodes_driver.py ADDRESS``.

It prints what it found, as JSON.
"""

import asyncio
import sys
from typing import Any, cast

import msgspec
import psutil
import ray

import rayconteur as rc
from rayconteur.runtime.streams.endpoint import Endpoint
from rayconteur.scripted import Say, Script, Wait

NAMESPACE = "two-nodes"
SESSIONS = 3
MOST_SPAWNED = 16
"""Ray places an actor on any node: one of so many is on the other one."""

TEXT = "raven " * 200


class Found(msgspec.Struct, frozen=True):
    """What the driver on node *driver_node* found of sessions and routers on the other node."""

    driver_node: str
    session_nodes: list[str]
    router_nodes: list[str]
    answers: list[str]
    seqs: list[list[int]]
    interrupted: list[bool]
    reached_by_tcp: list[bool]
    """Whether this process has a TCP connection to each session's actor."""


async def endpoint_of_session(session_id: str) -> Endpoint:
    place = await cast(Any, ray.get_actor("_directory", NAMESPACE)).find.remote(session_id)
    return await endpoint_of(place.host_id)


async def endpoint_of(actor: str) -> Endpoint:
    return cast(Endpoint, await cast(Any, ray.get_actor(actor, NAMESPACE)).endpoint.remote())


async def spawn_elsewhere(runtime: rc.Runtime, config: rc.SessionConfig, node: str) -> list[rc.SessionHandle]:
    """Sessions on another node than *node*; as many as are needed are spawned."""
    found: list[rc.SessionHandle] = []
    for _ in range(MOST_SPAWNED):
        session = await runtime.spawn(config)
        if (await endpoint_of_session(session.id)).node_id == node:
            await session.close()
        else:
            found.append(session)
        if len(found) == SESSIONS:
            break
    return found


async def interrupt(session: rc.SessionHandle) -> bool:
    """Interrupt a turn that never ends; returns true if its last event says so."""
    last: rc.FromLLM | None = None
    async for event in session.ask("Hi"):
        last = event
        if isinstance(event, rc.TextChunk):
            await session.interrupt()
    return isinstance(last, rc.Interrupted)


async def main(address: str) -> Found:
    script = Script(answers=((Say(TEXT),), (Say(TEXT), Wait())))
    # Without a request for memory, Ray does not fill the nearest node first.
    options = rc.RuntimeOptions(namespace=NAMESPACE, routers=4, actor_memory_bytes=0, journal=rc.runtime.NoJournal())
    async with rc.Runtime(address, options=options) as runtime:
        node = ray.get_runtime_context().get_node_id()
        sessions = await spawn_elsewhere(runtime, rc.SessionConfig(provider=rc.Scripted(script=script)), node)
        answers = await asyncio.gather(*(session.ask("Hi").answer() for session in sessions))
        interrupted = await asyncio.gather(*(interrupt(session) for session in sessions))
        endpoints = [await endpoint_of_session(session.id) for session in sessions]
        routers = [await endpoint_of(f"_router-{number}") for number in range(options.routers)]
        connected = {each.raddr for each in psutil.Process().net_connections("tcp") if each.raddr}
        readers = [session.events() for session in sessions]
        await asyncio.gather(*(session.close() for session in sessions))
        return Found(
            driver_node=node,
            session_nodes=[endpoint.node_id for endpoint in endpoints],
            router_nodes=[endpoint.node_id for endpoint in routers],
            answers=[answer.text for answer in answers],
            seqs=[[event.seq async for event in reader] for reader in readers],
            interrupted=list(interrupted),
            reached_by_tcp=[(endpoint.host, endpoint.port) in connected for endpoint in endpoints],
        )


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(main(sys.argv[1]))).decode())
