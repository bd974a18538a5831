"""Responses in every form that HTTP/1.1 permits, and in some that it does not."""

import asyncio
import gzip
import zlib
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
import uvloop
from servers.loopback import Exchange, Loopback, Respond, answers, in_turn

from rayconteur.providers.transport.connections.errors import ConnectFailed, InvalidResponse, ServerDisconnected
from rayconteur.providers.transport.connections.http_session import HTTPSession
from rayconteur.providers.transport.connections.request_head import RequestHead
from rayconteur.providers.transport.connections.response import Response

Run = Callable[[Coroutine[Any, Any, Any]], Any]
EACH_LOOP = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])

TEXT = b"The raven caws. " * 1_000
OK = answers(b"Caw")
DEFLATED = zlib.compress(TEXT)


def sends(*pieces: bytes, then: Respond = Exchange.hang) -> Respond:
    """Sends *pieces* one by one, as they are, and continues with *then*."""

    async def respond(exchange: Exchange) -> None:
        for piece in pieces:
            exchange.writer.write(piece)
            await exchange.writer.drain()
            await asyncio.sleep(0)
        await then(exchange)

    return respond


async def done(_: Exchange) -> None:
    """Wait for the next request."""


def whole(body: bytes, *fields: str) -> bytes:
    """A response whose length is in its head."""
    lines = (f"Content-Length: {len(body)}", *fields)
    return b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % ("\r\n".join(lines).encode(), body)


async def post(session: HTTPSession, server: Loopback, body: bytes = b"{}") -> Response:
    """The response to a request in *session*, read whole."""
    response = await session.send(RequestHead("POST", server.url, ()), body)
    await response.read()
    return response


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
        whole(TEXT, "Content-Encoding: identity"),
    ],
    ids=["length", "chunked", "trailer", "informational", "gzip", "members", "zlib", "deflate", "identity"],
)
def test_a_response_is_read_however_it_is_framed_and_its_connection_is_kept(run: Run, response: bytes) -> None:
    in_one = sends(response, then=done)
    byte_by_byte = sends(*(response[i : i + 1] for i in range(min(300, len(response)))), response[300:], then=done)

    assert run(answered(in_one, byte_by_byte, OK, requests=3)) == ([TEXT, TEXT, b"Caw"], 1)


@EACH_LOOP
@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"])
def test_a_response_without_a_length_ends_with_its_connection(run: Run, head: bytes) -> None:
    async def close(exchange: Exchange) -> None:
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
        async with asyncio.timeout(10), Loopback(sends(sent, then=Exchange.drop)) as server:
            with pytest.raises(ServerDisconnected, match="the server closed the connection"):
                await post(session, server)
            await session.aclose()

    run(main())


@EACH_LOOP
def test_no_more_of_a_large_body_is_sent_once_the_server_has_refused_it(run: Run) -> None:
    body_bytes = 64 << 20

    async def main() -> tuple[int, bytes, int]:
        received = 0
        closed = asyncio.Event()

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal received
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nBig")
            with suppress(ConnectionError):
                while data := await reader.read(1 << 20):
                    received += len(data)
            writer.close()
            closed.set()

        async with asyncio.timeout(10), await asyncio.start_server(refuse, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            session = HTTPSession(5, 5)
            response = await session.send(RequestHead("POST", f"http://127.0.0.1:{port}", ()), b"x" * body_bytes)
            await response.read()
            await session.aclose()
            await closed.wait()
            return response.status, response.content, received

    status, content, received = run(main())

    assert (status, content) == (413, b"Big")
    assert received < body_bytes / 2


@EACH_LOOP
def test_a_body_that_nobody_reads_is_not_buffered_without_limit(run: Run) -> None:
    async def main() -> int:
        sent = 0

        async def flood(exchange: Exchange) -> None:
            nonlocal sent
            exchange.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while sent < 64 << 20:
                exchange.writer.write(b"x" * 65_536)
                await exchange.writer.drain()
                sent += 65_536

        session = HTTPSession(5, 5)
        async with asyncio.timeout(10), Loopback(flood) as server:
            response = await session.send(RequestHead("GET", server.url, ()), None)
            before = -1
            while sent != before:  # until the server can send no more
                before = sent
                with suppress(TimeoutError):
                    await asyncio.wait_for(server.closed.wait(), 0.1)
            read = await response.read(max_bytes=20 << 20)
            assert len(read) == 20 << 20  # what is buffered comes first, and more after it
            await session.aclose()
            return before

    assert run(main()) < 16 << 20


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

    async def hang(exchange: Exchange) -> None:
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
