"""Frames of Amazon's event stream: compared with botocore, and damaged."""

import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from builders.eventstream import THINKS_AND_CALLS, frame, raw_frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayconteur.providers.schema.errors import ProtocolError
from rayconteur.providers.transport.streams.eventstream import FRAME_LIMIT_BYTES, FrameStream, headers, split

names = st.text(min_size=1, max_size=20).filter(lambda name: len(name.encode()) < 256)
values = st.one_of(
    st.just(b"\x00"),
    st.just(b"\x01"),
    st.integers(-(2**7), 2**7 - 1).map(lambda number: b"\x02" + struct.pack(">b", number)),
    st.integers(-(2**15), 2**15 - 1).map(lambda number: b"\x03" + struct.pack(">h", number)),
    st.integers(-(2**31), 2**31 - 1).map(lambda number: b"\x04" + struct.pack(">i", number)),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b"\x05" + struct.pack(">q", number)),
    st.binary(max_size=50).map(lambda data: b"\x06" + struct.pack(">H", len(data)) + data),
    st.text(max_size=20).map(lambda text: b"\x07" + struct.pack(">H", len(text.encode())) + text.encode()),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b"\x08" + struct.pack(">q", number)),
    st.binary(min_size=16, max_size=16).map(lambda data: b"\x09" + data),
)
encoded = st.dictionaries(names, values, max_size=4).map(
    lambda fields: b"".join(bytes([len(name.encode())]) + name.encode() + value for name, value in fields.items())
)
frames = st.lists(st.builds(raw_frame, encoded, st.binary(max_size=200)), max_size=5)


def read_frames(stream: bytes, *places: int) -> list[bytes]:
    """The frames of *stream*, which is fed in pieces that end at *places*."""
    ends = sorted({min(place, len(stream)) for place in places} | {len(stream)})
    reader = FrameStream("bedrock")
    frames: list[bytes] = []
    start = 0
    for end in ends:
        frames += reader.feed(stream[start:end])
        start = end
    return frames


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames, st.lists(st.integers(0, 1_200)))
def test_frames_are_read_as_by_botocore_however_the_stream_is_split(sent: list[bytes], places: list[int]) -> None:
    theirs = EventStreamBuffer()
    theirs.add_data(b"".join(sent))

    received = read_frames(b"".join(sent), *places)

    assert received == sent
    messages: list[object] = [(message.headers, message.payload) for message in theirs]
    assert [(headers(split(frame)[0]), split(frame)[1]) for frame in received] == messages


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_a_protocol_error(data: bytes) -> None:
    try:
        for received in FrameStream("bedrock").feed(data):
            headers(split(received)[0])
    except (ProtocolError, ValueError):
        pass


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(encoded, st.integers(0, 100))
def test_truncated_headers_are_fewer_or_an_error(complete: bytes, length: int) -> None:
    try:
        truncated = headers(complete[:length])
    except ValueError:
        return
    assert truncated.items() <= headers(complete).items()


def test_every_damaged_byte_is_detected() -> None:
    for place in range(len(THINKS_AND_CALLS)):
        damaged = bytearray(THINKS_AND_CALLS)
        damaged[place] ^= 0x10
        with pytest.raises(ProtocolError, match="damaged"):
            read_frames(bytes(damaged))


def test_frames_before_a_damaged_one_are_kept() -> None:
    good = frame({"a": "b"}, b"{}")
    reader = iter(FrameStream("bedrock").feed(good + good[:-1] + b"!"))

    assert next(reader) == good
    with pytest.raises(ProtocolError):
        next(reader)


@pytest.mark.parametrize(
    ("total_bytes", "header_bytes"), [(FRAME_LIMIT_BYTES + 1, 0), (15, 0), (16, 1), (1 << 20, (128 << 10) + 1)]
)
def test_an_impossible_length_is_an_error_at_once(total_bytes: int, header_bytes: int) -> None:
    head = struct.pack(">II", total_bytes, header_bytes)

    with pytest.raises(ProtocolError, match="bytes"):
        read_frames(head + struct.pack(">I", crc32(head)) + b"\0" * 4)


def test_an_unknown_or_repeated_header_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown type 10"):
        headers(b"\x01a\x0a")
    with pytest.raises(ValueError, match="twice"):
        headers(b"\x01a\x00\x01a\x01")
