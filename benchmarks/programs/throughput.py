"""Events per second from sessions through the router to a driver, against one Ray call per event."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import rayconteur as rc
from rayconteur.scripted import Call, Say, Script, Step

from ..program import Options, Scale, run_program
from ..report.rows import Row, Sample, Target
from ..rounds import Measurement, measure_in_rounds
from ..system.ray_baselines import EmitterActor, InboxActor
from ..system.ray_cluster import kill_actor, local_runtime

_TARGET = Target("at least", 100)
_MOST_STREAMS = 100
"""Starting a thousand of Ray's generators takes longer than reading them."""

_PIECE = "abcd"
"""What the scripted provider sends at a time: a token."""

_ASKING_S = 0.0015
"""Per session: no session answers before all have been asked, so that asking is not measured."""


@dataclass(frozen=True, slots=True)
class Load:
    """Numbers of *sessions*, and of what each sends per run: *pieces* through ours, *events* through the peers."""

    sessions: int
    pieces: int
    events: int


async def measure(options: Options) -> AsyncIterator[Row]:
    """One session in its own actor, then many in one actor."""
    scale = options.scale
    numbers: tuple[int, ...] = scale.pick((1, 100, 1_000), (100,), (1, 5, 10))
    async with local_runtime(options.address) as runtime:
        for load in [_load(sessions, scale) for sessions in options.sessions or numbers]:
            samples = await _measure_load(runtime, load, scale.pick(2, 1, 1))
            for row in _rows(load, samples):
                yield row


def _load(sessions: int, scale: Scale) -> Load:
    """The more sessions, the less each of them sends."""
    if sessions == 1:
        return Load(1, scale.pick(30_000, 10_000, 50), scale.pick(1_000, 300, 5))
    if sessions <= 100:
        return Load(sessions, scale.pick(500, 300, 20), scale.pick(10, 4, 2))
    return Load(sessions, scale.pick(300, 150, 20), scale.pick(1, 1, 1))


async def _measure_load(runtime: rc.Runtime, load: Load, rounds: int) -> dict[str, Sample]:
    distinct = await spawn_speakers(runtime, load, Call(name="write", input={"text": _PIECE * load.pieces}))
    joined = await spawn_speakers(runtime, load, Say(text=_PIECE * load.pieces))
    peers = RayPeers(load)
    sides: dict[str, Measurement] = {
        "events": distinct.events_per_s,
        "calls": peers.by_calls,
        "tokens": joined.tokens_per_s,
    }
    if load.sessions <= _MOST_STREAMS:
        sides["streams"] = peers.by_streams
    samples = await measure_in_rounds(rounds, sides)
    peers.close()
    await asyncio.gather(distinct.close(), joined.close())
    return samples


def _rows(load: Load, samples: dict[str, Sample]) -> Iterator[Row]:
    many = f"{load.sessions:,} session{'s' if load.sessions > 1 else ''}"
    events = Row.measured(f"events/s, {many}", "/s", samples["events"]).better_if("more")
    tokens = Row.measured(f"tokens/s of text, {many}", "/s", samples["tokens"]).better_if("more")
    yield events.beside("a Ray call for each", samples["calls"]).held_to(_TARGET)
    yield tokens.beside("a Ray call for each", samples["calls"])
    if "streams" in samples:
        yield events.beside("Ray's streaming generators", samples["streams"])


class _Speakers:
    """Sessions that answer at the same time. Each is read with ``ask``."""

    def __init__(self, sessions: list[rc.SessionHandle], pieces: int) -> None:
        self._sessions = sessions
        self._pieces = pieces

    async def events_per_s(self) -> float:
        """Ask for a tool call, whose pieces of input are an event each, and interrupt before the tool runs."""
        answers = await asyncio.gather(*(_read_answer(session, rc.ToolBatch) for session in self._sessions))
        await asyncio.gather(*(session.interrupt() for session in self._sessions))
        if any(each.events < self._pieces for each in answers):
            raise RuntimeError("events were lost or joined")
        return sum(each.events for each in answers) / _duration_s(answers)

    async def tokens_per_s(self) -> float:
        """Ask for text, whose pieces are joined into one event while they wait."""
        answers = await asyncio.gather(*(_read_answer(session, rc.Completed) for session in self._sessions))
        if any(each.chars != len(_PIECE) * self._pieces for each in answers):
            raise RuntimeError("text was lost")
        return sum(each.chars for each in answers) / len(_PIECE) / _duration_s(answers)

    async def close(self) -> None:
        """Close the sessions."""
        await asyncio.gather(*(session.close() for session in self._sessions))


async def spawn_speakers(runtime: rc.Runtime, load: Load, step: Step) -> _Speakers:
    """Sessions that all answer with *step*."""
    script = Script(answers=((step,),), first_token_s=_ASKING_S * load.sessions)
    placement = rc.Dedicated() if load.sessions == 1 else rc.Packed()
    config = rc.SessionConfig(provider=rc.Scripted(script=script))
    return _Speakers(await runtime.spawn_many(config, load.sessions, placement), load.pieces)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The events and characters of one answer, from the start of its stream."""

    started_at: float
    ended_at: float
    events: int
    chars: int


async def _read_answer(session: rc.SessionHandle, last: type[rc.Completed] | type[rc.ToolBatch]) -> _Answer:
    started_at = 0.0
    events = chars = 0
    async with aclosing(aiter(session.ask("Go"))) as answer:
        async for event in answer:
            events += 1
            if isinstance(event, rc.TextChunk):
                chars += len(event.text)
            elif isinstance(event, rc.StreamStarted):
                started_at, events = time.perf_counter(), 1
            elif isinstance(event, last):
                break
    return _Answer(started_at, time.perf_counter(), events, chars)


def _duration_s(answers: Sequence[_Answer]) -> float:
    return max(each.ended_at for each in answers) - min(each.started_at for each in answers)


class RayPeers:
    """The same number of sessions in one actor, and only Ray between them and the driver."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._inbox = InboxActor.options(num_cpus=0).remote()
        self._emitter = EmitterActor.options(num_cpus=0).remote()

    async def by_calls(self) -> float:
        """Events per second with one call each, to an actor in the router's place."""
        started_at = time.perf_counter()
        await self._emitter.call_for_each.remote(self._inbox, self._load.sessions, self._load.events)
        events = await self._inbox.take_events.remote()
        return events / (time.perf_counter() - started_at)

    async def by_streams(self) -> float:
        """Events per second with a streaming generator for each session, straight to the driver."""
        started_at = time.perf_counter()
        events = await asyncio.gather(*(self._read_stream(session) for session in range(self._load.sessions)))
        return sum(events) / (time.perf_counter() - started_at)

    def close(self) -> None:
        """End the actors."""
        kill_actor(self._inbox)
        kill_actor(self._emitter)

    async def _read_stream(self, session: int) -> int:
        events = 0
        answer = self._emitter.stream.remote(session, self._load.events)
        # Ray's types do not say what it returns for a generator.
        async for reference in cast(AsyncIterator[Awaitable[rc.FromLLM]], answer):
            await reference
            events += 1
        return events


if __name__ == "__main__":
    run_program(measure)
