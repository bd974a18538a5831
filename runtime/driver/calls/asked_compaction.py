"""A compaction that a program asks for, and waits for."""

import asyncio

from ...api.errors import EventsMissed, SessionClosed
from ...api.events import Compacted, Died, Missed, ProcessLost
from ...api.messages import Compact, Interrupt, Receipt
from ...api.options import OnAbandon
from ...api.status import CompactResult
from ..reply import ReplySession
from .reply_options import ReplyOptions
from .turn_errors import session_died


async def ask_compaction(session: ReplySession, options: ReplyOptions) -> CompactResult:
    """Have *session* compact its history. A compaction that is abandoned is interrupted, if *options* say so."""
    interrupts = options.on_abandon is OnAbandon.INTERRUPT

    def on_late(receipt: Receipt) -> None:
        options.abandoned_turns.interrupt(session, Interrupt(compaction=receipt.compaction))

    receipt = await session.deliver(Compact(), on_late if interrupts else None)
    try:
        return await _result(session, receipt)
    except asyncio.CancelledError:
        if interrupts:
            await options.abandoned_turns.interrupt_and_wait(session, Interrupt(compaction=receipt.compaction))
        raise


async def _result(session: ReplySession, receipt: Receipt) -> CompactResult:
    """The result of the compaction that has this *receipt*."""
    reader = session.events(receipt.seq)
    watch = session.watch(reader)
    try:
        async for event in reader:
            if isinstance(event, Compacted) and event.compaction == receipt.compaction:
                return CompactResult.of(event)
            if isinstance(event, Died | ProcessLost):
                await session.recover(session_died(session.id, event.reason))
            if isinstance(event, Missed):
                raise EventsMissed(f"events {event.first} to {event.last} of the session were no longer held")
    finally:
        watch.stop()
        reader.close()
    raise SessionClosed(f"session {session.id!r} ended before its compaction")
