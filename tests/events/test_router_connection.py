"""Hub and lines: all readers of a driver get their events, and never more than they can hold."""

import asyncio
import logging

import pytest
from builders.segments import OVERHEAD_BYTES, put, read, seen
from fixtures.event_network import Network, played, reader_of, reader_of_all, say, settled

from rayconteur.runtime.api.errors import RuntimeClosed
from rayconteur.runtime.events.segments import shard_of


def test_readers_of_one_session_and_of_all_hear_the_same() -> None:
    async def scene(network: Network) -> None:
        lines, box = network.driver(), network.host().spawn("a")
        one, everything = reader_of(lines, "a", 1), reader_of_all(lines)

        await say(box, 3)

        assert seen(await read(one, 3)) == seen(await read(everything, 3)) == ["a1", "a2", "a3"]

    played(scene)


def test_an_event_reaches_its_reader_at_once() -> None:
    async def scene(network: Network) -> None:
        box = network.host().spawn("a")
        reader = reader_of(network.driver(), "a", 1)
        await settled()
        before = asyncio.get_running_loop().time()

        put(box, "quoth")
        await anext(reader)

        assert asyncio.get_running_loop().time() == before

    played(scene)


def test_two_drivers_hear_the_same_and_one_that_leaves_takes_nothing_along() -> None:
    async def scene(network: Network) -> None:
        box, lines, other = network.host().spawn("a"), network.driver(), network.driver()
        readers = [reader_of(lines, "a", 1), reader_of(other, "a", 1)]
        await say(box, 2)
        first = [seen(await read(reader, 2)) for reader in readers]

        await other.cut(RuntimeClosed("left"))
        await say(box, 1)

        assert first == [["a1", "a2"], ["a1", "a2"]]
        assert seen(await read(readers[0], 1)) == ["a3"]
        with pytest.raises(RuntimeClosed):
            await anext(readers[1])

    played(scene)


def test_a_reader_from_now_on_hears_nothing_older_and_all_that_begins_later() -> None:
    async def scene(network: Network) -> None:
        host, lines = network.host(), network.driver()
        old = host.spawn("old")
        await say(old, 2)
        reader = reader_of_all(lines, from_now=True)
        await settled()

        await say(old, 1)
        await say(host.spawn("new"), 1)

        assert seen(await read(reader, 2)) == ["old3", "new1"]

    played(scene)


def test_a_slow_reader_from_now_on_hears_also_of_sessions_that_began_when_it_had_no_room() -> None:
    async def scene(network: Network) -> None:
        host = network.host()
        reader = reader_of_all(network.driver(), from_now=True, limit_bytes=OVERHEAD_BYTES)
        await settled()

        for name in ("a", "b", "c"):
            await say(host.spawn(name), 4)
        await settled()

        assert sorted(seen(await read(reader, 12))) == [f"{name}{seq}" for name in "abc" for seq in range(1, 5)]

    played(scene)


def test_a_reader_holds_no_more_than_it_has_room_for_and_misses_nothing() -> None:
    async def scene(network: Network) -> None:
        box = network.host().spawn("a")
        reader = reader_of(network.driver(), "a", 1, limit_bytes=3 * OVERHEAD_BYTES)
        words: list[str] = []

        await say(box, 20)
        await settled()
        for _ in range(20):
            assert 0 < reader.size_bytes < 5 * OVERHEAD_BYTES
            words += seen(await reader.batch())
            await settled()

        assert words == [f"a{seq}" for seq in range(1, 21)]

    played(scene)


def test_a_fast_reader_never_waits_for_room() -> None:
    async def scene(network: Network) -> None:
        box = network.host().spawn("a")
        reader = reader_of(network.driver(), "a", 1, limit_bytes=4 * OVERHEAD_BYTES)
        await settled()
        before = asyncio.get_running_loop().time()

        await asyncio.gather(say(box, 100), read(reader, 100))

        assert asyncio.get_running_loop().time() == before

    played(scene)


def test_a_slow_reader_costs_its_router_no_more_than_what_it_reads() -> None:
    async def scene(network: Network) -> None:
        box = network.host().spawn("a")
        await say(box, 50)
        reader = reader_of(network.driver(), "a", 1, limit_bytes=1)
        await settled()
        network.calls.clear()

        await read(reader, 50)
        await settled()

        assert network.calls.count("poll") <= 52

    played(scene)


def test_all_sessions_are_heard_over_several_routers_and_the_room_is_shared() -> None:
    async def scene(network: Network) -> None:
        host = network.host()
        sessions = [f"s{number}" for number in range(8)]
        assert {shard_of(name, 3) for name in sessions} == {0, 1, 2}
        reader = reader_of_all(network.driver(), limit_bytes=9 * OVERHEAD_BYTES)

        await asyncio.gather(*(say(host.spawn(name), 5) for name in sessions))
        await settled()
        assert reader.size_bytes < 9 * OVERHEAD_BYTES + 3 * (OVERHEAD_BYTES + 50)

        assert sorted(seen(await read(reader, 40))) == sorted(
            f"{name}{seq}" for name in sessions for seq in range(1, 6)
        )

    played(scene, routers=3)


def test_a_driver_without_readers_asks_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(network: Network) -> None:
        lines = network.driver()
        box = network.host().spawn("a")
        reader = reader_of(lines, "a", 1)
        await say(box, 1)
        reader.close()
        await asyncio.sleep(100)
        network.calls.clear()

        await asyncio.sleep(1_000)

        assert network.calls == []

    with caplog.at_level(logging.WARNING):
        played(scene)
    assert caplog.records == []
