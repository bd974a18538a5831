"""A session that is interrupted again and again in one phase."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

import rayconteur as rc
from rayconteur.runtime import Reader

from ..load.reports import Reports, Seen
from .phases import COMPACTED_TEXT, COMPACTED_TURNS, PAST_THE_LIMIT, Begin, Phase

_SOON_S = 0.02
_UNREAD_S = 0.5
"""By then a reader that does not read has a full buffer."""

_LONGEST_S = 20.0


class Times(msgspec.Struct, frozen=True):
    """The milliseconds from an interrupt to its event, and until the provider saw its connection closed.

    *trip_ms* is a bare round trip right before it.
    """

    phase: str
    event_ms: float
    closed_ms: float | None
    trip_ms: float


class Subject:
    """*session*, whose interrupted request is for *tokens* tokens, in *phase*."""

    def __init__(self, session: rc.SessionHandle, phase: Phase, reports: Reports, tokens: int) -> None:
        self._session = session
        self._phase = phase
        self._reports = reports
        self._tokens = tokens
        self._unread: Reader | None = None

    @property
    def weight(self) -> int:
        """How often it is interrupted, in times of others."""
        return self._phase.weight

    async def prepare(self) -> None:
        """Do what the phase needs once."""
        if self._phase.is_compacting:
            for _ in range(COMPACTED_TURNS):
                await self._session.ask(COMPACTED_TEXT).answer()
        if self._phase.is_second:
            await self._session.send(rc.UserMessage.of("Hi"))
            await self._arrived()
        if self._phase.is_unread:
            self._unread = self._session.events()
            await self._session.send(rc.UserMessage.of("Hi"))
            await anext(self._unread)
            await asyncio.sleep(_UNREAD_S)
            await self._session.interrupt()
            await self._reports.next_time(Seen.CLOSED, self._tokens)

    async def interrupt(self, make_trip: Callable[[], Awaitable[float]]) -> Times:
        """Ask, and interrupt the turn when it is in its phase, right after *make_trip*."""
        async with asyncio.timeout(_LONGEST_S):
            question = PAST_THE_LIMIT if self._phase.is_compacting else "Hi"
            receipt = await self._session.send(rc.UserMessage.of(question))
            assert receipt.turn is not None
            reader, begun = self._session.events(receipt.seq), asyncio.Event()
            reading = asyncio.create_task(self._read(reader, receipt.turn, begun))
            await self._wait_for_phase(begun)
            if reading.done():
                await reading  # raises what was wrong
            trip_ms = await make_trip()
            started_at = time.monotonic()
            if not await self._session.interrupt(receipt.turn):
                raise RuntimeError(f"{self._phase.name}: there was nothing to interrupt")
            event_ms = (await reading - started_at) * 1e3
            closed_ms = None
            if self._phase.sees_close:
                closed_at = await self._reports.next_time(Seen.CLOSED, self._tokens)
                closed_ms = (closed_at - started_at) * 1e3
            return Times(self._phase.name, event_ms, closed_ms, trip_ms)

    async def _wait_for_phase(self, begun: asyncio.Event) -> None:
        match self._phase.begins:
            case Begin.AT_ONCE:
                pass
            case Begin.ON_ARRIVAL:
                await self._arrived()
            case Begin.SOON:
                await begun.wait()
                await asyncio.sleep(_SOON_S)
            case _:
                await begun.wait()

    async def _arrived(self) -> None:
        await self._reports.next_time(Seen.ARRIVED, self._tokens)

    async def _read(self, reader: Reader, turn: int, begun: asyncio.Event) -> float:
        """Read the events of *turn*; returns when its ``Interrupted`` came."""
        first = rc.TurnStarted if self._phase.begins is Begin.SOON else self._phase.begins
        try:
            async for event in reader:
                if isinstance(first, type) and isinstance(event, first):
                    begun.set()
                if isinstance(event, rc.Interrupted) and event.turn == turn:
                    return time.monotonic()
                if isinstance(event, rc.Completed | rc.Failed) and event.turn == turn:
                    break
            raise RuntimeError(f"{self._phase.name}: the turn ended by itself")
        finally:
            begun.set()
            reader.close()
