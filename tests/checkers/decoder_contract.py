"""All decoders of answers, in one table, and what each of them promises of whatever comes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import msgspec
from builders.eventstream import THINKS_AND_CALLS
from servers.recordings import exchanges

from rayconteur.providers.anthropic import decoder as anthropic_answers
from rayconteur.providers.bedrock import decoder as bedrock_answers
from rayconteur.providers.cohere import decoder as cohere_answers
from rayconteur.providers.google import decoder as google_answers
from rayconteur.providers.openai.chat import decoder as chat_answers
from rayconteur.providers.openai.responses import decoder as responses_answers
from rayconteur.providers.schema.content import Opaque
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import ProviderError
from rayconteur.providers.transport.decoder import StreamDecoder

_SAMPLES = Path(__file__).parents[1] / "samples"
_GROWTH = 20  # an answer is no larger than so many times what came, and this:
_SMALL_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Decoder:
    """How answers of one API are decoded, and where bodies of them are: *records* as (file, api), and *samples*."""

    stream: Callable[[], StreamDecoder]
    whole: Callable[[bytes], list[Delta]]
    records: tuple[tuple[str, str], ...]
    samples: tuple[bytes, ...]


def _samples(vendor: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(_SAMPLES.glob(f"{vendor}_*.sse")))


def _bedrock() -> bedrock_answers.BedrockReader:
    return bedrock_answers.BedrockReader("any", "m1")


DECODERS = {
    "anthropic": Decoder(
        anthropic_answers.stream_decoder,
        anthropic_answers.decode_answer,
        (("anthropic", "messages"),),
        _samples("anthropic"),
    ),
    "chat": Decoder(
        partial(chat_answers.stream_decoder, "chat", 1),
        partial(chat_answers.decode_answer, "chat", 1),
        (("openai_chat", "chat_completions"), ("azure", "chat_completions")),
        _samples("chat"),
    ),
    "responses": Decoder(
        partial(responses_answers.stream_decoder, "responses", 1),
        partial(responses_answers.decode_answer, "responses", 1),
        (("openai_responses", "responses"), ("azure", "responses")),
        _samples("responses"),
    ),
    "google": Decoder(
        partial(google_answers.stream_decoder, 1),
        partial(google_answers.decode_answer, 1),
        (("gemini", "generate_content"), ("vertex", "generate_content")),
        _samples("google"),
    ),
    "cohere": Decoder(
        partial(cohere_answers.stream_decoder, "any"),
        partial(cohere_answers.decode_answer, "any"),
        (("cohere", "chat_v2"),),
        _samples("cohere"),
    ),
    "bedrock": Decoder(
        lambda: bedrock_answers.stream_decoder(_bedrock()),
        lambda body: bedrock_answers.decode_answer(_bedrock(), body),
        (("bedrock", "converse"),),
        (THINKS_AND_CALLS,),
    ),
}
"""Each by its name. One that is new is an entry here."""


@cache
def bodies(name: str, streaming: bool) -> Sequence[bytes]:
    """Bodies of answers: those that were recorded, where the records are, and those of the samples that fit."""
    decoder = DECODERS[name]
    recorded = [
        exchange.data
        for file, api in decoder.records
        for exchange in exchanges(file, api)
        if exchange.streaming is streaming and exchange.data
    ]
    return [*recorded, *(decoder.samples if streaming else (b"{}",))]


def read_stream(name: str, pieces: Iterable[bytes]) -> None:
    """Decode a stream that comes in *pieces*: there is an answer in it, or an error of ours, and nothing else."""
    decoder, draft, came_bytes = DECODERS[name].stream(), Draft(name), 0
    try:
        for piece in pieces:
            came_bytes += len(piece)
            draft.add(decoder.feed(piece))
        draft.add(decoder.finish())
        _keep_answer(draft.finish(), came_bytes)
    except ProviderError as error:
        _keep(str(error), came_bytes)
    _keep(draft.partial(), came_bytes)


def read_whole(name: str, body: bytes) -> None:
    """Decode a whole answer, likewise."""
    draft = Draft(name)
    try:
        draft.add(DECODERS[name].whole(body))
        _keep_answer(draft.finish(), len(body))
    except ProviderError as error:
        _keep(str(error), len(body))


def _keep_answer(answer: Answer, came_bytes: int) -> None:
    """*answer* can be kept, and what only its provider understands can be sent back."""
    _keep(answer, came_bytes)
    for block in answer.content:
        if isinstance(block, Opaque):
            msgspec.json.decode(block.json)


def _keep(made: object, came_bytes: int) -> None:
    """*made* can go into events and records, and is no larger than what came lets it be."""
    assert len(msgspec.msgpack.encode(made)) <= _GROWTH * came_bytes + _SMALL_BYTES
