"""Events that a router no longer holds are read from the journal."""

from contextlib import suppress
from functools import partial

from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.segments import START, Segment, decode_events
from rayconteur.runtime.session.durable.reading import recorded_events

ECHO = rc.SessionConfig(provider=rc.Scripted())
STREAMED = rc.StreamStarted | rc.TextChunk
TURNS = 40


class Feed:
    """Where a reader's segments come from: it is fed by hand."""

    def subscribe(self, reader: Reader) -> None: ...

    def acknowledge(self, reader: Reader, segment: Segment) -> None: ...

    def unsubscribe(self, reader: Reader) -> None: ...

    async def check_responds(self, within_s: float) -> None: ...


async def conversation() -> tuple[Namespace, list[Segment]]:
    namespace = Namespace(SlowJournal(delay_s=0.0))
    await namespace.open(ECHO)
    for turn in range(1, TURNS + 1):
        assert await namespace.host.ask(f"message {turn}") == turn
        await namespace.wait_for(partial(is_completed, turn))
    return namespace, list(namespace.router.subscriptions.log.segments_after(KEY[0], START))


def is_completed(turn: int, event: rc.FromLLM) -> bool:
    return isinstance(event, rc.Completed) and event.turn == turn


async def read(namespace: Namespace, after: int, segments: list[Segment]) -> list[rc.FromLLM]:
    """What a reader gets that has the events up to number *after*, from a router that has only these *segments*."""
    reader = Reader(Feed(), KEY[0], (KEY[1], after))
    reader.find_missed = lambda missed, epoch: recorded_events(namespace.journal, missed, epoch)
    for segment in segments:
        reader.feed(segment)
    reader.fail(EOFError())
    events: list[rc.FromLLM] = []
    with suppress(EOFError):
        async for event in reader:
            events.append(event)  # noqa: PERF401  what comes before the error counts
    return events


def test_a_reader_gets_all_that_was_recorded_and_learns_of_the_rest() -> None:
    async def main() -> None:
        namespace, segments = await conversation()
        sent = [event for each in segments for event in decode_events(each)]
        last = sent[-1].seq
        for after in (0, 1, 7, last // 2, last - 9):
            got = await read(namespace, after, segments[-1:])

            assert covered(got) == list(range(after + 1, last + 1))
            recorded = [event for event in sent if event.seq > after and not isinstance(event, STREAMED)]
            assert [event for event in got if not isinstance(event, rc.Missed | STREAMED)] == recorded
        await namespace.stop()

    run(main())


def test_what_the_journal_does_not_have_is_missed() -> None:
    async def main() -> None:
        namespace, segments = await conversation()
        empty = Namespace(SlowJournal())

        got = await read(empty, 3, segments[-1:])

        first = segments[-1].first
        assert isinstance(missed := got[0], rc.Missed)
        assert (missed.first, missed.last) == (4, first - 1)
        assert got[1:] == decode_events(segments[-1])
        await namespace.stop()

    run(main())


def covered(events: list[rc.FromLLM]) -> list[int]:
    """The numbers that *events* stand for, in their order."""
    numbers: list[int] = []
    for event in events:
        numbers += range(event.first, event.last + 1) if isinstance(event, rc.Missed) else (event.seq,)
    return numbers
