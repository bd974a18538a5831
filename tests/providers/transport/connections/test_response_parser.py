"""The parser of responses, fed with pieces of any size, and with damaged ones."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from rayconteur.providers.transport.connections.errors import InvalidResponse
from rayconteur.providers.transport.connections.response_parser import Head, ResponseParser

BODY = bytes(range(256)) * 3
CHUNKS = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (BODY[:1], BODY[1:300], BODY[300:]))
RESPONSES = (
    b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-one: 2\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\nX-One: trailer\r\n\r\n"
    % CHUNKS,
    b"HTTP/1.1 103 Early Hints\r\nX-One: hint\r\n\r\nHTTP/1.1 404\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    b"HTTP/1.1 200 OK\nX: \xc3\xa4\nContent-Length: 0\n\n",
    b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
)

positions = st.lists(st.integers(0, 1_200), max_size=20)


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """*data*, cut at *cuts*."""
    ends = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(ends)]


def parsed(*data: bytes) -> tuple[Head | None, bytes, bool, bool]:
    """What a parser makes of a response that arrives in pieces."""
    parser = ResponseParser()
    parser.expect()
    body = b""
    for piece in data:
        parser.feed(piece)
        body += parser.body()
    return parser.head, body, parser.is_complete, parser.keeps_connection


@given(st.sampled_from(RESPONSES), positions)
@example(RESPONSES[0], list(range(1_200)))
@example(RESPONSES[1], list(range(1_200)))
def test_a_response_is_the_same_however_it_is_cut(response: bytes, cuts: list[int]) -> None:
    whole = parsed(response)

    assert parsed(*pieces(response, cuts)) == whole
    assert whole[2], "it is complete"


def test_the_values_of_a_header_that_occurs_twice_are_joined_and_trailers_and_hints_are_not_headers() -> None:
    chunked, *_ = parsed(RESPONSES[0])
    counted, *_ = parsed(RESPONSES[1])

    assert chunked == Head(200, {"x-one": "1, 2", "transfer-encoding": "chunked"})
    assert counted == Head(404, {"content-length": str(len(BODY))})


def test_one_response_after_the_other_is_parsed() -> None:
    parser = ResponseParser()
    for response in RESPONSES[:3]:
        parser.expect()
        parser.feed(response)
        parser.body()
        assert parser.is_complete
        assert parser.keeps_connection


@given(st.sampled_from(RESPONSES), positions, st.lists(st.tuples(st.integers(0, 1_200), st.binary(max_size=3))))
def test_a_damaged_response_is_read_or_rejected(
    response: bytes, cuts: list[int], damages: list[tuple[int, bytes]]
) -> None:
    for position, bytes_there in damages:
        response = response[:position] + bytes_there + response[position + 1 :]
    parser = ResponseParser()
    parser.expect()
    try:
        for piece in pieces(response, cuts):
            parser.feed(piece)
    except InvalidResponse:
        assert not parser.is_complete
        assert not parser.keeps_connection
    parser.body()
    parser.close()


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_garbage_is_rejected_or_waited_on(data: list[bytes]) -> None:
    parser = ResponseParser()
    parser.expect()
    try:
        for piece in data:
            parser.feed(piece)
    except InvalidResponse:
        return
    assert not parser.is_complete
