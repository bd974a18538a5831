"""Frames arrive whole, in whatever pieces their bytes come, and none is larger than its receiver accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.runtime.streams import frames
from rayconteur.runtime.streams.frames import LENGTH_BYTES, FrameError, FrameSplitter, encode_frame

LIMIT_BYTES = 100


@given(st.lists(st.binary(max_size=LIMIT_BYTES)), st.data())
def test_frames_are_the_same_in_whatever_pieces_they_arrive(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(encode_frame, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    splitter = FrameSplitter(LIMIT_BYTES)
    received: list[bytes] = []

    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += splitter.feed(stream[start:end])

    assert received == sent


def test_a_frame_that_is_too_large_is_rejected_before_it_has_arrived() -> None:
    splitter = FrameSplitter(LIMIT_BYTES)

    with pytest.raises(FrameError, match="a frame of 101 bytes; the limit is 100"):
        splitter.feed((LIMIT_BYTES + 1).to_bytes(LENGTH_BYTES))


def test_a_frame_that_no_receiver_accepts_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_LIMIT_BYTES", LIMIT_BYTES)

    with pytest.raises(FrameError, match="101 bytes are too many"):
        encode_frame(bytes(LIMIT_BYTES + 1))
