"""Readers don't wait without end: for a router that is silent, or for what only the directory knows."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from builders.segments import labels, segment
from fixtures.manual_transport import ManualTransport
from fixtures.virtual_time import VirtualTimeLoop, run

from rayconteur.runtime.api.errors import DirectoryUnreachable, Unreachable
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router_connection import RouterConnection
from rayconteur.runtime.events.segments import START

TIMEOUT_S = 10.0
LIMIT_BYTES = 10_000

Scene = Callable[[ManualTransport, RouterConnection], Coroutine[Any, Any, None]]


def play(scene: Scene, transport: ManualTransport | None = None) -> None:
    async def main() -> None:
        used = transport or ManualTransport()
        connection = RouterConnection(used, timeout_s=TIMEOUT_S)
        running = asyncio.create_task(connection.run())
        await scene(used, connection)
        running.cancel()

    run(main())


def reader_of_a(connection: RouterConnection) -> Reader:
    return Reader(connection, "a", (1, 0), LIMIT_BYTES)


def reader_of_all(connection: RouterConnection) -> Reader:
    return Reader(connection, None, START, LIMIT_BYTES)


@pytest.mark.parametrize("begin", [reader_of_a, reader_of_all])
@pytest.mark.parametrize("silent_after_s", [0.0, 33.0])
def test_a_reader_fails_in_time_if_its_router_does_not_respond(
    begin: Callable[[RouterConnection], Reader], silent_after_s: float
) -> None:
    async def scene(transport: ManualTransport, connection: RouterConnection) -> None:
        reader = begin(connection)
        await asyncio.sleep(silent_after_s)
        transport.responds.clear()
        silent_at = asyncio.get_running_loop().time()

        with pytest.raises(Unreachable, match="the router of the session did not answer within 10 s"):
            await anext(reader)

        # It was last heard at most two seconds and a half before: a restart may take the rest.
        assert 0.75 * TIMEOUT_S <= asyncio.get_running_loop().time() - silent_at <= TIMEOUT_S

    play(scene)


def test_a_reader_waits_for_a_session_that_says_nothing_as_long_as_the_router_responds() -> None:
    async def scene(transport: ManualTransport, connection: RouterConnection) -> None:
        reader = reader_of_a(connection)
        await asyncio.sleep(20 * TIMEOUT_S)
        transport.push(transport.subscription, segment("a", 1))

        assert labels([await anext(reader)]) == ["a1"]

    play(scene)


def test_what_a_router_pushes_says_that_it_responds() -> None:
    async def scene(transport: ManualTransport, connection: RouterConnection) -> None:
        reader = reader_of_a(connection)
        transport.responds.clear()
        await asyncio.sleep(0.1)
        subscription = transport.subscription
        for seq in range(1, 50):
            transport.push(subscription, segment("a", seq))
            assert labels([await anext(reader)]) == [f"a{seq}"]
            await asyncio.sleep(TIMEOUT_S / 10)

    play(scene)


def test_a_program_that_was_stopped_itself_does_not_blame_the_router() -> None:
    async def scene(transport: ManualTransport, connection: RouterConnection) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        reader = reader_of_a(connection)
        transport.responds.clear()
        await asyncio.sleep(TIMEOUT_S / 2)
        loop.now_s += 100.0
        await asyncio.sleep(0)
        transport.responds.set()
        await asyncio.sleep(2 * TIMEOUT_S)

        assert not reader.ended

    play(scene)


def test_a_reader_fails_in_time_if_nobody_says_whether_its_session_has_ended() -> None:
    async def scene(transport: ManualTransport, connection: RouterConnection) -> None:
        transport.directory_is_there.clear()
        everything = reader_of_all(connection)
        first = reader_of_a(connection)
        await asyncio.sleep(TIMEOUT_S / 2)
        second = reader_of_a(connection)

        for reader, failed_at in ((first, TIMEOUT_S), (second, 1.5 * TIMEOUT_S)):
            with pytest.raises(DirectoryUnreachable, match="whether session 'a' has ended"):
                await anext(reader)
            assert asyncio.get_running_loop().time() == pytest.approx(failed_at)
        transport.directory_is_there.set()
        assert not everything.ended

    play(scene, ManualTransport(knows_sessions=False))
