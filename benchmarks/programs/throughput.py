"""Events per second from sessions through the router to a driver, against one Ray call per event."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import rayconteur as rc
from rayconteur.scripted import Call, Say, Script, Step

from ..program import Options, Scale, run
from ..report.rows import Row, Sample, Target
from ..rounds import Side, rounds
from ..system.ray_cluster import end, local_runtime
from ..system.ray_events import InboxActor, SpeakerActor

_TARGET = Target("at least", 100)
_MOST_STREAMS = 100
"""To begin a thousand of Ray's generators takes longer than to read them."""

_PIECE = "abcd"
"""What the scripted provider says at a time: a token."""

_ASKING_S = 0.0015
"""For asking one session. All wait until all are asked, so that asking is no part of what is measured."""


@dataclass(frozen=True, slots=True)
class Load:
    """So many *sessions*, and what each of them says in one run: *pieces* through ours, *events* through its peers."""

    sessions: int
    pieces: int
    events: int


async def measure(options: Options) -> AsyncIterator[Row]:
    """One session in an actor of its own, then many in one actor."""
    scale = options.scale
    crowds: tuple[int, ...] = scale.of((1, 100, 1_000), (100,), (1, 5, 10))
    loads = [_load(sessions, scale) for sessions in options.sessions or crowds]
    async with local_runtime(options.address) as runtime:
        for load in loads:
            found = await _per_second(runtime, load, scale.of(2, 1, 1))
            for row in _rows(load, found):
                yield row


def _load(sessions: int, scale: Scale) -> Load:
    """The more sessions, the less each of them says."""
    if sessions == 1:
        return Load(1, scale.of(30_000, 10_000, 50), scale.of(1_000, 300, 5))
    if sessions <= 100:
        return Load(sessions, scale.of(500, 300, 20), scale.of(10, 4, 2))
    return Load(sessions, scale.of(300, 150, 20), scale.of(1, 1, 1))


async def _per_second(runtime: rc.Runtime, load: Load, runs: int) -> dict[str, Sample]:
    distinct = await spawn(runtime, load, Call(name="write", input={"text": _PIECE * load.pieces}))
    joined = await spawn(runtime, load, Say(text=_PIECE * load.pieces))
    peers = Peers(load)
    sides: dict[str, Side] = {
        "events": distinct.events_per_s,
        "calls": peers.by_calls,
        "tokens": joined.tokens_per_s,
    }
    if load.sessions <= _MOST_STREAMS:
        sides["streams"] = peers.by_streams
    found = await rounds(runs, sides)
    peers.end()
    await asyncio.gather(distinct.close(), joined.close())
    return found


def _rows(load: Load, found: dict[str, Sample]) -> Sequence[Row]:
    many = f"{load.sessions:,} session{'s' if load.sessions > 1 else ''}"
    compared = [
        (f"events/s, {many}", found["events"], "a Ray call for each", found["calls"], _TARGET),
        (f"tokens/s of text, {many}", found["tokens"], "a Ray call for each", found["calls"], None),
    ]
    if "streams" in found:
        compared.append((f"events/s, {many}", found["events"], "Ray's streaming generators", found["streams"], None))
    return [
        Row(
            what=what,
            unit="/s",
            ours=ours,
            peer=peer,
            theirs=theirs,
            figure=ours.over(theirs),
            figure_unit="times",
            target=target,
            better="more",
        )
        for what, ours, peer, theirs, target in compared
    ]


# Ours


class _Crowd:
    """Sessions that answer together. Each is read by itself, with ``ask``."""

    def __init__(self, sessions: list[rc.SessionHandle], pieces: int) -> None:
        self._sessions = sessions
        self._pieces = pieces

    async def events_per_s(self) -> float:
        """Ask for the input of a tool, whose pieces are an event each, and interrupt before the tool is run."""
        heard = await asyncio.gather(*(_hear(session, rc.ToolBatch) for session in self._sessions))
        await asyncio.gather(*(session.interrupt() for session in self._sessions))
        if any(each.events < self._pieces for each in heard):
            raise RuntimeError("events were lost or joined")
        return sum(each.events for each in heard) / _spent_s(heard)

    async def tokens_per_s(self) -> float:
        """Ask for text, whose pieces leave in one event where they wait together."""
        heard = await asyncio.gather(*(_hear(session, rc.Completed) for session in self._sessions))
        if any(each.chars != len(_PIECE) * self._pieces for each in heard):
            raise RuntimeError("text was lost")
        return sum(each.chars for each in heard) / len(_PIECE) / _spent_s(heard)

    async def close(self) -> None:
        """End the sessions."""
        await asyncio.gather(*(session.close() for session in self._sessions))


async def spawn(runtime: rc.Runtime, load: Load, says: Step) -> _Crowd:
    script = Script(answers=((says,),), first_token_s=_ASKING_S * load.sessions)
    placement = rc.Dedicated() if load.sessions == 1 else rc.Packed()
    config = rc.SessionConfig(provider=rc.Scripted(script=script))
    return _Crowd(await runtime.spawn_many(config, load.sessions, placement), load.pieces)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was read of one answer, from the beginning of its stream."""

    begun_at: float
    ended_at: float
    events: int
    chars: int


async def _hear(session: rc.SessionHandle, last: type[rc.Completed] | type[rc.ToolBatch]) -> _Heard:
    begun_at = 0.0
    events = chars = 0
    async with aclosing(aiter(session.ask("Go"))) as answer:
        async for event in answer:
            events += 1
            if isinstance(event, rc.TextChunk):
                chars += len(event.text)
            elif isinstance(event, rc.StreamStarted):
                begun_at, events = time.perf_counter(), 1
            elif isinstance(event, last):
                break
    return _Heard(begun_at, time.perf_counter(), events, chars)


def _spent_s(heard: Sequence[_Heard]) -> float:
    return max(each.ended_at for each in heard) - min(each.begun_at for each in heard)


# Theirs


class Peers:
    """As many sessions in one actor, and nothing but Ray between them and the driver."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._inbox = InboxActor.options(num_cpus=0).remote()
        self._speaker = SpeakerActor.options(num_cpus=0).remote()

    async def by_calls(self) -> float:
        """A call for each event, to an actor in the router's place."""
        begun_at = time.perf_counter()
        await self._speaker.call_for_each.remote(self._inbox, self._load.sessions, self._load.events)
        taken = await self._inbox.take.remote()
        return taken / (time.perf_counter() - begun_at)

    async def by_streams(self) -> float:
        """A streaming generator for each session, straight to the driver."""
        begun_at = time.perf_counter()
        taken = await asyncio.gather(*(self._read(session) for session in range(self._load.sessions)))
        return sum(taken) / (time.perf_counter() - begun_at)

    def end(self) -> None:
        """End the actors."""
        end(self._inbox)
        end(self._speaker)

    async def _read(self, session: int) -> int:
        taken = 0
        answer = self._speaker.stream.remote(session, self._load.events)
        # What Ray gives for a generator; its types don't tell.
        async for reference in cast(AsyncIterator[Awaitable[rc.FromLLM]], answer):
            await reference
            taken += 1
        return taken


if __name__ == "__main__":
    run(measure)
