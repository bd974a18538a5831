"""What one would write on Ray without an event plane: a session's events by a call each, or by Ray's own stream."""

import asyncio
from collections.abc import AsyncGenerator

import ray
from ray.actor import ActorProxy

import rayconteur as rc

_IN_FLIGHT = 16
"""Calls that are unanswered at once, by one session or by many: more does not go faster, one at a time is slower."""


def _event(session: int, seq: int) -> rc.FromLLM:
    return rc.TextChunk(session_id=f"session-{session}", seq=seq, turn=1, text="abcd", block=0)


class _Inbox:
    """Where the events go."""

    def __init__(self) -> None:
        self._events: list[rc.FromLLM] = []

    @ray.method
    async def put(self, event: rc.FromLLM) -> None:
        """Take one event."""
        self._events.append(event)

    @ray.method
    async def take(self) -> int:
        """Hand out what came, to the driver's advantage: only its number, in one call."""
        events, self._events = self._events, []
        return len(events)


InboxActor = ray.remote(_Inbox)
InboxHandle = ActorProxy[_Inbox]


class _Speaker:
    """Sessions that do nothing but emit."""

    @ray.method
    async def call_for_each(self, inbox: InboxHandle, sessions: int, events: int) -> None:
        """Let each session put its events into *inbox*, a call each."""
        in_flight = max(1, _IN_FLIGHT // sessions)
        await asyncio.gather(*(self._call(inbox, session, events, in_flight) for session in range(sessions)))

    @ray.method
    async def stream(self, session: int, events: int) -> AsyncGenerator[rc.FromLLM, None]:
        """A session's events as a Ray stream."""
        for seq in range(events):
            yield _event(session, seq)

    async def _call(self, inbox: InboxHandle, session: int, events: int, in_flight: int) -> None:
        for first in range(0, events, in_flight):
            seqs = range(first, min(first + in_flight, events))
            await asyncio.gather(*(inbox.put.remote(_event(session, seq)) for seq in seqs))


SpeakerActor = ray.remote(_Speaker)
SpeakerHandle = ActorProxy[_Speaker]
