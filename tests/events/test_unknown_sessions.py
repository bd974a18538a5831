"""Readers of sessions that the router does not know: some have said nothing yet, some have ended."""

import asyncio

from builders.segments import labels, segment
from fixtures.manual_transport import ManualTransport
from fixtures.virtual_time import run

from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router_connection import RouterConnection

LIMIT_BYTES = 10_000
PATIENCE_S = 0.2


def test_nobody_is_asked_about_a_session_whose_first_event_comes_soon() -> None:
    async def main() -> None:
        transport = ManualTransport(knows_sessions=False)
        connection = RouterConnection(transport)
        running = asyncio.create_task(connection.run())
        reader = Reader(connection, "a", (1, 0), LIMIT_BYTES)
        await asyncio.sleep(PATIENCE_S * 0.9)
        transport.push(transport.subscription, segment("a", 1))

        assert labels(await reader.batch()) == ["a1"]
        await asyncio.sleep(10)
        assert transport.asked == []
        running.cancel()

    run(main())


def test_the_directory_is_asked_about_all_sessions_that_stay_silent_in_one_call_and_once() -> None:
    async def main() -> None:
        transport = ManualTransport(knows_sessions=False)
        connection = RouterConnection(transport)
        running = asyncio.create_task(connection.run())
        readers = [Reader(connection, name, (epoch, 0), LIMIT_BYTES) for name, epoch in (("a", 1), ("b", 7))]
        began_at = asyncio.get_running_loop().time()
        await asyncio.sleep(10)

        [(asked_at, sessions)] = transport.asked
        assert asked_at - began_at == PATIENCE_S
        assert sessions == {"a": 1, "b": 7}
        assert all(reader.size_bytes == 0 for reader in readers)
        running.cancel()

    run(main())


def test_sessions_that_are_subscribed_to_later_are_asked_about_as_well() -> None:
    async def main() -> None:
        transport = ManualTransport(knows_sessions=False)
        connection = RouterConnection(transport)
        running = asyncio.create_task(connection.run())
        readers = []
        for name in "abc":
            readers.append(Reader(connection, name, (1, 0), LIMIT_BYTES))
            await asyncio.sleep(1)

        assert [sessions for _, sessions in transport.asked] == [{"a": 1}, {"b": 1}, {"c": 1}]
        running.cancel()

    run(main())


def test_an_event_of_another_session_with_the_same_id_settles_nothing() -> None:
    async def main() -> None:
        transport = ManualTransport(knows_sessions=False)
        connection = RouterConnection(transport)
        running = asyncio.create_task(connection.run())
        reader = Reader(connection, "a", (2, 0), LIMIT_BYTES)
        await asyncio.sleep(PATIENCE_S / 2)
        transport.push(transport.subscription, segment("a", 1, epoch=1))
        await asyncio.sleep(1)

        assert [sessions for _, sessions in transport.asked] == [{"a": 2}]
        assert reader.size_bytes == 0
        running.cancel()

    run(main())


def test_other_readers_do_not_wait_while_nobody_answers_about_a_session() -> None:
    async def main() -> None:
        transport = ManualTransport(knows_sessions=False)
        transport.directory_is_there.clear()
        connection = RouterConnection(transport)
        running = asyncio.create_task(connection.run())
        readers = [Reader(connection, "a", (1, 0), LIMIT_BYTES)]
        await asyncio.sleep(1)
        assert len(transport.asked) == 1

        readers.append(Reader(connection, "b", (1, 0), LIMIT_BYTES))
        await asyncio.sleep(0)
        transport.push(transport.subscription, segment("b", 1))
        assert labels(await readers[1].batch()) == ["b1"]

        readers.append(Reader(connection, "c", (1, 0), LIMIT_BYTES))
        await asyncio.sleep(1)
        transport.directory_is_there.set()
        await asyncio.sleep(1)
        assert [sessions for _, sessions in transport.asked] == [{"a": 1}, {"c": 1}]
        running.cancel()

    run(main())
