"""Large bodies, slow ones, and silences: what is sent and read, and when it is too long."""

import asyncio
import gzip
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
def test_a_large_body_waits_for_a_server_that_answers_before_it_has_read_it(run: Run) -> None:
    async def main() -> tuple[int, int]:
        reads, closed = asyncio.Event(), asyncio.Event()
        received = 0

        async def answer_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal received
            await reader.readuntil(b"\r\n\r\n")
            writer.write(whole(b"Caw")[:-1])
            await reads.wait()
            while received < len(BODY):
                received += len(await reader.read(1 << 20))
            writer.write(b"w")
            await reader.read()
            writer.close()
            closed.set()

        async with asyncio.timeout(20), await asyncio.start_server(answer_early, "127.0.0.1", limit=1 << 16) as server:
            head = RequestHead("POST", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", ())
            session = HTTPSession(5, 5)
            tracemalloc.start()
            asked = asyncio.create_task(session.send(head, BODY))
            await asyncio.wait((asked,), timeout=0.2)
            written = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            reads.set()
            assert await (await asked).read() == b"Caw"
            await session.aclose()
            await closed.wait()
            return written, received

    written, received = run(main())

    assert written < 10 << 20
    assert received == len(BODY)


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
def test_a_small_body_that_expands_to_a_large_one_neither_fills_the_memory_nor_stops_the_event_loop(run: Run) -> None:
    bomb = whole(gzip.compress(BODY), "Content-Encoding: gzip")

    async def main() -> tuple[int, list[int], int]:
        sizes: list[int] = []
        ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        session = HTTPSession(5, 5)
        async with asyncio.timeout(20), Loopback(sends(bomb)) as server:
            tracemalloc.start()
            response = await session.send(RequestHead("GET", server.url, ()), None)
            await asyncio.wait((ended,), timeout=0.1)
            unread_bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            reading = response.read_body(lambda piece: sizes.append(len(piece)), ended.set_result)
            reading.pause()
            before = list(sizes)
            await asyncio.wait((ended,), timeout=0.1)
            assert sizes == before, "it is paused"
            reading.resume()
            turns = 0
            while not ended.done():
                turns += 1
                await asyncio.sleep(0)
            assert ended.result() is None
            await session.aclose()
            return unread_bytes, sizes, turns

    unread_bytes, sizes, turns = run(main())

    assert unread_bytes < 3 << 20
    assert sum(sizes) == len(BODY)
    assert turns > 100


@EACH_LOOP
def test_a_head_that_arrives_byte_by_byte_does_not_take_for_ever(run: Run) -> None:
    async def drip(exchange: Exchange) -> None:
        for byte in whole(b"Caw"):
            exchange.writer.write(bytes([byte]))
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.05)

    async def main() -> None:
        session = HTTPSession(5, 0.2)
        async with asyncio.timeout(10), Loopback(drip) as server:
            with pytest.raises(TimeoutError, match=r"nothing arrived for 0\.2 s"):
                await post(session, server)
            await session.aclose()

    run(main())


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
