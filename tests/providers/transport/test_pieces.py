"""Streams split anywhere decode to the same deltas, and streams that end before their answer are incomplete."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from _pytest.mark import ParameterSet
from checkers.decoder_contract import DECODERS
from servers.recordings import Exchange, cases

from rayconteur.providers.schema.deltas import AnswerEnded, Delta, UsageReported
from rayconteur.providers.schema.errors import IncompleteAnswer, ProviderError

# Every position of a short stream is tried; of a longer one a random sample, and its last bytes.
SHORT_BYTES = 4_096
SPLIT_SAMPLES = 1_000
END_SAMPLES = 250
LAST_BYTES = 40
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


def positions(body: bytes, samples: int) -> Iterable[int]:
    everywhere = range(len(body))
    if len(body) < SHORT_BYTES:
        return everywhere
    return [*random.Random(len(body)).sample(everywhere, samples), *everywhere[-LAST_BYTES:]]


def assert_splits_make_no_difference(name: str, body: bytes) -> None:
    deltas, error = decode(name, body)
    for cut in positions(body, SPLIT_SAMPLES):
        deltas_in_two, error_in_two = decode(name, body[:cut], body[cut:])
        assert (deltas_in_two, repr(error_in_two)) == (deltas, repr(error)), f"split at byte {cut}"


def without_usage(deltas: Iterable[Delta]) -> list[Delta]:
    """*deltas* without the token counts, and without the details that come with them (Bedrock)."""
    kept = [delta for delta in deltas if not isinstance(delta, UsageReported)]
    ended = [isinstance(delta, AnswerEnded) for delta in kept]
    return [
        msgspec.structs.replace(delta, details=None) if end else delta for delta, end in zip(kept, ended, strict=True)
    ]


def assert_truncated_streams_are_incomplete(name: str, body: bytes) -> None:
    """A stream that ends early is incomplete, unless all of the answer has come, and only what follows is missing."""
    deltas, failure = decode(name, body)
    whole = without_usage(deltas)
    for cut in positions(body, END_SAMPLES):
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

    assert_splits_make_no_difference(name, body)
    assert decode(name, *(bytes([byte]) for byte in body))[0] == decode(name, body)[0]


@EACH_ANSWER
def test_a_truncated_sample_is_incomplete(sample: Path) -> None:
    assert_truncated_streams_are_incomplete(decoder_name(sample), sample.read_bytes())


@EACH_RECORDING
def test_a_recorded_stream_decodes_the_same_in_two_pieces(name: str, exchange: Exchange) -> None:
    assert_splits_make_no_difference(name, exchange.data)


@EACH_RECORDING
def test_a_truncated_recorded_stream_is_incomplete(name: str, exchange: Exchange) -> None:
    assert_truncated_streams_are_incomplete(name, exchange.data)
