"""Builders for tests of event delivery: segments, outbox contents, and readable labels for events."""

from collections.abc import Iterable

from rayconteur.runtime.api.errors import DeathReason
from rayconteur.runtime.api.events import Cleared, Closed, Died, FromLLM, Missed, TextChunk, TurnStarted
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.segments import EndedSessions, Segment, SessionEnd, encode_events

OVERHEAD_BYTES = Segment("", 1, 1, 0, b"").size_bytes


def segment(
    session_id: str,
    first: int,
    count: int = 1,
    epoch: int = 1,
    session_end: SessionEnd = SessionEnd.NONE,
    incarnation: int = 1,
) -> Segment:
    """*count* events of a session, numbered from *first*."""
    events: list[FromLLM] = [TextChunk(turn=1, text=f"{epoch}.{first + at}") for at in range(count)]
    match session_end:
        case SessionEnd.CLOSED:
            events[-1] = Closed()
        case SessionEnd.DIED:
            events[-1] = Died(reason=DeathReason.CRASHED)
        case SessionEnd.NONE | SessionEnd.LOST:
            pass
    return Segment(session_id, epoch, first, count, encode_events(events), session_end, incarnation)


def died(sessions: dict[str, int], reason: DeathReason = DeathReason.CRASHED) -> EndedSessions:
    """Sessions, ids with their epochs, that have died."""
    return EndedSessions(sessions, SessionEnd.DIED, reason)


def sized_segment(session_id: str, first: int, size_bytes: int, epoch: int = 1) -> Segment:
    """A segment of one event, with *size_bytes* including the overhead."""
    return Segment(session_id, epoch, first, 1, b"x" * (size_bytes - OVERHEAD_BYTES))


def outbox(session_id: str = "a", limit_bytes: int = 10_000, epoch: int = 1) -> Outbox:
    """An outbox without a publisher."""
    return Outbox(session_id, epoch, limit_bytes, lambda _: None)


def put_texts(box: Outbox, *texts: str, turn: int = 1, block: int = 0) -> None:
    """Put text chunks of one block into *box*."""
    for text in texts:
        box.put_text(TextChunk, turn, block, text)


def distinct_events(count: int) -> list[FromLLM]:
    """So many events that are never joined with each other."""
    return [Cleared() if at % 2 else TurnStarted(turn=at + 1) for at in range(count)]


def labels(events: Iterable[FromLLM]) -> list[str]:
    """A label for each event: ``a1`` is the first of session a, ``a1-3?`` says that the first three were missed."""
    return [
        f"{event.session_id}{event.first}-{event.last}?"
        if isinstance(event, Missed)
        else f"{event.session_id}{event.seq}"
        for event in events
    ]


async def read_events(reader: Reader, count: int) -> list[FromLLM]:
    """The next *count* events."""
    return [await anext(reader) for _ in range(count)]


async def read_to_end(reader: Reader) -> list[FromLLM]:
    """All events up to the reader's end."""
    return [event async for event in reader]


async def publish_events(box: Outbox, count: int) -> None:
    """Publish so many events, a segment each."""
    for event in distinct_events(count):
        box.put_event(event)
        await box.wait_drained()


async def publish_chunks(box: Outbox, count: int) -> None:
    """Publish so many chunks of text, a segment each."""
    for number in range(count):
        box.put_text(TextChunk, 1, 0, f"{number}. ")
        await box.wait_drained()
