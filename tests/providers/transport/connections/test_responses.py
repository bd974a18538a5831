"""Responses in every form that HTTP/1.1 permits, and in some that it does not."""

import asyncio
import gc
import gzip
import ssl
import zlib

import pytest
from fixtures.http_requests import EACH_LOOP, Run, post, sends, whole
from servers.loopback import Exchange as Answering
from servers.loopback import Loopback, Respond, answers, in_turn

from rayconteur.providers.transport.connections.errors import ConnectFailed, InvalidResponse, ServerDisconnected
from rayconteur.providers.transport.connections.exchange import Exchange
from rayconteur.providers.transport.connections.http_session import HTTPSession
from rayconteur.providers.transport.connections.pool import ConnectionPool
from rayconteur.providers.transport.connections.request_head import Origin, RequestHead

TEXT = b"The raven caws. " * 1_000
OK = answers(b"Caw")
GZIPPED = gzip.compress(TEXT)
DEFLATED = zlib.compress(TEXT)


async def done(_: Answering) -> None:
    """Wait for the next request."""


async def answered(*responds: Respond, requests: int = 1) -> tuple[list[bytes], int]:
    """The bodies that *responds* send to so many requests, and the number of connections that these took."""
    session = HTTPSession(5, 5)
    async with asyncio.timeout(10), Loopback(in_turn(*responds)) as server:
        bodies = [(await post(session, server)).content for _ in range(requests)]
        await session.aclose()
        return bodies, server.connections


@EACH_LOOP
@pytest.mark.parametrize(
    "response",
    [
        whole(TEXT),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(TEXT), TEXT),
        b"HTTP/1.1 200\r\ntransfer-encoding: Chunked\r\n\r\n%X;x=y\r\n%b\r\n0\r\nX-Trailer: t\r\n\r\n"
        % (len(TEXT), TEXT),
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + whole(TEXT),
        whole(gzip.compress(TEXT), "Content-Encoding: gzip"),
        whole(gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), "Content-Encoding: X-GZIP"),
        whole(DEFLATED, "Content-Encoding: deflate"),
        whole(DEFLATED[2:-4], "Content-Encoding: deflate"),
        whole(gzip.compress(TEXT) + bytes(99), "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(GZIPPED), GZIPPED),
        whole(TEXT, "Content-Encoding: identity"),
    ],
    ids=[
        "length",
        "chunked",
        "trailer",
        "informational",
        "gzip",
        "members",
        "zlib",
        "deflate",
        "padding",
        "transfer",
        "identity",
    ],
)
def test_a_response_is_read_however_it_is_framed_and_its_connection_is_kept(run: Run, response: bytes) -> None:
    in_one = sends(response, then=done)
    byte_by_byte = sends(*(response[i : i + 1] for i in range(min(300, len(response)))), response[300:], then=done)

    assert run(answered(in_one, byte_by_byte, OK, requests=3)) == ([TEXT, TEXT, b"Caw"], 1)


@pytest.mark.parametrize("bytes_more", [0, 1, 70, 107, 144, 218, 262_144])
def test_a_body_a_little_larger_than_what_is_decompressed_at_once_is_whole(bytes_more: int) -> None:
    text = bytes(262_144 + bytes_more)
    deflated = whole(zlib.compress(text)[2:-4], "Content-Encoding: deflate")

    assert asyncio.run(answered(sends(deflated, then=done))) == ([text], 1)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_response_may_have_a_coding_but_no_body(coding: str) -> None:
    empty = sends(whole(b"", f"Content-Encoding: {coding}"), then=done)

    assert asyncio.run(answered(empty, OK, requests=2)) == ([b"", b"Caw"], 1)


@EACH_LOOP
@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"])
def test_a_response_without_a_length_ends_with_its_connection(run: Run, head: bytes) -> None:
    async def close(exchange: Answering) -> None:
        exchange.writer.close()

    assert run(answered(sends(head, TEXT, then=close), OK, requests=2)) == ([TEXT, b"Caw"], 2)


