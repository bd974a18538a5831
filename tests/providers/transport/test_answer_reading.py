"""Reading an answer to its end, however long its pieces take."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from fixtures import virtual_time
from fixtures.clients import EACH_PROVIDER, REQUEST, Config, client_and_server
from servers.loopback import answers

from rayconteur.providers.google.decoder import answer_decoder
from rayconteur.providers.schema.client import Sink
from rayconteur.providers.schema.deltas import AnswerEnded, Delta, TextDelta
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import IncompleteAnswer
from rayconteur.providers.transport.answer_reading import AnswerReading
from rayconteur.providers.transport.connections.exchange import End, Take
from rayconteur.providers.transport.rate_limit_headers import RateLimitInserter

SETTLED_S = 0.5
LIMIT_S = 10


def chunk(text: str, reason: bool = True) -> bytes:
    end = b',"finishReason":"STOP"' if reason else b""
    return b'data: {"candidates":[{"content":{"parts":[{"text":"%b"}]}%b}]}\n\n' % (text.encode(), end)


@dataclass
class TimedBody:
    """A body whose pieces come every *gap_s*, and whose end comes after the last one, unless it *hangs*."""

    pieces: Sequence[bytes]
    gap_s: float
    hangs: bool = False
    paused_s: list[float] = field(default_factory=list[float])
    """The times of each pause and each resumption."""
    is_closed: bool = False

    def read_body(self, take: Take, end: End) -> "TimedBody":
        loop = asyncio.get_running_loop()

        def take_if_open(piece: bytes) -> None:
            if not self.is_closed:
                take(piece)

        for number, piece in enumerate(self.pieces, 1):
            loop.call_later(number * self.gap_s, take_if_open, piece)
        if not self.hangs:
            loop.call_later((len(self.pieces) + 1) * self.gap_s, end, None)
        return self

    def pause(self) -> None:
        self.paused_s.append(asyncio.get_running_loop().time())

    def resume(self) -> None:
        self.paused_s.append(asyncio.get_running_loop().time())

    def close(self) -> None:
        self.is_closed = True


def ignore(_: Sequence[Delta]) -> None: ...


def read(body: TimedBody, sink: Sink = ignore) -> float:
    """Read *body* into *sink*. Returns the time it took."""

    async def main() -> float:
        reading = AnswerReading(answer_decoder(1), sink, RateLimitInserter({}), LIMIT_S)
        await reading.read(body)
        return asyncio.get_running_loop().time()

    return virtual_time.run(main())


@pytest.mark.parametrize("hangs", [False, True])
def test_text_is_read_on_for_as_long_as_it_comes(hangs: bool) -> None:
    deltas: list[Delta] = []

    read(TimedBody([*map(chunk, "abcdef")], SETTLED_S / 2, hangs), deltas.extend)

    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "abcdef"
    assert isinstance(deltas[-1], AnswerEnded)


def test_text_that_stops_without_a_reason_is_an_incomplete_answer() -> None:
    with pytest.raises(IncompleteAnswer):
        read(TimedBody([chunk("a"), chunk("b", reason=False)], SETTLED_S / 2, hangs=True))


def test_each_part_of_the_answer_restarts_the_time_of_a_stuck_one() -> None:
    pieces = [*(chunk(text, reason=False) for text in "abcd"), chunk("e")]

    assert read(TimedBody(pieces, LIMIT_S - 1)) == pytest.approx(5 * (LIMIT_S - 1), abs=1)


def test_a_stuck_answer_ends_when_its_time_is_over() -> None:
    async def main() -> float:
        reading = AnswerReading(answer_decoder(1), ignore, RateLimitInserter({}), LIMIT_S)
        with pytest.raises(IncompleteAnswer):
            await reading.read(TimedBody([chunk("a", reason=False), b"\n", b"\n", b"\n"], 4, hangs=True))
        assert str(reading.broken) == "nothing but keep-alives arrived for 10 s"
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == pytest.approx(4 + LIMIT_S)


def busy_for(seconds: float) -> Callable[[Sequence[Delta]], Awaitable[None]]:
    return lambda _: asyncio.sleep(seconds)


def test_a_sink_without_room_pauses_the_reading() -> None:
    body = TimedBody([chunk("a", reason=False), chunk("b", reason=False)], 1)

    with pytest.raises(IncompleteAnswer):
        read(body, busy_for(0.25))

    assert body.paused_s == [pytest.approx(at) for at in (1, 1.25, 2, 2.25)]


def test_time_without_room_does_not_count_as_stuck() -> None:
    body = TimedBody([chunk("a", reason=False)], 1, hangs=True)

    with pytest.raises(IncompleteAnswer):
        read(body, busy_for(3.5 * LIMIT_S))

    assert body.paused_s == [pytest.approx(1), pytest.approx(1 + 3.5 * LIMIT_S)]


def test_an_error_of_the_sink_ends_the_reading_at_once() -> None:
    given: list[Sequence[Delta]] = []

    def fail(deltas: Sequence[Delta]) -> None:
        given.append(deltas)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read(TimedBody([chunk("a", reason=False), chunk("b", reason=False)], 0, hangs=True), fail)

    assert len(given) == 1


def test_a_cancelled_reader_is_cancelled() -> None:
    async def main() -> None:
        reading = AnswerReading(answer_decoder(1), ignore, RateLimitInserter({}), LIMIT_S)
        async with asyncio.timeout(1):
            await reading.read(TimedBody([], 1, hangs=True))

    with pytest.raises(TimeoutError):
        virtual_time.run(main())


@EACH_PROVIDER
def test_an_answer_is_freed_at_its_end_without_the_garbage_collector(config: Config, stream: bytes) -> None:
    async def main() -> None:
        async with client_and_server(config, answers(stream)) as (client, _):
            draft = Draft(client.provider)
            answered = weakref.ref(draft)
            await client.stream(REQUEST, draft.add)
            draft.finish()

            del draft

            assert answered() is None

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
