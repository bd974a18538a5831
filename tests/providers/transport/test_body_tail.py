"""Reading on after the reason for stopping."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from fixtures import virtual_time

from rayconteur.providers.google.decoder import answer_decoder
from rayconteur.providers.schema.deltas import AnswerEnded, TextDelta
from rayconteur.providers.schema.errors import IncompleteAnswer
from rayconteur.providers.transport.body_tail import BodyTail

GAP_S = 0.5


def chunk(text: str, reason: bool = True) -> bytes:
    end = b',"finishReason":"STOP"' if reason else b""
    return b'data: {"candidates":[{"content":{"parts":[{"text":"%b"}]}%b}]}\n\n' % (text.encode(), end)


async def body(*chunks: bytes, hangs: bool) -> AsyncGenerator[bytes, None]:
    for each in chunks:
        yield each
        await asyncio.sleep(GAP_S / 2)
    if hangs:
        await asyncio.sleep(3600)


@pytest.mark.parametrize("hangs", [False, True])
def test_text_is_read_on_for_as_long_as_it_comes(hangs: bool) -> None:
    async def main() -> None:
        decoder = answer_decoder(1)
        async with BodyTail(body(*map(chunk, "abcdef"), hangs=hangs), decoder, ()) as tail:
            deltas = await tail.read_on(GAP_S)
            deltas += decoder.close(clean=not tail.is_unread)
            decoder.check()

        assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "abcdef"
        assert isinstance(deltas[-1], AnswerEnded)
        assert tail.is_unread is hangs

    virtual_time.run(main())


def test_text_that_stops_without_a_reason_is_an_incomplete_answer() -> None:
    async def main() -> None:
        decoder = answer_decoder(1)
        async with BodyTail(body(chunk("a"), chunk("b", reason=False), hangs=True), decoder, ()) as tail:
            await tail.read_on(GAP_S)
            decoder.close(clean=not tail.is_unread)
            decoder.check()

    with pytest.raises(IncompleteAnswer):
        virtual_time.run(main())
