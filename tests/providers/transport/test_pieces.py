"""A stream means the same in whatever pieces it comes, and nothing at all when it stops short."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from servers.recordings import Exchange, cases

from rayconteur.providers.anthropic import decoder as anthropic_answers
from rayconteur.providers.bedrock import decoder as bedrock_answers
from rayconteur.providers.cohere import decoder as cohere_answers
from rayconteur.providers.google import decoder as google_answers
from rayconteur.providers.openai.chat import decoder as chat_answers
from rayconteur.providers.openai.responses import decoder as responses_answers
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.errors import IncompleteAnswer, ProviderError
from rayconteur.providers.transport.decoder import StreamDecoder

# All positions of a short stream are tried; of a longer one so many, chosen at random, and those of its end.
SHORT_BYTES = 4_096
SPLITS = 1_000
ENDS = 250
LAST_BYTES = 40
SAMPLES = sorted(Path(__file__).parents[1].glob("samples/*.sse"), key=lambda sample: sample.name)

NewDecoder = Callable[[], StreamDecoder]
STREAMS = [
    *cases("anthropic", "messages", streaming=True),
    *cases("openai_chat", "chat_completions", streaming=True),
    *cases("azure", "chat_completions", streaming=True),
    *cases("openai_responses", "responses", streaming=True),
    *cases("bedrock", "converse", streaming=True),
    *cases("cohere", "chat_v2", streaming=True),
    *cases("gemini", "generate_content", streaming=True),
    *cases("vertex", "generate_content", streaming=True),
]


def chat_decoder() -> StreamDecoder:
    return chat_answers.stream_decoder("raven", 1)


def responses_decoder() -> StreamDecoder:
    return responses_answers.stream_decoder("raven", 1)


def bedrock_decoder() -> StreamDecoder:
    return bedrock_answers.stream_decoder(bedrock_answers.BedrockReader("raven", "1"))


def google_decoder() -> StreamDecoder:
    return google_answers.stream_decoder(1)


def cohere_decoder() -> StreamDecoder:
    return cohere_answers.stream_decoder("raven")


def decoder_for(name: str) -> NewDecoder:
    """The decoder for a sample or a record, by how its name begins."""
    if name.startswith("anthropic"):
        return anthropic_answers.stream_decoder
    if name.startswith("bedrock"):
        return bedrock_decoder
    if name.startswith("cohere"):
        return cohere_decoder
    if name.startswith(("google", "gemini", "vertex")):
        return google_decoder
    return responses_decoder if name.startswith(("openai_responses", "responses")) else chat_decoder


def read(new: NewDecoder, *pieces: bytes) -> tuple[list[Delta], ProviderError | None]:
    """The deltas of *pieces*, and the error they end in."""
    decoder = new()
    deltas = [delta for piece in pieces for delta in decoder.feed(piece)]
    try:
        return deltas + decoder.finish(), None
    except ProviderError as error:
        return deltas, error


def positions(body: bytes, at_random: int) -> Iterable[int]:
    everywhere = range(len(body))
    if len(body) < SHORT_BYTES:
        return everywhere
    return [*random.Random(len(body)).sample(everywhere, at_random), *everywhere[-LAST_BYTES:]]


def assert_pieces_don_t_matter(new: NewDecoder, body: bytes) -> None:
    deltas, error = read(new, body)
    for cut in positions(body, SPLITS):
        again = read(new, body[:cut], body[cut:])
        assert (again[0], repr(again[1])) == (deltas, repr(error)), f"split at byte {cut}"


def up_to_the_end(name: str, body: bytes) -> bytes:
    """*body* without what follows the end of Cohere's answers; elsewhere it is the end."""
    return body.removesuffix(b"data: [DONE]\n\n") if name.startswith("cohere") else body


def assert_every_early_end_is_incomplete(new: NewDecoder, body: bytes) -> None:
    for cut in positions(body, ENDS):
        if body[cut:].strip(b" \r\n]"):  # what only closes the stream says nothing
            _, error = read(new, body[:cut])
            assert type(error) is IncompleteAnswer, f"cut at byte {cut}"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_sample_decodes_the_same_in_two_pieces_and_byte_by_byte(sample: Path, line_end: bytes) -> None:
    body = sample.read_bytes().replace(b"\n", line_end)
    new = decoder_for(sample.name)

    assert_pieces_don_t_matter(new, body)
    assert read(new, *(bytes([byte]) for byte in body))[0] == read(new, body)[0]


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if b"error" not in sample.read_bytes()], ids=str)
def test_a_truncated_sample_is_incomplete(sample: Path) -> None:
    assert_every_early_end_is_incomplete(decoder_for(sample.name), up_to_the_end(sample.name, sample.read_bytes()))


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_recorded_stream_decodes_the_same_in_two_pieces(exchange: Exchange) -> None:
    assert_pieces_don_t_matter(decoder_for(exchange.id), exchange.data)


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_truncated_recorded_stream_is_incomplete(exchange: Exchange) -> None:
    assert_every_early_end_is_incomplete(decoder_for(exchange.id), up_to_the_end(exchange.id, exchange.data))
