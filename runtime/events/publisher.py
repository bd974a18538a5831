"""The publisher: sends segments from the outboxes of one process to one router."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from ..metrics import catalog
from ..metrics.counts import COUNTS
from ..streams.liveness import no_answer
from .outbox import Outbox
from .restarts.published_sessions import PublishedSessions, segments_to_fill
from .segments import HeldSession, RouterGaps, Segment, decode_segments, encode_segments
from .transport import RouterGone

T = TypeVar("T")

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_TICK_S = 0.015
"""Coalescible text leaves at ticks. A model takes 10 to 30 ms for a token."""

_SPACING_S = 0.02
"""Where many sessions stream, only every other tick takes all of it; those between take it of the sessions of which
nothing has left for this long. So text leaves every 30 ms, and at most 35 ms after a first chunk. At 50 tokens/s that
is 1.5 tokens of a session at a time: 100 such sessions take a fifth less CPU time than if each tick takes all."""

_FEW = 8
"""For so many outboxes at a tick, waiting for more text saves nothing that anybody would notice."""

_encode = msgspec.msgpack.encode
_gaps = msgspec.msgpack.Decoder(RouterGaps).decode
_fenced = msgspec.msgpack.Decoder(list[tuple[str, int]]).decode

_NO_SEGMENTS = encode_segments([])
_NO_SESSIONS = _encode([])

_BATCH_BYTES = 4 << 20
"""The approximate limit of a publish: after a router outage every outbox is full, which may be gigabytes together."""


class Publisher:
    """Keeps one publish in flight; events that arrive meanwhile form the next batch.

    A lone event is sent at once; under load batches grow by themselves. Text that continues a published block lingers
    until the next tick, and where many sessions stream, until the one after that, or until another event of its session
    is sent.

    A publish that fails is repeated until it succeeds: routers restart, and ignore segments that they have already.
    Over a new connection, the router is first asked for gaps: with *find_gaps*, a router that was restarted gets the
    tails of all sessions before anything else. When the router is gone for good, events are dropped: nobody can read
    them.
    """

    def __init__(
        self,
        publish: Callable[[bytes], Awaitable[bytes | None]],
        find_gaps: Callable[[bytes], Awaitable[bytes]] | None = None,
    ) -> None:
        self._publish = publish
        self.find_gaps = find_gaps
        self.call_take_over: Callable[[bytes], Awaitable[int]] | None = None
        """Has the router let in only a session's new incarnation: the encoded ``HeldSession``."""
        self.ask_within_s: float | None = None
        """How long ``take_over`` and ``held_segments`` wait for the router, if not for as long as it takes."""
        self.call_held_segments: Callable[[bytes], Awaitable[bytes]] | None = None
        """Reads what the router holds of a session: the encoded ``HeldSession``."""
        self.call_forget: Callable[[bytes], Awaitable[None]] | None = None
        """Has the router drop what it holds of sessions: the encoded list of ``HeldSession``."""
        self.call_reported: Callable[[], Awaitable[None]] | None = None
        """Tells the router that it has the positions of all sessions here."""
        self._find_taken_over: Callable[[], Awaitable[list[Outbox]]] | None = None
        self.on_fenced: Callable[[Outbox], None] = _ignore
        """Called for the outbox of a session that another incarnation has taken over, once."""
        self._published = PublishedSessions()
        self._may_have_gaps = False
        self._first: list[Segment] = []
        self._urgent: dict[Outbox, None] = {}  # the one that has waited longest comes first
        self._lingering: dict[Outbox, None] = {}  # likewise
        self._has_pending = asyncio.Event()
        self._flush = asyncio.Event()
        self._next_tick_at = float("-inf")
        self._takes_all = False  # at the latest tick
        self._router_gone = False
        self._publishing_since: float | None = None

    def schedule(self, outbox: Outbox) -> None:
        """Publish the pending events of *outbox*: at once, unless they are coalescible."""
        self._has_pending.set()
        if outbox.coalescible:
            self._lingering[outbox] = None
        else:
            self._lingering.pop(outbox, None)
            self._urgent[outbox] = None
            self._flush.set()

    def publish_first(self, segments: Sequence[Segment]) -> None:
        """Publish *segments* before anything else: what came before in a session that goes on here."""
        if segments:
            self._first += segments
            self._has_pending.set()
            self._flush.set()

    def check_successors(self, find_taken_over: Callable[[], Awaitable[list[Outbox]]]) -> None:
        """Over each new connection, drop first what *find_taken_over* finds: sessions that others have taken over.

        Only the router of before knew about those, if it was another one. It is asked when there is a connection: who
        takes over a session after that has to tell the router that this connection leads to.
        """
        self._find_taken_over = find_taken_over
        self._may_have_gaps = True

    async def take_over(self, session: HeldSession) -> int:
        """Have the router ignore earlier incarnations of *session*. Returns the last number that is used up there.

        Raises:
            Unreachable: it does not answer. It may do so later.
        """
        known = await _ask(self.call_take_over, session, self.ask_within_s)
        return session.last_seq if known is None else known

    async def held_segments(self, session: HeldSession) -> list[Segment]:
        """The segments of *session* that the router holds. Raises what ``take_over`` does."""
        return decode_segments(await _ask(self.call_held_segments, session, self.ask_within_s) or _NO_SEGMENTS)

    async def withdraw(self, outboxes: Sequence[Outbox], forgotten: Sequence[HeldSession]) -> None:
        """Hold *outboxes* no more, whose sessions have left this process; all of it is acknowledged.

        Have the router drop what it holds of *forgotten*, which are in no process now.
        """
        for outbox in outboxes:
            self._urgent.pop(outbox, None)
            self._lingering.pop(outbox, None)
            self._published.remove(outbox)
        if forgotten:
            await _ask(self.call_forget, forgotten)

    @property
    def waits_s(self) -> float:
        """For how long the router has not taken what it was sent."""
        since = self._publishing_since
        return 0.0 if since is None else asyncio.get_running_loop().time() - since

    def on_connection_lost(self) -> None:
        """The router may have died with what it had: find out, also if there is nothing to publish."""
        self._may_have_gaps = True
        self._has_pending.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._has_pending.wait()
            is_tick = await self._linger()
            await asyncio.sleep(0)  # a turn sends its request before its event
            await self._publish_batch(is_tick)

    async def _publish_batch(self, is_tick: bool) -> None:
        outboxes, segments = self._take_batch(is_tick)
        data = encode_segments(segments) if segments else b""
        events = sum(segment.count for segment in segments)
        del segments  # of which *data* is a copy
        self._publishing_since = asyncio.get_running_loop().time()
        fenced = await self._publish_until_accepted(data, outboxes)
        self._publishing_since = None
        if events:
            COUNTS.add(catalog.EVENTS, value=events)
        for outbox in outboxes:
            if fenced and (outbox.session_id, outbox.epoch) in fenced:
                self._fence(outbox)
            if outbox.acknowledge():
                self._published.add(outbox)

    async def _linger(self) -> bool:
        """Wait until something is urgent, or until the next tick. Returns whether it is time for that."""
        if asyncio.get_running_loop().time() >= self._next_tick_at:
            return True
        if not self._flush.is_set():
            try:
                async with asyncio.timeout_at(self._next_tick_at):
                    await self._flush.wait()
            except TimeoutError:
                return True
        return False

    def _take_batch(self, is_tick: bool) -> tuple[list[Outbox], list[Segment]]:
        now = asyncio.get_running_loop().time()
        due = list(self._urgent)
        if is_tick:
            self._next_tick_at = now + _TICK_S
            self._takes_all = len(self._lingering) <= _FEW or not self._takes_all
            latest = now if self._takes_all else now - _SPACING_S
            due += [outbox for outbox in self._lingering if outbox.taken_at <= latest]
        outboxes: list[Outbox] = []
        segments, self._first = self._first, []
        room_bytes = _BATCH_BYTES
        for outbox in due:
            self._urgent.pop(outbox, None)
            self._lingering.pop(outbox, None)
            if segment := outbox.take_segment():
                outbox.taken_at = now
                outboxes.append(outbox)
                segments.append(segment)
                room_bytes -= segment.size_bytes
                if room_bytes <= 0:
                    break
        if not self._urgent:
            self._flush.clear()
            if not self._lingering:
                self._has_pending.clear()
        return outboxes, segments

    async def _publish_until_accepted(self, data: bytes, outboxes: Sequence[Outbox]) -> list[tuple[str, int]]:
        """Publish *data*, which was taken from *outboxes*.

        Returns the sessions, ids with their epochs, that the router knows another incarnation of.
        """
        pause_s = _FIRST_PAUSE_S
        while not self._router_gone:
            try:
                while self._may_have_gaps and self.find_gaps:
                    await self._fill_gaps(self.find_gaps)
                    data = _without({(each.session_id, each.epoch) for each in outboxes if each.is_fenced}, data)
                fenced = await self._publish(data) if data else None
            except RouterGone:
                log.log(
                    logging.ERROR if data else logging.INFO,
                    "the router is gone for good: this process drops its events from now on",
                )
                self._router_gone = True
            except Exception as error:  # any error of the transport: only the transport knows its errors
                log.warning("publish failed with %s; retrying in %.1f s", type(error).__name__, pause_s)
                self._may_have_gaps = True
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                return _fenced(fenced) if fenced else []
        return []

    def _fence(self, outbox: Outbox) -> None:
        if not outbox.is_fenced:
            outbox.fence()
            self._published.add(outbox)
            self.on_fenced(outbox)

    async def _fill_gaps(self, find_gaps: Callable[[bytes], Awaitable[bytes]]) -> None:
        """Publish the tails of sessions of which the router lacks events. Nothing else is published meanwhile."""
        self._may_have_gaps = False  # unless the connection breaks again
        try:
            if self._find_taken_over:
                await find_gaps(_NO_SESSIONS)  # opens the connection
                for taken_over in await self._find_taken_over():
                    self._fence(taken_over)
            for page in self._published.pages():
                gaps = _gaps(await find_gaps(_encode([session for session, _ in page])))
                segments: list[Segment] = []
                for place in gaps.lacking:
                    segments += segments_to_fill(page[place])
                for part in _batches(segments):
                    await self._publish(encode_segments(part))
                for place in gaps.fenced:
                    if outbox := self._published.outbox_of(page[place][0]):
                        self._fence(outbox)
            if self.call_reported:
                await self.call_reported()
        except BaseException:
            self._may_have_gaps = True
            raise


