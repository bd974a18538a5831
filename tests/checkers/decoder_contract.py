"""The contract of all decoders: whatever a provider sends becomes an answer or a ``ProviderError``, of bounded size."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import msgspec
from builders.decoding import decode_body
from builders.eventstream import THINKS_AND_CALLS
from servers.recordings import exchanges

from rayconteur.providers.anthropic import decoder as anthropic_answers
from rayconteur.providers.bedrock import decoder as bedrock_answers
from rayconteur.providers.cohere import decoder as cohere_answers
from rayconteur.providers.google import decoder as google_answers
from rayconteur.providers.openai.chat import decoder as chat_answers
from rayconteur.providers.openai.responses import decoder as responses_answers
from rayconteur.providers.schema.content import Opaque
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import ProviderError
from rayconteur.providers.transport.streams.decoder import AnswerDecoder

_SAMPLES = Path(__file__).parents[1] / "samples"
# An answer may have this many times the bytes received, and a small amount more.
_GROWTH = 20
_SMALL_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class DecoderCase:
    """How answers of one API are decoded, and bodies of such answers: recorded ones as (file, api), and samples."""

    decoder: Callable[[], AnswerDecoder]
    recordings: tuple[tuple[str, str], ...]
    samples: tuple[bytes, ...]


def _samples(vendor: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(_SAMPLES.glob(f"{vendor}_*.sse")))


def _bedrock_reader() -> bedrock_answers.BedrockReader:
    return bedrock_answers.BedrockReader("any", "m1")


DECODERS = {
    "anthropic": DecoderCase(
        anthropic_answers.answer_decoder,
        (("anthropic", "messages"),),
        _samples("anthropic"),
    ),
    "chat": DecoderCase(
        partial(chat_answers.answer_decoder, "chat", 1),
        (("openai_chat", "chat_completions"), ("azure", "chat_completions")),
        _samples("chat"),
    ),
    "responses": DecoderCase(
        partial(responses_answers.answer_decoder, "responses", 1),
        (("openai_responses", "responses"), ("azure", "responses")),
        _samples("responses"),
    ),
    "google": DecoderCase(
        partial(google_answers.answer_decoder, 1),
        (("gemini", "generate_content"), ("vertex", "generate_content")),
        _samples("google"),
    ),
    "cohere": DecoderCase(
        partial(cohere_answers.answer_decoder, "any"),
        (("cohere", "chat_v2"),),
        _samples("cohere"),
    ),
    "bedrock": DecoderCase(
        lambda: bedrock_answers.answer_decoder(_bedrock_reader()),
        (("bedrock", "converse"),),
        (THINKS_AND_CALLS,),
    ),
}
"""The decoder of each API, by name. A new API is an entry here."""


@cache
def bodies(name: str, streaming: bool) -> Sequence[bytes]:
    """Bodies of answers of API *name*, streamed or not: recorded ones, if they are available, and samples."""
    decoder = DECODERS[name]
    recorded = [
        exchange.data
        for file, api in decoder.recordings
        for exchange in exchanges(file, api)
        if exchange.streaming is streaming and exchange.data
    ]
    return [*recorded, *(decoder.samples if streaming else (b"{}",))]


def check_stream(name: str, pieces: Iterable[bytes]) -> None:
    """Decode a stream that comes in *pieces*, and check the contract."""
    decoder, draft, received_bytes = DECODERS[name].decoder(), Draft(name), 0
    try:
        for piece in pieces:
            received_bytes += len(piece)
            draft.add(decoder.feed(piece))
        draft.add(decoder.finish())
        _check_answer(draft.finish(), received_bytes)
    except ProviderError as error:
        _check_storable(str(error), received_bytes)
    _check_storable(draft.partial(), received_bytes)


def check_whole(name: str, body: bytes) -> None:
    """Decode a whole answer, and check the contract."""
    draft = Draft(name)
    try:
        draft.add(decode_body(DECODERS[name].decoder(), body))
        _check_answer(draft.finish(), len(body))
    except ProviderError as error:
        _check_storable(str(error), len(body))


def _check_answer(answer: Answer, received_bytes: int) -> None:
    """*answer* can be stored, and its opaque blocks are JSON, which can be sent back."""
    _check_storable(answer, received_bytes)
    for block in answer.content:
        if isinstance(block, Opaque):
            msgspec.json.decode(block.json)


def _check_storable(value: object, received_bytes: int) -> None:
    """*value* can be encoded into events and records, and its size is in proportion to what was received."""
    assert len(msgspec.msgpack.encode(value)) <= _GROWTH * received_bytes + _SMALL_BYTES
