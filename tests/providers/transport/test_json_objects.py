"""Splitting a stream into JSON objects."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.schema.errors import ProtocolError
from rayconteur.providers.transport.streams.formats import BodyFormat
from rayconteur.providers.transport.streams.json_objects import ObjectStream

JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(), more, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, min_size=1, max_size=3), max_size=4)


@given(OBJECTS, st.integers(1, 7), st.booleans())
def test_an_array_is_split_into_its_objects_however_the_stream_is_split(
    objects: list[object], size: int, array: bool
) -> None:
    encoded = [msgspec.json.encode(value) for value in objects]
    body = b"[" + b" ,\r\n".join(encoded) + b"]\n" if array else b"\n".join(encoded)

    stream = ObjectStream("raven")
    split = [data for start in range(0, len(body), size) for data in stream.feed(body[start : start + size])]

    assert split == encoded
    assert stream.remainder() is None


def test_a_truncated_object_is_the_rest() -> None:
    stream = ObjectStream("raven")

    assert stream.feed(b'[{"a":1},{"b":"}') == [b'{"a":1}']
    assert stream.remainder() == b'{"b":"}'


def test_an_object_that_exceeds_the_limit_is_an_error() -> None:
    stream = ObjectStream("raven", limit_bytes=100)
    stream.feed(b'{"a":"' + b"b" * 90)

    with pytest.raises(ProtocolError, match="larger than 100 bytes"):
        stream.feed(b"b" * 90)


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'\r\n[{"a":1}]', [b'{"a":1}']),
        (b'{"a":1}', [b'{"a":1}']),
        (b'data: {"a":1}\n\n', [b'{"a":1}']),
        (b": {comment}\n\ndata: [1]\n\n", [b"[1]"]),
        (b" \n", []),
    ],
)
def test_the_first_byte_distinguishes_events_from_json(body: bytes, events: list[bytes]) -> None:
    stream = BodyFormat("raven")

    assert [data for start in range(len(body)) for data in stream.feed(body[start : start + 1])] == events
    assert not stream.remainder()
