"""The contract of all decoders under random and mutated input. ``make fuzz`` does the same for longer."""

import re
import tracemalloc
from random import Random

import msgspec
import pytest
from builders.decoding import decode_body
from builders.mutated_bodies import mutate_body
from checkers.decoder_contract import DECODERS, bodies, check_stream, check_whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayconteur.providers.schema.deltas import OpaqueReceived

EACH_DECODER = pytest.mark.parametrize("name", DECODERS)
FUZZING = settings(max_examples=60, deadline=5_000, suppress_health_check=[HealthCheck.too_slow])
LARGE_BYTES = 4 << 20


def split_at_random(data: bytes, random: Random) -> list[bytes]:
    """*data* in up to four pieces."""
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(4)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@EACH_DECODER
@FUZZING
@given(pieces=st.lists(st.binary()))
def test_any_bytes_are_an_answer_or_a_provider_error(name: str, pieces: list[bytes]) -> None:
    check_stream(name, pieces)
    check_whole(name, b"".join(pieces))


@EACH_DECODER
@FUZZING
@given(random=st.randoms(use_true_random=False))
def test_a_mutated_stream_is_an_answer_or_a_provider_error(name: str, random: Random) -> None:
    check_stream(name, split_at_random(mutate_body(random.choice(bodies(name, streaming=True)), random), random))


@EACH_DECODER
@FUZZING
@given(random=st.randoms(use_true_random=False))
def test_a_mutated_whole_answer_is_an_answer_or_a_provider_error(name: str, random: Random) -> None:
    check_whole(name, mutate_body(random.choice(bodies(name, streaming=False)), random))


@EACH_DECODER
def test_a_number_beyond_64_bits_is_an_answer_or_a_provider_error(name: str) -> None:
    for streaming in (True, False):
        for body in bodies(name, streaming)[-5:]:
            huge = re.sub(rb":(\s*)\d+", rb":\g<1>%d" % 2**70, body)
            check_stream(name, [huge])
            check_whole(name, huge)


@EACH_DECODER
def test_a_type_that_is_not_a_string_is_an_answer_or_a_provider_error(name: str) -> None:
    for body in bodies(name, streaming=True)[-5:]:
        check_stream(name, [re.sub(rb'"type":\s*"[a-z_.-]+"', b'"type":{"a":[]}', body)])
        check_stream(name, [re.sub(rb'("delta":\{"type":\s*)"[a-z_.-]+"', rb"\1[1]", body)])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("anthropic", b'{"id":"a","model":"m","content":[{"type":"song","of":"%b"}]}'),
        ("responses", b'{"id":"a","model":"m","status":"completed","output":[{"type":"song","of":"%b"}]}'),
        ("bedrock", b'{"stopReason":"end_turn","output":{"message":{"content":[{"song":{"of":"%b"}}]}}}'),
    ],
)
def test_opaque_blocks_are_json_whatever_came(name: str, body: bytes) -> None:
    for song, kept in ((b"the sea", b"the sea"), (b"\xe6\x80", "\ufffd".encode())):
        deltas = decode_body(DECODERS[name].decoder(), body % song)

        [block] = [delta for delta in deltas if isinstance(delta, OpaqueReceived)]
        assert msgspec.json.decode(block.json)
        assert kept in block.json


@EACH_DECODER
def test_memory_is_bounded_by_the_size_of_the_stream(name: str) -> None:
    body = bodies(name, streaming=True)[-1]
    large = body * (LARGE_BYTES // len(body))

    tracemalloc.start()
    check_stream(name, (large[start : start + 65_536] for start in range(0, len(large), 65_536)))
    check_whole(name, large)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 4 * LARGE_BYTES
