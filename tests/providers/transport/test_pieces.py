"""Streams split anywhere decode to the same deltas, and streams that end before their answer are incomplete."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from _pytest.mark import ParameterSet
from checkers.decoder_contract import DECODERS
from checkers.examples import examples
from servers.recordings import Exchange, cases

from rayconteur.providers.schema.deltas import AnswerEnded, Delta, UsageReported
from rayconteur.providers.schema.errors import IncompleteAnswer, ProviderError

# A random sample of positions is tried, as many as decode so many bytes in all, and the last bytes: every position of a
# short stream. Recordings are many and long; they are decoded in small pieces, too, which split every part of them.
SAMPLE_BYTES = examples(1_500_000, 5_000_000)
RECORDING_BYTES = examples(50_000, 150_000)
FEWEST_POSITIONS = examples(10, 20)
LAST_BYTES = 40
SMALL_PIECES_BYTES = (1, 30)
SAMPLES = sorted(Path(__file__).parents[2].glob("samples/*.sse"), key=lambda sample: sample.name)


def recorded_streams() -> Iterator[ParameterSet]:
    """Each recorded stream, with the name of its decoder."""
    for name, decoder in DECODERS.items():
        for file, api in decoder.recordings:
            for case in cases(file, api, streaming=True):
                yield pytest.param(name, *case.values, id=case.id, marks=case.marks)


EACH_SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
EACH_ANSWER = pytest.mark.parametrize(
    "sample", [sample for sample in SAMPLES if b"error" not in sample.read_bytes()], ids=lambda sample: sample.stem
)
EACH_RECORDING = pytest.mark.parametrize(("name", "exchange"), list(recorded_streams()))


def decoder_name(sample: Path) -> str:
    """The name of the decoder of *sample*, which the name of the file starts with."""
    return sample.name.partition("_")[0]


def decode(name: str, *pieces: bytes) -> tuple[list[Delta], ProviderError | None]:
    """The deltas of *pieces*, and the error that the stream ends with."""
    decoder = DECODERS[name].decoder()
    deltas = [delta for piece in pieces for delta in decoder.feed(piece)]
    try:
        return deltas + decoder.finish(), None
    except ProviderError as error:
        return deltas, error


def positions(body: bytes, decoded_bytes: int) -> Iterable[int]:
    """Positions in *body*, always the same ones."""
    everywhere = range(len(body))
    number = max(FEWEST_POSITIONS, decoded_bytes // (len(body) or 1))
    if len(body) <= number + LAST_BYTES:
        return everywhere
    return [*random.Random(len(body)).sample(everywhere[:-LAST_BYTES], number), *everywhere[-LAST_BYTES:]]


def small_pieces(body: bytes) -> Iterator[bytes]:
    """*body* in pieces of random sizes, always the same ones."""
    sizes = random.Random(len(body))
    start = 0
    while start < len(body):
        end = start + sizes.randint(*SMALL_PIECES_BYTES)
        yield body[start:end]
        start = end


def assert_splits_make_no_difference(name: str, body: bytes, cuts: Iterable[int]) -> None:
    deltas, error = decode(name, body)
    for cut in cuts:
        deltas_in_two, error_in_two = decode(name, body[:cut], body[cut:])
        assert (deltas_in_two, repr(error_in_two)) == (deltas, repr(error)), f"split at byte {cut}"


def without_usage(deltas: Iterable[Delta]) -> list[Delta]:
    """*deltas* without the token counts, and without the details that come with them (Bedrock)."""
    kept = [delta for delta in deltas if not isinstance(delta, UsageReported)]
    ended = [isinstance(delta, AnswerEnded) for delta in kept]
    return [
        msgspec.structs.replace(delta, details=None) if end else delta for delta, end in zip(kept, ended, strict=True)
    ]


def assert_truncated_streams_are_incomplete(name: str, body: bytes, cuts: Iterable[int]) -> None:
    """A stream that ends early is incomplete, unless all of the answer has come, and only what follows is missing."""
    deltas, failure = decode(name, body)
    whole = without_usage(deltas)
    for cut in cuts:
        deltas, error = decode(name, body[:cut])
        if error is None or type(error) is type(failure):
            assert without_usage(deltas) == whole, f"cut at byte {cut}"
        else:
            assert type(error) is IncompleteAnswer, f"cut at byte {cut}"
            assert without_usage(deltas) == whole[: len(without_usage(deltas))], f"cut at byte {cut}"


@EACH_SAMPLE
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_sample_decodes_the_same_in_two_pieces_and_byte_by_byte(sample: Path, line_end: bytes) -> None:
    body = sample.read_bytes().replace(b"\n", line_end)
    name = decoder_name(sample)

    assert_splits_make_no_difference(name, body, positions(body, SAMPLE_BYTES))
    assert decode(name, *(bytes([byte]) for byte in body))[0] == decode(name, body)[0]


@EACH_ANSWER
def test_a_truncated_sample_is_incomplete(sample: Path) -> None:
    body = sample.read_bytes()

    assert_truncated_streams_are_incomplete(decoder_name(sample), body, positions(body, SAMPLE_BYTES))


@EACH_RECORDING
def test_a_recorded_stream_decodes_the_same_in_two_pieces_and_in_small_ones(name: str, exchange: Exchange) -> None:
    body = exchange.data

    assert_splits_make_no_difference(name, body, positions(body, RECORDING_BYTES))
    in_small_pieces, error_in_small_pieces = decode(name, *small_pieces(body))
    deltas, error = decode(name, body)
    assert (in_small_pieces, repr(error_in_small_pieces)) == (deltas, repr(error))


@EACH_RECORDING
def test_a_truncated_recorded_stream_is_incomplete(name: str, exchange: Exchange) -> None:
    body = exchange.data

    assert_truncated_streams_are_incomplete(name, body, positions(body, RECORDING_BYTES))
