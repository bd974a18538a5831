"""The times of a message to a session."""

import time
from dataclasses import dataclass

import rayconteur as rc


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds from sending a message to its receipt, and to the first event of its turn."""

    receipt_ms: float
    first_event_ms: float


async def ask_timed(session: rc.SessionHandle) -> Timed:
    """Send a message, and return when its turn has ended."""
    reader = session.events(session.last_seq)
    started_at = time.perf_counter()
    receipt = await session.send(rc.UserMessage.of("Any news of the ravens?"))
    received_at = time.perf_counter()
    first_at = 0.0
    async for event in reader:
        first_at = first_at or time.perf_counter()
        if isinstance(event, rc.Completed) and event.turn == receipt.turn:
            break
    reader.close()
    return Timed((received_at - started_at) * 1e3, (first_at - started_at) * 1e3)