@EACH_LOOP
@pytest.mark.parametrize(
    "response",
    [
        whole(b"Caw", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nCaw",
        whole(b"Caw") + whole(b"What nobody asked for"),
        whole(b"Caw") + b"\x00 garbage",
    ],
    ids=["close", "http-1.0", "unasked", "garbage"],
)
def test_a_connection_that_cannot_be_trusted_is_not_used_again(run: Run, response: bytes) -> None:
    assert run(answered(sends(response, then=done), OK, requests=2)) == ([b"Caw", b"Caw"], 2)


@EACH_LOOP
@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n", "not valid HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000, "larger than 256 KB"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000, "larger than 256 KB"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 600_000, "larger than 256 KB"),
        (whole(TEXT, "Content-Encoding: br"), "compressed with 'br'"),
        (whole(TEXT, "Content-Encoding: gzip"), "corrupt"),
        (whole(gzip.compress(TEXT)[:-1], "Content-Encoding: gzip"), "incomplete"),
    ],
)
def test_a_response_that_cannot_be_read_is_an_error_that_says_why(run: Run, response: bytes, problem: str) -> None:
    async def main() -> int:
        session = HTTPSession(5, 5)
        async with asyncio.timeout(10), Loopback(sends(response)) as server:
            with pytest.raises(InvalidResponse, match=problem):
                await post(session, server)
            await session.aclose()
            return len(server.received)

    assert run(main()) == 1


@EACH_LOOP
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-", whole(TEXT)[:-1]])
def test_a_response_that_breaks_off_is_an_error(run: Run, sent: bytes) -> None:
    async def main() -> None:
        session = HTTPSession(5, 5)
        async with asyncio.timeout(10), Loopback(sends(sent, then=Answering.drop)) as server:
            with pytest.raises(ServerDisconnected, match="the server closed the connection"):
                await post(session, server)
            await session.aclose()

    run(main())


class Socket:
    """A connection without a server."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def abort(self) -> None: ...


def test_an_error_that_nobody_waits_for_any_more_is_not_reported() -> None:
    async def main() -> list[object]:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        exchange = Exchange(Socket(), 5)
        exchange.finish(ServerDisconnected())
        exchange.close()  # by who was cancelled before it could see the error
        del exchange
        gc.collect()
        await asyncio.sleep(0)
        return reported

    assert asyncio.run(main()) == []


def test_the_connection_that_was_used_last_is_used_first() -> None:
    async def main() -> None:
        pool = ConnectionPool(5, ssl.create_default_context)
        async with Loopback(OK) as server:
            origin = Origin.of(server.url)
            first, second = await pool.opened(origin), await pool.opened(origin)
            pool.keep(first)
            pool.keep(second)
            assert [pool.kept(origin), pool.kept(origin), pool.kept(origin)] == [second, first, None]
            await pool.aclose()

    asyncio.run(main())


@EACH_LOOP
def test_a_request_over_a_connection_that_is_closed_fails_at_once(run: Run) -> None:
    async def main() -> None:
        pool = ConnectionPool(5, ssl.create_default_context)
        async with asyncio.timeout(10), Loopback(OK) as server:
            connection = await pool.opened(Origin.of(server.url))
            await pool.aclose()
            assert connection.is_closed
            with pytest.raises(ServerDisconnected):
                await connection.send(RequestHead("GET", server.url, ()), None, 5)

    run(main())


@EACH_LOOP
def test_a_hundred_requests_at_once_take_a_hundred_connections_and_the_next_ones_reuse_them(run: Run) -> None:
    async def main() -> int:
        session = HTTPSession(5, 5)
        async with asyncio.timeout(10), Loopback(OK) as server:
            for _ in range(3):
                await asyncio.gather(*(post(session, server) for _ in range(100)))
            await session.aclose()
            return server.connections

    assert run(main()) == 100


def test_kept_connections_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayconteur.providers.transport.connections.pool._KEPT_IDLE_S", 0.05)

    async def main() -> int:
        session = HTTPSession(5, 5)
        async with asyncio.timeout(10), Loopback(OK) as server:
            await post(session, server)
            await server.closed.wait()
            await post(session, server)
            await session.aclose()
            return server.connections

    assert asyncio.run(main()) == 2


@EACH_LOOP
def test_closing_a_session_closes_all_its_connections_and_ends_its_requests(run: Run) -> None:
    asking = asyncio.Event()

    async def hang(exchange: Answering) -> None:
        asking.set()
        await exchange.hang()

    async def main() -> int:
        session = HTTPSession(5, 5)
        async with asyncio.timeout(10), Loopback(in_turn(OK, hang)) as server:
            await post(session, server)
            asked = asyncio.create_task(post(session, server))
            await asking.wait()
            await session.aclose()
            with pytest.raises(ConnectFailed, match="the client is closed"):
                await asked
            await server.closed.wait()
            return server.connections

    assert run(main()) == 1
