"""Which connections are used for a request, and which are kept after it."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.certificates import self_signed
from servers.loopback import Exchange, Loopback, Respond, abort, answers, in_turn, reset

from rayconteur.providers.transport.connections import http_session
from rayconteur.providers.transport.connections.errors import ServerDisconnected
from rayconteur.providers.transport.connections.http_session import HTTPSession
from rayconteur.providers.transport.connections.request_head import RequestHead
from rayconteur.providers.transport.fetch import fetch
from rayconteur.providers.transport.form_sender import FormSender

OK = answers(b"Caw")
LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"


def time_out(writer: asyncio.StreamWriter) -> None:
    """What some servers send before they close an idle connection."""
    writer.write(LATE)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    file = tmp_path_factory.mktemp("tls") / "loopback.pem"
    file.write_bytes(self_signed("127.0.0.1"))
    return file


def server_and_client_tls(certificate: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(certificate)
    return own, ssl.create_default_context(cafile=certificate)


ENCRYPTED = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])


async def post(session: HTTPSession, server: Loopback) -> int:
    """The status of the answer to a request in *session*."""
    response = await session.send(RequestHead("POST", server.url, ()), b"{}")
    await response.read()
    return response.status


@ENCRYPTED
@pytest.mark.parametrize("end", [abort, reset, asyncio.StreamWriter.close, time_out])
def test_a_connection_on_which_anything_has_arrived_since_is_not_used(
    certificate: Path, encrypted: bool, end: Callable[[asyncio.StreamWriter], None]
) -> None:
    own, trusted = server_and_client_tls(certificate)

    async def main() -> list[int]:
        session = HTTPSession(5, 5, lambda: trusted)
        async with Loopback(OK, tls=own if encrypted else None) as server:
            for _ in range(3):
                assert await post(session, server) == 200
                await server.end_connections(end)
            await session.aclose()
            return [len(server.received), server.connections]

    assert asyncio.run(main()) == [3, 3]


def test_a_timeout_that_the_event_loop_has_read_is_not_the_answer_to_the_next_request() -> None:
    async def main() -> list[int]:
        session = HTTPSession(5, 5, ssl.create_default_context)
        async with Loopback(OK) as server, Loopback(OK) as another:
            statuses = [await post(session, server)]
            await server.end_connections(time_out)
            statuses += [await post(session, another), await post(session, server)]
            await session.aclose()
            return [*statuses, server.connections]

    assert asyncio.run(main()) == [200, 200, 200, 2]


@ENCRYPTED
def test_a_connection_is_used_again_while_the_server_keeps_it(certificate: Path, encrypted: bool) -> None:
    own, trusted = server_and_client_tls(certificate)

    async def main() -> int:
        session = HTTPSession(5, 5, lambda: trusted)
        async with Loopback(OK, tls=own if encrypted else None) as server:
            for _ in range(5):
                await post(session, server)
            await session.aclose()
            return server.connections

    assert asyncio.run(main()) == 1


@ENCRYPTED
@pytest.mark.parametrize("drop", [Exchange.drop, Exchange.reset])
def test_a_request_is_sent_again_if_its_connection_is_closed_when_it_arrives(
    certificate: Path, encrypted: bool, drop: Respond
) -> None:
    own, trusted = server_and_client_tls(certificate)

    async def main() -> tuple[int, int]:
        session = HTTPSession(5, 5, lambda: trusted)
        async with Loopback(in_turn(OK, drop, OK), tls=own if encrypted else None) as server:
            for _ in range(3):
                assert await post(session, server) == 200
            await session.aclose()
            return len(server.received), server.connections

    assert asyncio.run(main()) == (4, 2)


def test_a_request_that_is_sent_again_leaves_the_other_kept_connections_as_they_are() -> None:
    async def main() -> tuple[int, int]:
        session = HTTPSession(5, 5, ssl.create_default_context)
        async with Loopback(in_turn(OK, OK, OK, Exchange.drop, OK)) as server:
            for parallel in (3, 1, 3):
                await asyncio.gather(*(post(session, server) for _ in range(parallel)))
            await session.aclose()
            return len(server.received), server.connections

    assert asyncio.run(main()) == (8, 4)


def test_a_request_is_not_sent_again_if_the_connection_is_closed_long_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_session, "_RACE_S", 0.0)

    async def main() -> int:
        session = HTTPSession(5, 5, ssl.create_default_context)
        async with Loopback(in_turn(OK, Exchange.drop, OK)) as server:
            await post(session, server)
            with pytest.raises(ServerDisconnected):
                await post(session, server)
            await session.aclose()
            return len(server.received)

    assert asyncio.run(main()) == 2


def test_a_request_is_sent_again_if_the_server_says_as_it_arrives_that_it_has_waited_too_long() -> None:
    async def time_out_and_close(exchange: Exchange) -> None:
        exchange.writer.write(LATE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await exchange.drop()

    async def main() -> tuple[list[int], int, int]:
        session = HTTPSession(5, 5, ssl.create_default_context)
        async with Loopback(in_turn(OK, time_out_and_close, OK)) as server:
            statuses = [await post(session, server) for _ in range(3)]
            await session.aclose()
            return statuses, len(server.received), server.connections

    assert asyncio.run(main()) == ([200, 200, 200], 4, 2)


@pytest.mark.parametrize(("status", "closes", "kept"), [(408, True, 0), (408, False, 1), (503, True, 1)])
def test_another_status_or_a_timeout_that_ends_no_kept_connection_is_the_answer(
    status: int, closes: bool, kept: int
) -> None:
    async def refuse(exchange: Exchange) -> None:
        closing = b"Connection: close\r\n" if closes else b""
        exchange.writer.write(b"HTTP/1.1 %d X\r\n%bContent-Length: 0\r\n\r\n" % (status, closing))

    async def main() -> tuple[list[int], int]:
        session = HTTPSession(5, 5, ssl.create_default_context)
        async with Loopback(in_turn(*[OK] * kept, refuse)) as server:
            statuses = [await post(session, server) for _ in range(kept + 1)]
            await session.aclose()
            return statuses, len(server.received)

    assert asyncio.run(main()) == ([200] * kept + [status], kept + 1)


async def fetches(*parallel: int, respond: Respond) -> tuple[int, int]:
    """The numbers of requests and of connections for so many fetches at once, one number after the other."""
    sender = FormSender(HTTPSession(5, 5))
    async with Loopback(respond) as server:
        for count in parallel:
            fetched = (fetch(sender, server.url, {}) for _ in range(count))
            await asyncio.gather(*fetched, return_exceptions=True)
        await sender.aclose()
        return len(server.received), server.connections


def test_a_fetch_is_sent_again_once_over_a_new_connection_if_that_was_a_kept_one() -> None:
    drops = in_turn(OK, OK, OK, Exchange.drop)

    assert asyncio.run(fetches(3, 1, respond=drops)) == (5, 4)
    assert asyncio.run(fetches(1, respond=Exchange.drop)) == (1, 1)
    assert asyncio.run(fetches(1, 1, respond=in_turn(OK, Exchange.drop, OK))) == (3, 2)
