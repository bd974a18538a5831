"""What requests leave behind, failed ones too: nothing that only the garbage collector frees."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from fixtures.http_requests import EACH_LOOP, Run, post, sends, whole
from servers.loopback import Exchange as Answering
from servers.loopback import Loopback, Respond

from rayconteur.providers.transport.connections.connection import HTTPConnection
from rayconteur.providers.transport.connections.exchange import Exchange
from rayconteur.providers.transport.connections.http_session import HTTPSession
from rayconteur.providers.transport.connections.response import Response
from rayconteur.providers.transport.connections.response_parser import ResponseParser

PARTS = (HTTPConnection, Exchange, Response, ResponseParser)


@pytest.fixture
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> list[str]:
    """The parts of requests that exist."""
    return sorted(type(part).__name__ for part in gc.get_objects() if type(part) in PARTS)


@EACH_LOOP
@pytest.mark.parametrize(
    "respond",
    [
        sends(whole(b"Caw")),
        sends(whole(b"Caw", "Connection: close")),
        sends(b"", then=Answering.drop),
        sends(whole(b"Caw")[:-1], then=Answering.drop),
        sends(b"SSH-2.0\r\n"),
        sends(whole(b"Caw", "Content-Encoding: gzip")),
        sends(b""),
        sends(whole(b"Caw")[:-1]),
    ],
    ids=["whole", "close", "no-answer", "broken-off", "garbage", "corrupt", "silence", "stuck"],
)
@pytest.mark.usefixtures("collector_off")
def test_a_request_frees_all_its_parts_at_its_end(run: Run, respond: Respond) -> None:
    before = alive()

    async def main() -> list[str]:
        session = HTTPSession(5, 0.1)
        async with asyncio.timeout(10), Loopback(respond) as server:
            for _ in range(3):
                with suppress(OSError):
                    await post(session, server)
            await session.aclose()
        del session
        await asyncio.sleep(0)  # the event loop lets go of what it has just called
        return alive()

    assert run(main()) == before
