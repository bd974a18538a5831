"""Router connections: every reader of a driver gets its events, and never more than it has room for."""

import asyncio
import logging

import pytest
from builders.segments import OVERHEAD_BYTES, labels, publish_events, put_texts, read_events
from fixtures.event_network import Network, play, reader_of, reader_of_all, wait_idle

from rayconteur.runtime.api.errors import RuntimeClosed
from rayconteur.runtime.events.segments import shard_of


def test_readers_of_one_session_and_of_all_get_the_same_events() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        one, everything = reader_of(connections, "a", 1), reader_of_all(connections)

        await publish_events(box, 3)

        assert labels(await read_events(one, 3)) == labels(await read_events(everything, 3)) == ["a1", "a2", "a3"]

    play(scene)


def test_an_event_reaches_its_reader_at_once() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1)
        await wait_idle()
        before = asyncio.get_running_loop().time()

        put_texts(box, "quoth")
        await anext(reader)

        assert asyncio.get_running_loop().time() == before

    play(scene)


def test_two_drivers_get_the_same_events_and_closing_one_does_not_affect_the_other() -> None:
    async def scene(network: Network) -> None:
        box, connections, other = network.start_host().spawn("a"), network.connect_driver(), network.connect_driver()
        readers = [reader_of(connections, "a", 1), reader_of(other, "a", 1)]
        await publish_events(box, 2)
        first = [labels(await read_events(reader, 2)) for reader in readers]

        await other.close(RuntimeClosed("left"))
        await publish_events(box, 1)

        assert first == [["a1", "a2"], ["a1", "a2"]]
        assert labels(await read_events(readers[0], 1)) == ["a3"]
        with pytest.raises(RuntimeClosed):
            await anext(readers[1])

    play(scene)


def test_a_reader_from_now_on_gets_no_older_events_and_all_of_later_sessions() -> None:
    async def scene(network: Network) -> None:
        host, connections = network.start_host(), network.connect_driver()
        old = host.spawn("old")
        await publish_events(old, 2)
        reader = reader_of_all(connections, from_now=True)
        await wait_idle()

        await publish_events(old, 1)
        await publish_events(host.spawn("new"), 1)

        assert labels(await read_events(reader, 2)) == ["old3", "new1"]

    play(scene)


def test_a_slow_reader_from_now_on_gets_sessions_that_started_while_it_had_no_room() -> None:
    async def scene(network: Network) -> None:
        host = network.start_host()
        reader = reader_of_all(network.connect_driver(), from_now=True, limit_bytes=OVERHEAD_BYTES)
        await wait_idle()

        for name in ("a", "b", "c"):
            await publish_events(host.spawn(name), 4)
        await wait_idle()

        assert sorted(labels(await read_events(reader, 12))) == [
            f"{name}{seq}" for name in "abc" for seq in range(1, 5)
        ]

    play(scene)


def test_a_reader_buffers_no_more_than_its_limit_and_misses_nothing() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1, limit_bytes=3 * OVERHEAD_BYTES)
        received: list[str] = []

        await publish_events(box, 20)
        await wait_idle()
        for _ in range(20):
            assert 0 < reader.size_bytes < 5 * OVERHEAD_BYTES
            received += labels(await reader.batch())
            await wait_idle()

        assert received == [f"a{seq}" for seq in range(1, 21)]

    play(scene)


def test_a_fast_reader_never_waits_for_credit() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1, limit_bytes=4 * OVERHEAD_BYTES)
        await wait_idle()
        before = asyncio.get_running_loop().time()

        await asyncio.gather(publish_events(box, 100), read_events(reader, 100))

        assert asyncio.get_running_loop().time() == before

    play(scene)


def test_a_slow_reader_makes_no_more_calls_than_it_reads_segments() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        await publish_events(box, 50)
        reader = reader_of(network.connect_driver(), "a", 1, limit_bytes=1)
        await wait_idle()
        network.calls.clear()

        await read_events(reader, 50)
        await wait_idle()

        assert len(network.calls) <= 50

    play(scene)


def test_a_reader_with_room_makes_no_calls() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1)
        await wait_idle()
        network.calls.clear()

        await asyncio.gather(publish_events(box, 50), read_events(reader, 50))

        assert set(network.calls) == {"publish"}

    play(scene)


def test_a_reader_of_all_sessions_shares_its_limit_among_several_routers() -> None:
    async def scene(network: Network) -> None:
        host = network.start_host()
        sessions = [f"s{number}" for number in range(8)]
        assert {shard_of(name, 3) for name in sessions} == {0, 1, 2}
        reader = reader_of_all(network.connect_driver(), limit_bytes=9 * OVERHEAD_BYTES)

        await asyncio.gather(*(publish_events(host.spawn(name), 5) for name in sessions))
        await wait_idle()
        assert reader.size_bytes < 9 * OVERHEAD_BYTES + 3 * (OVERHEAD_BYTES + 50)

        assert sorted(labels(await read_events(reader, 40))) == sorted(
            f"{name}{seq}" for name in sessions for seq in range(1, 6)
        )

    play(scene, routers=3)


def test_a_driver_without_readers_makes_no_calls(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(network: Network) -> None:
        connections = network.connect_driver()
        box = network.start_host().spawn("a")
        reader = reader_of(connections, "a", 1)
        await publish_events(box, 1)
        reader.close()
        await asyncio.sleep(100)
        network.calls.clear()

        await asyncio.sleep(1_000)

        assert network.calls == []

    with caplog.at_level(logging.WARNING):
        play(scene)
    assert caplog.records == []
