"""Streams split anywhere decode to the same deltas, and streams that end early are incomplete answers."""

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

# Every position of a short stream is tried; of a longer one a random sample, and its last bytes.
SHORT_BYTES = 4_096
SPLIT_SAMPLES = 1_000
END_SAMPLES = 250
LAST_BYTES = 40
SAMPLES = sorted(Path(__file__).parents[1].glob("samples/*.sse"), key=lambda sample: sample.name)

DecoderFactory = Callable[[], StreamDecoder]
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


def decoder_for(name: str) -> DecoderFactory:
    """The decoder for a sample or a recorded exchange, by the prefix of its name."""
    if name.startswith("anthropic"):
        return anthropic_answers.stream_decoder
    if name.startswith("bedrock"):
        return bedrock_decoder
    if name.startswith("cohere"):
        return cohere_decoder
    if name.startswith(("google", "gemini", "vertex")):
        return google_decoder
    return responses_decoder if name.startswith(("openai_responses", "responses")) else chat_decoder


def decode(new_decoder: DecoderFactory, *pieces: bytes) -> tuple[list[Delta], ProviderError | None]:
    """The deltas of *pieces*, and the error that the stream ends with."""
    decoder = new_decoder()
    deltas = [delta for piece in pieces for delta in decoder.feed(piece)]
    try:
        return deltas + decoder.finish(), None
    except ProviderError as error:
        return deltas, error


def positions(body: bytes, samples: int) -> Iterable[int]:
    everywhere = range(len(body))
    if len(body) < SHORT_BYTES:
        return everywhere
    return [*random.Random(len(body)).sample(everywhere, samples), *everywhere[-LAST_BYTES:]]


def assert_splits_make_no_difference(new_decoder: DecoderFactory, body: bytes) -> None:
    deltas, error = decode(new_decoder, body)
    for cut in positions(body, SPLIT_SAMPLES):
        deltas_in_two, error_in_two = decode(new_decoder, body[:cut], body[cut:])
        assert (deltas_in_two, repr(error_in_two)) == (deltas, repr(error)), f"split at byte {cut}"


def until_answer_end(name: str, body: bytes) -> bytes:
    """*body* without the ``[DONE]`` that follows the end of Cohere\'s answers."""
    return body.removesuffix(b"data: [DONE]\n\n") if name.startswith("cohere") else body


def assert_truncated_streams_are_incomplete(new_decoder: DecoderFactory, body: bytes) -> None:
    for cut in positions(body, END_SAMPLES):
        if body[cut:].strip(b" \r\n]"):  # without the closing bytes alone the answer is complete
            _, error = decode(new_decoder, body[:cut])
            assert type(error) is IncompleteAnswer, f"cut at byte {cut}"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_sample_decodes_the_same_in_two_pieces_and_byte_by_byte(sample: Path, line_end: bytes) -> None:
    body = sample.read_bytes().replace(b"\n", line_end)
    new_decoder = decoder_for(sample.name)

    assert_splits_make_no_difference(new_decoder, body)
    assert decode(new_decoder, *(bytes([byte]) for byte in body))[0] == decode(new_decoder, body)[0]


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if b"error" not in sample.read_bytes()], ids=str)
def test_a_truncated_sample_is_incomplete(sample: Path) -> None:
    assert_truncated_streams_are_incomplete(
        decoder_for(sample.name), until_answer_end(sample.name, sample.read_bytes())
    )


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_recorded_stream_decodes_the_same_in_two_pieces(exchange: Exchange) -> None:
    assert_splits_make_no_difference(decoder_for(exchange.id), exchange.data)


@pytest.mark.parametrize("exchange", STREAMS)
def test_a_truncated_recorded_stream_is_incomplete(exchange: Exchange) -> None:
    assert_truncated_streams_are_incomplete(decoder_for(exchange.id), until_answer_end(exchange.id, exchange.data))
