"""Baselines on bare Ray: an actor that does nothing, or holds an SDK, and a session's events without a router."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import cast

import ray
from ray.actor import ActorProxy

import rayconteur as rc

from ..load.answers import Api
from ..readers.reader import sdk_reader
from .ray_cluster import kill_actor

_CALLS_IN_FLIGHT = 16
"""Unanswered calls at once, by one session or by many: more is not faster, one at a time is slower."""


class _Bare:
    """An async actor with an open client of the SDK for *api*, if one is given, which asks the server at *url*."""

    def __init__(self, api: Api | None = None, url: str = "") -> None:
        self._sdk = sdk_reader(api, url) if api else None

    @ray.method
    async def do_nothing(self) -> None:
        """A bare round trip."""

    @ray.method
    async def read(self, deltas: int) -> int:
        """Read an answer of *deltas* text deltas with the SDK, if there is one; returns how many came."""
        return await self._sdk.read(deltas) if self._sdk else 0


BareActor = ray.remote(_Bare)
BareHandle = ActorProxy[_Bare]


async def bare_start_ms() -> float:
    """How long a bare actor takes until it has answered a call."""
    started_at = time.perf_counter()
    actor = BareActor.options(num_cpus=0).remote()
    await actor.do_nothing.remote()
    spent_s = time.perf_counter() - started_at
    kill_actor(actor)
    return spent_s * 1e3


def start_empty_actor() -> BareHandle:
    """Start an actor that does nothing and imports nothing, this package included: a local class goes by value."""

    class Empty:
        async def do_nothing(self) -> None:
            pass

    return cast(BareHandle, ray.remote(Empty).options(num_cpus=0).remote())


class _Inbox:
    """Receives events, in the place of the router."""

    def __init__(self) -> None:
        self._events: list[rc.FromLLM] = []

    @ray.method
    async def add_event(self, event: rc.FromLLM) -> None:
        """Receive one event."""
        self._events.append(event)

    @ray.method
    async def take_events(self) -> int:
        """Hand over what came: only its number, in one call, which favours this side of the comparison."""
        events, self._events = self._events, []
        return len(events)


InboxActor = ray.remote(_Inbox)
InboxHandle = ActorProxy[_Inbox]


class _Emitter:
    """Sessions that only emit events."""

    @ray.method
    async def call_for_each(self, inbox: InboxHandle, sessions: int, events: int) -> None:
        """Let each session send its events to *inbox*, one call each."""
        in_flight = max(1, _CALLS_IN_FLIGHT // sessions)
        await asyncio.gather(*(self._call(inbox, session, events, in_flight) for session in range(sessions)))

    @ray.method
    async def stream(self, session: int, events: int) -> AsyncGenerator[rc.FromLLM, None]:
        """A session's events as a Ray stream."""
        for seq in range(events):
            yield _event(session, seq)

    async def _call(self, inbox: InboxHandle, session: int, events: int, in_flight: int) -> None:
        for first in range(0, events, in_flight):
            seqs = range(first, min(first + in_flight, events))
            await asyncio.gather(*(inbox.add_event.remote(_event(session, seq)) for seq in seqs))


EmitterActor = ray.remote(_Emitter)
EmitterHandle = ActorProxy[_Emitter]


def _event(session: int, seq: int) -> rc.FromLLM:
    return rc.TextChunk(session_id=f"session-{session}", seq=seq, turn=1, text="abcd", block=0)
