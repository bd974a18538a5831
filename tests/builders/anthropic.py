"""Streams and whole answers of Anthropic's Messages API, decoded."""

from builders.decoding import decode_body

from rayconteur.providers.anthropic.decoder import answer_decoder
from rayconteur.providers.schema.content import Citation, Opaque
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.draft import Answer, Draft

START = (
    '{"type":"message_start","message":{"id":"msg_1","model":"m","content":[],'
    '"usage":{"input_tokens":3,"output_tokens":1}}}'
)
STOP = '{"type":"message_stop"}'


def events(*data: str) -> bytes:
    return "".join(f"event: any\ndata: {event}\n\n" for event in data).encode()


def decode_stream(*data: str) -> list[Delta]:
    decoder = answer_decoder()
    return decoder.feed(events(*data)) + decoder.finish()


def content_deltas(*data: str) -> list[Delta]:
    """The deltas of *data* between the start of an answer and its end."""
    return decode_stream(START, *data, STOP)[2:-1]


def cited(original: bytes, **members: str) -> Citation:
    """The citation with *members* whose form on the wire is *original*."""
    return Citation(**members, original=Opaque(provider="anthropic", type="citation", json=original))  # type: ignore[arg-type]


def answer_of(deltas: list[Delta]) -> Answer:
    draft = Draft("anthropic")
    draft.add(deltas)
    return draft.finish()


def streamed(*blocks: str, stop: str = '{"stop_reason":"end_turn"}', usage: str = '{"output_tokens":9}') -> Answer:
    """The answer of a stream in which each of *blocks* is whole at its start."""
    data = [START]
    for index, block in enumerate(blocks):
        data.append(f'{{"type":"content_block_start","index":{index},"content_block":{block}}}')
        data.append(f'{{"type":"content_block_stop","index":{index}}}')
    data.append(f'{{"type":"message_delta","delta":{stop},"usage":{usage}}}')
    return answer_of(decode_stream(*data, STOP))


def whole(*blocks: str, more: str = '"stop_reason":"end_turn"') -> Answer:
    """The answer with *blocks* and the members *more* that is not streamed."""
    return answer_of(
        decode_body(answer_decoder(), f'{{"id":"msg_1","model":"m","content":[{",".join(blocks)}],{more}}}'.encode())
    )
