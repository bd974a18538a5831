"""Server-encoded events, as https://html.spec.whatwg.org/multipage/server-encoded-events.html defines them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.schema.errors import ProtocolError
from rayconteur.providers.transport.streams.sse import EventStream


def data_of(*pieces: bytes) -> list[bytes]:
    """The data of the events in *pieces* of a stream."""
    stream = EventStream("raven")
    return [data for piece in pieces for data in stream.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data: one\n\n", [b"one"]),
        (b"data:one\n\n", [b"one"]),
        (b"data:  one \n\n", [b" one "]),
        (b"event: x\ndata: one\n\n", [b"one"]),
        (b"data: one\nevent: x\nid: 7\n\n", [b"one"]),
        (b"data: one\ndata: two\n\n", [b"one\ntwo"]),
        (b"data: one\n\ndata: two\n\n", [b"one", b"two"]),
        (b"data: one\n\n\n\n\ndata: two\n\n", [b"one", b"two"]),
        (b"\n\ndata: one\n\n", [b"one"]),
        (b": a comment\ndata: one\n: another\n\n", [b"one"]),
        (b": a comment alone\n\ndata: one\n\n", [b"one"]),
        (b"event: nothing\n\ndata: one\n\n", [b"one"]),
        (b"database: no\nxdata: no\n data: no\ndata: one\n\n", [b"one"]),
        (b"data\n\ndata\ndata\n\ndata:\n\n", [b"", b"\n", b""]),
        (b"data: a: b\n\n", [b"a: b"]),
        (b"\xef\xbb\xbfdata: one\n\n", [b"one"]),
        (b"data: \xef\xbb\xbfone\n\n", [b"\xef\xbb\xbfone"]),
        (b"data: not complete\n", []),
        (b"", []),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_each_event_gives_its_data_with_any_line_ending_and_any_split(
    stream: bytes, data: list[bytes], line_end: bytes
) -> None:
    encoded = stream.replace(b"\n", line_end)

    assert data_of(encoded) == data
    assert data_of(*(bytes([byte]) for byte in encoded)) == data
    assert all(data_of(encoded[:cut], encoded[cut:]) == data for cut in range(len(encoded)))


@given(st.lists(st.sampled_from([b"data: a", b"data:b", b"event: e", b": c", b"", b"\r", b"\n", b"\r\n", b"\n\n"])))
def test_the_split_of_the_stream_makes_no_difference(parts: list[bytes]) -> None:
    encoded = b"".join(parts)

    assert data_of(*parts) == data_of(encoded)
    assert data_of(*(bytes([byte]) for byte in encoded)) == data_of(encoded)


def test_a_carriage_return_ends_an_event_at_once() -> None:
    stream = EventStream("raven")

    assert stream.feed(b"data: one\r\n\r") == [b"one"]
    assert stream.feed(b"\ndata: two\r\n\r\n") == [b"two"]


def test_an_event_without_its_blank_line_is_the_rest() -> None:
    stream = EventStream("raven")
    stream.feed(b"data: one\n\nevent: x\ndata: tw")
    stream.feed(b"o")

    assert stream.remainder() == b"two"
    assert EventStream("raven").remainder() is None


def test_an_event_that_exceeds_the_limit_is_an_error_however_it_is_split() -> None:
    stream = EventStream("raven", limit_bytes=20)
    stream.feed(b"data: 12345678\n\ndata: 12345678\n\n")
    stream.feed(b"data: 12345678")

    with pytest.raises(ProtocolError, match="larger than 20 bytes"):
        stream.feed(b"9012345")


@pytest.mark.parametrize("line", [b'{"error":{"message":"m"}}', b'{\n  "error": "m"\n}'])
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b"\ndata: y\n\n"])
@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
def test_json_without_a_field_is_an_event(line: bytes, end: bytes, piece_bytes: int) -> None:
    """Gateways write an error into the stream that they have begun for the server behind them."""
    stream = EventStream("raven")
    body = b"data: x\n\n" + line + end

    events = [data for at in range(0, len(body), piece_bytes) for data in stream.feed(body[at : at + piece_bytes])]
    rest = stream.remainder()

    assert [*events, *([rest] if rest else [])] == [b"x", line, *([b"y"] if b"y" in end else [])]
