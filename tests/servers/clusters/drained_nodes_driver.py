"""A program on the head of a cluster, some of whose sessions are on a node that is drained meanwhile.

``drained_nodes_driver.py ADDRESS JOURNAL PLACEMENT HOW``: sessions are "packed" or "dedicated", and the node is drained
by a "call", by one that gives turns too little time ("soon"), or by a "signal" to its ``ray start --block``. It prints
what it found, as JSON.
"""

import asyncio
import signal
import sys
import time

import msgspec
import psutil

import rayconteur as rc
from rayconteur.runtime import ClusterNode, SQLiteJournalConfig
from rayconteur.scripted import Say, Script

NAMESPACE = "drained-nodes"
TEXT = "once upon a midnight dreary " * 3
PLACEMENTS: dict[str, rc.runtime.Placement] = {"packed": rc.Packed(actors=4), "dedicated": rc.Dedicated()}
SESSIONS = {"packed": 24, "dedicated": 6}


class Found(msgspec.Struct, frozen=True):
    """What the program found."""

    were_there: int
    """Sessions on the node, before."""
    staying: int
    drain_s: float
    longest_pause_s: float
    """Between two events of a reader, while answers were streaming."""
    seqs: list[list[int]]
    """Of each session: the numbers that its reader got, or was told that it missed."""
    ends: list[list[str]]
    """Of each session: how each of its turns ended."""
    progress: list[tuple[int, int]]
    """As events said: how many sessions were on the node, and had left."""
    retried: int
    """Requests that were broken off, and made again."""
    texts: list[str]
    """The answer to the last question of each session."""
    left: list[str]
    """The addresses of the nodes that have sessions at the end."""


class Readings:
    """What the readers of all sessions got."""

    def __init__(self) -> None:
        self.events: dict[str, list[rc.FromLLM]] = {}
        self.pauses_s: list[float] = [0.0]

    async def read(self, session: rc.SessionHandle) -> None:
        events = self.events[session.id] = []
        at = time.monotonic()
        async for event in session.events(after=0):
            if events and isinstance(event, rc.TextChunk):
                self.pauses_s.append(time.monotonic() - at)
            at = time.monotonic()
            events.append(event)
            if isinstance(event, rc.Completed) and event.turn == 2:
                return


def numbers(events: list[rc.FromLLM]) -> list[int]:
    ranges = (range(e.first, e.last + 1) if isinstance(e, rc.Missed) else range(e.seq, e.seq + 1) for e in events)
    return [number for each in ranges for number in each]


async def fullest(runtime: rc.Runtime) -> ClusterNode:
    """The node with the most sessions, of those that are not the head."""
    return max((node for node in await runtime.nodes.statuses() if not node.is_head), key=lambda node: node.sessions)


async def drain(runtime: rc.Runtime, node: ClusterNode, how: str) -> int:
    if how != "signal":
        return await runtime.nodes.drain(node.id, timeout_s=60 if how == "call" else 4)
    starts = {"start", "--block", f"--node-ip-address={node.address}"}
    [process] = (each for each in psutil.process_iter(["cmdline"]) if starts <= set(each.info["cmdline"] or ()))
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        while node.id in {each.id for each in await runtime.nodes.statuses()}:  # noqa: ASYNC110  Ray does not say so
            await asyncio.sleep(0.2)
    return 0


async def watched(runtime: rc.Runtime) -> list[tuple[int, int]]:
    """How many sessions were on the node, and had left it, by each event up to the first at which none was there."""
    seen: list[tuple[int, int]] = []
    async for each in runtime.nodes.watch():
        seen.append((each.sessions, each.left))
        if not each.sessions:
            break
    return seen


async def main(address: str, journal: str, placement: str, how: str) -> Found:
    options = rc.RuntimeOptions(namespace=NAMESPACE, journal=SQLiteJournalConfig(journal), routers=3)
    provider = rc.Scripted(script=Script(answers=((Say(text=TEXT),),), tokens_per_s=3))
    async with rc.Runtime(address, placement=PLACEMENTS[placement], options=options) as runtime:
        sessions = await runtime.spawn_many(rc.SessionConfig(provider=provider), SESSIONS[placement])
        readings = Readings()
        reading = [asyncio.create_task(readings.read(session)) for session in sessions]
        await asyncio.gather(*(session.send(rc.UserMessage.of("first")) for session in sessions))
        node = await fullest(runtime)
        watching = asyncio.create_task(watched(runtime))
        began = time.monotonic()
        staying = await drain(runtime, node, how)
        drain_s = time.monotonic() - began
        answers = await asyncio.gather(*(session.ask("second").answer() for session in sessions))
        await asyncio.gather(*reading)
        events = [readings.events[session.id] for session in sessions]
        return Found(
            were_there=node.sessions,
            staying=staying,
            drain_s=drain_s,
            longest_pause_s=max(readings.pauses_s),
            seqs=[numbers(each) for each in events],
            ends=[[type(e).__name__ for e in each if isinstance(e, rc.runtime.TurnEnd)] for each in events],
            progress=await asyncio.wait_for(watching, 20),
            retried=sum(isinstance(event, rc.Retrying) for each in events for event in each),
            texts=[answer.text for answer in answers],
            left=[each.address for each in await runtime.nodes.statuses() if each.sessions],
        )


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(main(*sys.argv[1:]))).decode())
