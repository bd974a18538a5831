"""What a load server reports of its requests, and an address that never answers an attempt to connect."""

import asyncio
import socket
import time
from urllib.parse import urlsplit

import pytest

from rayconteur.benchmarks.interrupts.provider_side import not_listening
from rayconteur.benchmarks.load.answers import ANTHROPIC
from rayconteur.benchmarks.load.pace import Pace
from rayconteur.benchmarks.load.process import load_process
from rayconteur.benchmarks.load.reports import Reports, Seen


def ask(url: str, tokens: int) -> socket.socket:
    """A connection with a request for *tokens* tokens."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    body = b'{"max_tokens": %d}' % tokens
    connection.sendall(
        b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (ANTHROPIC.path.encode(), len(body), body)
    )
    return connection


def test_the_arrival_of_a_request_and_the_end_of_its_connection_are_reported() -> None:
    async def main() -> None:
        reports = Reports()
        with load_process(Pace(first_token_s=3600), reports=True) as server:
            async with reports.reading(server.output):
                before = time.monotonic()
                kept, closed = ask(server.url, 7), ask(server.url, 8)
                arrived = [await reports.next_time(Seen.ARRIVED, tokens) for tokens in (7, 8)]
                asked = time.monotonic()
                closed.close()
                ended = await reports.next_time(Seen.CLOSED, 8)

                assert all(before < at < asked for at in arrived)
                assert asked < ended < time.monotonic()
                kept.close()
                await reports.next_time(Seen.CLOSED, 7)

    asyncio.run(main())


def test_a_connection_that_is_closed_after_its_answer_is_not_reported() -> None:
    async def main() -> None:
        reports = Reports()
        with load_process(reports=True) as server:
            async with reports.reading(server.output):
                with ask(server.url, 7) as answered:
                    while b"0\r\n\r\n" not in answered.recv(1 << 16):
                        pass
                with ask(server.url, 1_000_000_000):
                    pass  # closed within its answer
                await reports.next_time(Seen.CLOSED, 1_000_000_000)

                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0):
                        await reports.next_time(Seen.CLOSED, 7)

    asyncio.run(main())


def test_an_address_that_does_not_listen_leaves_an_attempt_to_connect_waiting() -> None:
    with not_listening() as url, socket.socket() as attempt:
        address = urlsplit(url)
        attempt.settimeout(0.2)

        with pytest.raises(TimeoutError):
            attempt.connect((address.hostname, address.port))
