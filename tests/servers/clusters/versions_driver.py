"""A program on a cluster that a node with another version of the package joins: ``versions_driver.py ADDRESS``.

It prints ``entered``, waits for a line of input, which says that the node is there, and prints what it found, as JSON.
"""

import asyncio
import sys

import msgspec

import rayconteur as rc
from rayconteur.errors import IncompatibleNamespace
from rayconteur.runtime import cluster_status

NAMESPACE = "versions"
SESSIONS = 6
LABELS = {"zone": "third"}


class Found(msgspec.Struct, frozen=True):
    """What the program found."""

    answers: list[str]
    sessions: dict[str, int]
    """By the addresses of nodes."""
    versions: dict[str, str]
    problems: tuple[str, ...]
    """Those that the cluster's status has."""
    only_place: str
    """What is said where only the node with the other version has the labels."""


async def only_place(address: str) -> str:
    try:
        async with rc.Runtime(address, options=rc.RuntimeOptions(namespace="third", node_labels=LABELS)):
            return "entered"
    except IncompatibleNamespace as error:
        return str(error)


async def main(address: str) -> Found:
    options = rc.RuntimeOptions(namespace=NAMESPACE, actor_memory_bytes=0)
    config = rc.SessionConfig(provider=rc.Scripted())
    async with rc.Runtime(address, options=options) as runtime:
        print("entered", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        dedicated = await runtime.spawn_many(config, SESSIONS)
        packed = await runtime.spawn_many(config, SESSIONS, rc.Packed(actors=SESSIONS))
        answers = await asyncio.gather(*(session.ask("hi").answer() for session in (*dedicated, *packed)))
        nodes = await runtime.nodes.statuses()
        return Found(
            answers=[answer.text for answer in answers],
            sessions={node.address: node.sessions for node in nodes},
            versions={node.address: node.version for node in nodes},
            problems=(await cluster_status(NAMESPACE)).problems,
            only_place=await only_place(address),
        )


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(main(sys.argv[1]))).decode())
