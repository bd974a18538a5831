"""Large bodies, slow ones, and silences: what is sent and read, and when it is too long."""

import asyncio
import tracemalloc
from contextlib import suppress

import pytest
from fixtures.http_requests import EACH_LOOP, Run, post, sends, whole
from servers.loopback import Exchange, Loopback

from rayconteur.providers.transport.connections.http_session import HTTPSession
from rayconteur.providers.transport.connections.request_head import RequestHead

BODY = bytes(64 << 20)


@EACH_LOOP
def test_no_more_of_a_large_body_is_sent_once_the_server_has_refused_it(run: Run) -> None:
    async def main() -> tuple[int, int, int]:
        received = 0
        answered, closed = asyncio.Event(), asyncio.Event()
        connections = 0

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal received, connections
            connections += 1
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\n")
            await answered.wait()
            writer.write(b"Big")
            with suppress(ConnectionError):
                while data := await reader.read(1 << 20):
                    received += len(data)
            writer.close()
            closed.set()

        async with asyncio.timeout(10), await asyncio.start_server(refuse, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            session = HTTPSession(5, 5)
            head = RequestHead("POST", f"http://127.0.0.1:{port}", ())
            tracemalloc.start()
            response = await session.send(head, BODY)
            written = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            answered.set()
            assert (response.status, await response.read()) == (413, b"Big")
            await closed.wait()
            await (await session.send(head, b"{}")).read()
            await session.aclose()
            return written, received, connections

    written, received, connections = run(main())

    assert written < 10 << 20, "the rest waits in no buffer either"
    assert received < len(BODY) / 2
    assert connections == 2


@EACH_LOOP
def test_sending_a_large_body_may_take_longer_than_a_silence(run: Run) -> None:
    pieces, limit_s = 10, 0.2

    async def main() -> bytes:
        async def read_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for _ in range(pieces):
                await reader.readexactly(8 << 20)
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), limit_s / 4)
            writer.write(whole(b"Caw"))
            await reader.read()
            writer.close()
            closed.set()

        closed = asyncio.Event()
        async with asyncio.timeout(20), await asyncio.start_server(read_slowly, "127.0.0.1", limit=1 << 16) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            session = HTTPSession(5, limit_s)
            response = await session.send(RequestHead("POST", url, ()), b"x" * (pieces * (8 << 20)))
            body = await response.read()
            await session.aclose()
            await closed.wait()
            return body

    assert run(main()) == b"Caw"


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
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nCa"])
def test_a_silence_ends_a_request_and_closes_its_connection(run: Run, sent: bytes) -> None:
    async def main() -> None:
        session = HTTPSession(5, 0.1)
        async with asyncio.timeout(10), Loopback(sends(sent)) as server:
            with pytest.raises(TimeoutError, match=r"nothing arrived for 0\.1 s"):
                await post(session, server)
            await server.closed.wait()
            await session.aclose()

    run(main())


@EACH_LOOP
def test_time_in_which_nobody_wants_more_of_a_body_is_no_silence(run: Run) -> None:
    limit_s = 0.1

    async def main() -> bytes:
        body: list[bytes] = []
        ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        resumed = asyncio.Event()

        async def end_late(exchange: Exchange) -> None:
            await resumed.wait()
            exchange.writer.write(b"aw")

        session = HTTPSession(5, limit_s)
        async with asyncio.timeout(10), Loopback(sends(whole(b"Caw")[:-2], then=end_late)) as server:
            response = await session.send(RequestHead("GET", server.url, ()), None)
            reading = response.read_body(body.append, ended.set_result)
            reading.pause()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), limit_s * 3)
            reading.resume()
            resumed.set()
            assert await ended is None
            await session.aclose()
            return b"".join(body)

    assert run(main()) == b"Caw"
