"""Segments: decoding restores the events, with their session id and sequence numbers."""

import msgspec
from builders.segments import distinct_events, segment

from rayconteur.runtime.api.events import FromLLM, TextChunk
from rayconteur.runtime.events.segments import (
    END_SEQ,
    Segment,
    SessionEnd,
    decode_events,
    decode_segments,
    encode_events,
    encode_segments,
    shard_of,
)


def test_decoded_events_have_their_session_id_and_sequence_numbers() -> None:
    data = encode_events([TextChunk(turn=3, block=1, text="nevermore"), *distinct_events(1)])

    events = decode_events(Segment("raven", epoch=7, first=41, count=2, data=data))

    assert events[0] == TextChunk(session_id="raven", seq=41, turn=3, block=1, text="nevermore")
    assert (events[1].session_id, events[1].seq) == ("raven", 42)


def test_a_segment_without_events_decodes_to_none() -> None:
    assert decode_events(Segment("raven", 1, 5, 0, b"")) == []


def test_encoded_segments_decode_unchanged() -> None:
    last = segment("b", 7, epoch=1 << 41, session_end=SessionEnd.CLOSED)
    segments = [segment("a", 1, 3), last, Segment("c", 1, 2, 0, b"", SessionEnd.DIED)]

    assert decode_segments(encode_segments(segments)) == segments


def test_the_position_after_the_last_segment_of_a_session_is_its_end() -> None:
    assert segment("a", 5, 2).position == (1, 6)
    assert segment("a", 5, 2, session_end=SessionEnd.CLOSED).position == (1, END_SEQ)
    assert Segment("a", 1, 7, 0, b"").position == (1, 6)


def test_the_shard_of_a_session_is_the_same_in_every_process_and_release() -> None:
    assert [shard_of(session_id, 3) for session_id in ("a", "raven", "session-1")] == [0, 1, 1]


def test_sessions_are_spread_evenly_over_shards() -> None:
    shards = [shard_of(f"session-{number}", 4) for number in range(1_000)]

    assert all(200 < shards.count(shard) < 300 for shard in range(4))


def test_events_without_a_time_are_read() -> None:
    assert [event.at for event in decode_events(segment("a", 1, 2))] == [0.0, 0.0]
    line = b'{"kind":"textchunk","session_id":"a","seq":3,"turn":1,"text":"Caw!"}'
    assert msgspec.json.decode(line, type=FromLLM).at == 0.0