async def _ask(
    call: Callable[[bytes], Awaitable[T]] | None, argument: object, within_s: float | None = None
) -> T | None:
    """The result of *call* to the router, however long that is away, or *within_s*; ``None`` if it is gone for good."""
    try:
        async with asyncio.timeout(within_s):
            return await _ask_until_answered(call, argument)
    except TimeoutError:
        raise no_answer("the router of the session", within_s or 0.0) from None


async def _ask_until_answered(call: Callable[[bytes], Awaitable[T]] | None, argument: object) -> T | None:
    pause_s = _FIRST_PAUSE_S
    while call:
        try:
            return await call(_encode(argument))
        except RouterGone:
            break
        except Exception as error:  # as when publishing
            log.warning("a call to the router failed with %s; retrying in %.1f s", type(error).__name__, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    return None


def _without(sessions: Collection[tuple[str, int]], data: bytes) -> bytes:
    """Encoded segments without those of *sessions*."""
    if not data or not sessions:
        return data
    rest = [segment for segment in decode_segments(data) if (segment.session_id, segment.epoch) not in sessions]
    return encode_segments(rest) if rest else b""


def _ignore(outbox: Outbox) -> None:
    """Until somebody sets what is to be called."""


def _batches(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """*segments*, in order, in batches of about the limit of a publish."""
    batch: list[Segment] = []
    room_bytes = _BATCH_BYTES
    for segment in segments:
        batch.append(segment)
        room_bytes -= segment.size_bytes
        if room_bytes <= 0:
            yield batch
            batch, room_bytes = [], _BATCH_BYTES
    if batch:
        yield batch
