"""Short words for tests of the event plane: segments, what a session says, what a reader has seen."""

from collections.abc import Iterable

from rayconteur.runtime.api.messages import Cleared, Closed, FromLLM, Missed, TextChunk, TurnStarted
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.segments import Over, Segment, encode_events

OVERHEAD_BYTES = Segment("", 1, 1, 0, b"").size_bytes


def segment(session_id: str, first: int, count: int = 1, epoch: int = 1, over: Over = Over.NO) -> Segment:
    """Events *first* and following of a session."""
    events: list[FromLLM] = [TextChunk(turn=1, text=f"{epoch}.{first + at}") for at in range(count)]
    if over is Over.CLOSED:
        events[-1] = Closed()
    return Segment(session_id, epoch, first, count, encode_events(events), over)


def sized(session_id: str, first: int, size_bytes: int, epoch: int = 1) -> Segment:
    """One event that takes *size_bytes* in all."""
    return Segment(session_id, epoch, first, 1, b"x" * (size_bytes - OVERHEAD_BYTES))


def outbox(session_id: str = "a", limit_bytes: int = 10_000, epoch: int = 1) -> Outbox:
    """An outbox that nobody empties."""
    return Outbox(session_id, epoch, limit_bytes, lambda _: None)


def put(box: Outbox, *texts: str, turn: int = 1, block: int = 0) -> None:
    """Put text chunks into *box*."""
    for text in texts:
        box.put_text(TextChunk, turn, block, text)


def marks(count: int) -> list[FromLLM]:
    """So many events that are never joined."""
    return [Cleared() if at % 2 else TurnStarted(turn=at + 1) for at in range(count)]


def seen(events: Iterable[FromLLM]) -> list[str]:
    """Events as words: ``a1`` is the first of session a, ``a1-3?`` says that three were missed."""
    return [
        f"{event.session_id}{event.first}-{event.last}?"
        if isinstance(event, Missed)
        else f"{event.session_id}{event.seq}"
        for event in events
    ]


async def read(reader: Reader, count: int) -> list[FromLLM]:
    """The next *count* events."""
    return [await anext(reader) for _ in range(count)]


async def rest(reader: Reader) -> list[FromLLM]:
    """All events up to the reader's end."""
    return [event async for event in reader]
