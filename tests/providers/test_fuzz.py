"""Whatever a provider sends, there is an answer in it, or an error of ours; never anything else, and never much.

``make fuzz`` does the same for longer, led by what it reaches.
"""

import re
import tracemalloc
from random import Random

import pytest
from builders.mutated_bodies import mutated
from checkers.decoder_contract import DECODERS, bodies, read_stream, read_whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayconteur.providers.schema.deltas import OpaqueReceived
from rayconteur.providers.schema.errors import ProtocolError

EACH = pytest.mark.parametrize("name", DECODERS)
LOOSELY = settings(max_examples=60, deadline=5_000, suppress_health_check=[HealthCheck.too_slow])
MUCH_BYTES = 4 << 20


def in_pieces(data: bytes, random: Random) -> list[bytes]:
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(4)))
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@EACH
@LOOSELY
@given(pieces=st.lists(st.binary()))
def test_any_bytes_are_an_answer_or_an_error(name: str, pieces: list[bytes]) -> None:
    read_stream(name, pieces)
    read_whole(name, b"".join(pieces))


@EACH
@LOOSELY
@given(random=st.randoms(use_true_random=False))
def test_a_stream_with_something_wrong_in_it_is_an_answer_or_an_error(name: str, random: Random) -> None:
    read_stream(name, in_pieces(mutated(random.choice(bodies(name, streaming=True)), random), random))


@EACH
@LOOSELY
@given(random=st.randoms(use_true_random=False))
def test_a_whole_answer_with_something_wrong_in_it_is_an_answer_or_an_error(name: str, random: Random) -> None:
    read_whole(name, mutated(random.choice(bodies(name, streaming=False)), random))


@EACH
def test_a_number_that_no_event_could_hold_is_an_answer_or_an_error(name: str) -> None:
    for streaming in (True, False):
        for body in bodies(name, streaming)[-5:]:
            huge = re.sub(rb":(\s*)\d+", rb":\g<1>%d" % 2**70, body)
            read_stream(name, [huge])
            read_whole(name, huge)


@EACH
def test_a_kind_that_is_no_word_is_an_answer_or_an_error(name: str) -> None:
    for body in bodies(name, streaming=True)[-5:]:
        read_stream(name, [re.sub(rb'"type":\s*"[a-z_.-]+"', b'"type":{"a":[]}', body)])
        read_stream(name, [re.sub(rb'("delta":\{"type":\s*)"[a-z_.-]+"', rb"\1[1]", body)])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("anthropic", b'{"id":"a","model":"m","content":[{"type":"song","of":"%b"}]}'),
        ("responses", b'{"id":"a","model":"m","status":"completed","output":[{"type":"song","of":"%b"}]}'),
        ("bedrock", b'{"stopReason":"end_turn","output":{"message":{"content":[{"song":{"of":"%b"}}]}}}'),
    ],
)
def test_what_is_to_go_back_as_it_came_is_json_to_its_end(name: str, body: bytes) -> None:
    assert any(isinstance(delta, OpaqueReceived) for delta in DECODERS[name].whole(body % b"the sea"))
    with pytest.raises(ProtocolError):
        DECODERS[name].whole(body % b"\xe6\x80")


@EACH
def test_what_is_kept_of_a_stream_is_in_proportion_to_it(name: str) -> None:
    body = bodies(name, streaming=True)[-1]
    much = body * (MUCH_BYTES // len(body))

    tracemalloc.start()
    read_stream(name, (much[at : at + 65_536] for at in range(0, len(much), 65_536)))
    read_whole(name, much)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 4 * MUCH_BYTES
