"""Hub and lines: whatever gets lost, dies or starts anew, readers go on, hear what they missed, and come to an end."""

import asyncio

import pytest
from builders.segments import put, read, seen
from fixtures.event_network import Fault, Network, played, reader_of, reader_of_all, say, settled

from rayconteur.runtime.api.errors import RuntimeClosed, SessionDied
from rayconteur.runtime.events.reader import Reader


async def heard(reader: Reader) -> list[str]:
    """All that there is to hear."""
    words: list[str] = []
    try:
        async for event in reader:
            words += seen([event])
    except SessionDied:
        words.append("died")
    return words


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("call", ["publish", "watch", "poll", "positions", "end_gone"])
@pytest.mark.parametrize("from_now", [True, False])
def test_whatever_call_gets_lost_nothing_is_lost_or_missed(from_now: bool, call: str, fault: Fault) -> None:
    async def scene(network: Network) -> None:
        lines, box = network.driver(), network.host().spawn("a")
        network.faults[call] = fault
        readers = [reader_of_all(lines, from_now), reader_of(lines, "a", 1)]
        await settled()
        for _ in range(3):
            network.faults[call] = fault
            await say(box, 2)
            await settled()

        for reader in readers:
            assert seen(await read(reader, 6)) == [f"a{seq}" for seq in range(1, 7)]

    played(scene)


def test_when_a_router_starts_anew_readers_go_on_and_what_it_lost_is_announced() -> None:
    async def scene(network: Network) -> None:
        lines, box = network.driver(), network.host().spawn("a")
        here, late = reader_of(lines, "a", 1), reader_of(lines, "a", 1, limit_bytes=1)
        await say(box, 3)
        await settled()

        network.restart()
        await say(box, 2)
        await settled()

        assert seen(await read(here, 5)) == ["a1", "a2", "a3", "a4", "a5"]
        assert seen(await read(late, 4)) == ["a1", "a2-3?", "a4", "a5"]

    played(scene)


def test_what_was_on_its_way_to_a_router_that_died_comes_through_the_next_one() -> None:
    async def scene(network: Network) -> None:
        box = network.host().spawn("a")
        reader = reader_of(network.driver(), "a", 1)
        await settled()

        put(box, "quoth")
        await asyncio.sleep(0)
        network.restart()

        assert seen(await read(reader, 1)) == ["a1"]

    played(scene)


def test_a_reader_that_comes_while_a_router_starts_anew_does_not_cut_off_the_others() -> None:
    async def scene(network: Network) -> None:
        lines, host = network.driver(), network.host()
        a, b = host.spawn("a"), host.spawn("b")
        first = reader_of(lines, "a", 1)
        await settled()

        network.restart()
        second = reader_of(lines, "b", 2)
        await settled()
        await asyncio.gather(say(a, 1), say(b, 1))

        assert seen(await read(first, 1) + await read(second, 1)) == ["a1", "b1"]

    played(scene)


@pytest.mark.parametrize(("dies", "end"), [(True, "died"), (False, "a4")])
def test_the_end_of_a_session_reaches_its_readers_after_all_that_it_said(dies: bool, end: str) -> None:
    async def scene(network: Network) -> None:
        lines, host = network.driver(), network.host()
        box = host.spawn("a")
        slow = reader_of(lines, "a", 1, limit_bytes=1)
        await say(box, 3)
        if dies:
            host.die()
        else:
            await host.close("a", box)
        await settled()

        assert await heard(slow) == ["a1", "a2", "a3", end]
        assert await heard(reader_of(lines, "a", 1)) == ["a1", "a2", "a3", end]
        assert await heard(reader_of(lines, "a", 1, after=2)) == ["a3", end]

    played(scene)


def test_no_reader_waits_for_good_for_a_session_that_ended_and_was_forgotten() -> None:
    async def scene(network: Network) -> None:
        lines, host = network.driver(), network.host()
        box = host.spawn("a")
        slow = reader_of(lines, "a", 1, limit_bytes=1)
        await say(box, 3)
        await host.close("a", box)
        await settled()

        network.restart()

        assert await heard(slow) == ["a1"]
        assert await heard(reader_of(lines, "a", 1)) == []

    played(scene)


def test_a_session_that_has_said_nothing_yet_is_waited_for() -> None:
    async def scene(network: Network) -> None:
        box = network.host().spawn("a")
        reader = reader_of(network.driver(), "a", 1)
        await settled()
        assert not reader.ended

        await say(box, 1)

        assert seen(await read(reader, 1)) == ["a1"]

    played(scene)


def test_the_reader_of_an_ids_second_life_hears_nothing_of_its_first() -> None:
    async def scene(network: Network) -> None:
        lines, host = network.driver(), network.host()
        first = host.spawn("a")
        await say(first, 2)
        await host.close("a", first)

        second = host.spawn("a")
        reader = reader_of(lines, "a", 2)
        await settled()
        assert reader.size_bytes == 0
        await say(second, 1)

        assert seen(await read(reader, 1)) == ["a1"]
        assert seen(await read(reader_of_all(lines), 4)) == ["a1", "a2", "a3", "a1"]

    played(scene)


def test_where_there_is_no_router_any_more_readers_fail_and_so_do_those_that_come() -> None:
    async def scene(network: Network) -> None:
        lines = network.driver()
        network.host().spawn("a")
        reader = reader_of(lines, "a", 1)
        await settled()

        network.gone = True
        network.restart()
        with pytest.raises(RuntimeClosed, match="had started it"):
            await anext(reader)
        with pytest.raises(RuntimeClosed):
            await anext(reader_of_all(lines))

    played(scene)
