"""Whatever connects and is no peer is closed, with one line in the log, and disturbs nobody."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import pytest
from servers.streams import LOOPBACK, channel_to, elsewhere, listening, play

from rayconteur.runtime.streams.frames import LENGTH_BYTES, encode_frame
from rayconteur.runtime.streams.handshake import VERSION, answer_challenge
from rayconteur.runtime.streams.listener import STRANGERS_KEPT
from rayconteur.runtime.streams.peer import Peer

Stranger = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
DEADLINE_S = 0.2


def serve(peer: Peer, method: int, data: bytes) -> bytes:
    del peer, method
    return data


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Only connect."""


async def stop_in_a_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((100).to_bytes(LENGTH_BYTES) + b"half")


async def announce_a_large_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((1 << 31).to_bytes(LENGTH_BYTES))


async def send_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(encode_frame(b"\xff" * 50))


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: raven\r\n\r\n")


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes) -> None:
    size = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
    answer, _ = answer_challenge(await reader.readexactly(size), "driver-9", secret, os.urandom(16))
    writer.write(encode_frame(answer))


async def guess_the_secret(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _answer(reader, writer, b"guessed")


async def have_another_version(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(encode_frame(msgspec.msgpack.encode(("driver-9", b"nonce", b"proof", VERSION + 1))))


STRANGERS = {
    say_nothing: "nothing that shows who it is within 0.2 s",
    stop_in_a_frame: "nothing that shows who it is within 0.2 s",
    announce_a_large_frame: "a frame of 2147483648 bytes",
    send_garbage: "what it sends is no handshake",
    speak_http: "a frame of 1195725856 bytes",  # "GET " as a length
    guess_the_secret: "its secret is wrong",
    have_another_version: f"version {VERSION + 1} of the streams",
}


@pytest.mark.parametrize(("stranger", "reason"), STRANGERS.items(), ids=[each.__name__ for each in STRANGERS])
def test_a_stranger_is_closed_with_one_line_and_a_peer_goes_on(
    stranger: Stranger, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with listening(serve, DEADLINE_S) as endpoint, channel_to(endpoint) as channel:
            await channel.call(1, b"before")
            reader, writer = await asyncio.open_connection(LOOPBACK, endpoint.port)
            await stranger(reader, writer)
            assert await channel.call(1, b"meanwhile") == b"meanwhile"
            async with asyncio.timeout(10):
                while await reader.read(1 << 10):
                    pass  # the challenge
            writer.close()
            assert await channel.call(1, b"after") == b"after"

    with caplog.at_level(logging.WARNING):
        play(scene)

    assert [record.getMessage() for record in caplog.records if reason in record.getMessage()] == [
        record.getMessage() for record in caplog.records
    ]
    assert len(caplog.records) == 1


def test_a_peer_that_sends_garbage_after_the_handshake_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with listening(serve) as endpoint:
            reader, writer = await asyncio.open_connection(LOOPBACK, endpoint.port)
            await _answer(reader, writer, endpoint.secret)
            writer.write(encode_frame(b"\xc1"))
            while await reader.read(1 << 10):
                pass
            writer.close()

    play(scene)

    assert [record.getMessage() for record in caplog.records] == [
        "a connection of driver-9 is closed: a frame that is no request"
    ]


def test_many_connections_that_say_nothing_keep_no_peer_out(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with listening(serve) as endpoint:
            silent = [await asyncio.open_connection(LOOPBACK, endpoint.port) for _ in range(STRANGERS_KEPT + 44)]
            async with channel_to(elsewhere(endpoint)) as channel:
                assert await channel.call(1, b"x") == b"x"
            for reader, _ in silent[:44]:
                with suppress(ConnectionError):
                    await reader.read()
            for _, writer in silent:
                writer.transport.abort()
            await asyncio.sleep(0)

    play(scene)

    assert {record.getMessage() for record in caplog.records} == {
        "a connection of an unknown peer is closed: too many connections that say nothing"
    }
