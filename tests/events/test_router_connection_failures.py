"""Router connections when calls get lost, routers restart, and sessions die: readers continue, and come to an end."""

import asyncio

import pytest
from builders.segments import (
    OVERHEAD_BYTES,
    distinct_events,
    labels,
    publish_chunks,
    publish_events,
    put_texts,
    read_events,
    read_to_end,
)
from fixtures.event_network import InProcessTransport, Network, play, reader_of, reader_of_all, wait_idle
from fixtures.events.link import Fault

import rayconteur as rc
from rayconteur.runtime import Died
from rayconteur.runtime.api.errors import RuntimeClosed
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router_connection import RouterConnection
from rayconteur.runtime.events.router_connections import RouterConnections
from rayconteur.runtime.events.segments import DEATH_SEQ


async def labels_to_end(reader: Reader) -> list[str]:
    """The labels of all events up to the reader's end."""
    return labels(await read_to_end(reader))


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("call", ["publish", "update_subscriptions", "push", "positions", "end_lost_sessions"])
@pytest.mark.parametrize("from_now", [True, False])
def test_a_lost_call_or_reply_loses_no_event(from_now: bool, call: str, fault: Fault) -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        network.faults[call] = fault
        readers = [reader_of_all(connections, from_now), reader_of(connections, "a", 1)]
        await wait_idle()
        for _ in range(3):
            network.faults[call] = fault
            await publish_events(box, 2)
            await wait_idle()

        for reader in readers:
            assert labels(await read_events(reader, 6)) == [f"a{seq}" for seq in range(1, 7)]

    play(scene)


def test_after_a_router_restart_hosts_publish_again_all_but_chunks_which_are_announced_as_missed() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        late = reader_of(connections, "a", 1, limit_bytes=1)
        for publish in (publish_events(box, 2), publish_chunks(box, 3), publish_events(box, 1), publish_chunks(box, 2)):
            await publish
        await wait_idle()

        network.restart_router()
        await wait_idle()

        assert labels(await read_events(late, 5)) == ["a1", "a2", "a3-5?", "a6", "a7-8?"]
        assert labels(await read_events(reader_of(connections, "a", 1), 5)) == ["a1", "a2", "a3-5?", "a6", "a7-8?"]

    play(scene)


def test_after_a_router_restart_nothing_overtakes_what_hosts_publish_again() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        late = reader_of(connections, "a", 1, limit_bytes=1)
        await publish_events(box, 3)
        for event in distinct_events(2):
            box.put_event(event)
        await asyncio.sleep(0)  # their publish is on its way

        network.restart_router()
        await wait_idle()

        assert labels(await read_events(late, 5)) == ["a1", "a2", "a3", "a4", "a5"]

    play(scene)


def test_after_a_router_restart_readers_continue() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        here, late = reader_of(connections, "a", 1), reader_of(connections, "a", 1, limit_bytes=1)
        await publish_events(box, 3)
        await wait_idle()

        network.restart_router()
        await publish_events(box, 2)
        await wait_idle()

        for reader in (here, late):
            assert labels(await read_events(reader, 5)) == ["a1", "a2", "a3", "a4", "a5"]

    play(scene)


def test_a_connection_that_breaks_while_nothing_travels_is_opened_again_at_once() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1)
        await publish_events(box, 2)
        await wait_idle()
        before = asyncio.get_running_loop().time()

        for link in tuple(network.links):
            link.lose()
        await publish_events(box, 2)

        assert labels(await read_events(reader, 4)) == ["a1", "a2", "a3", "a4"]
        assert asyncio.get_running_loop().time() == before

    play(scene)


def test_pushes_on_their_way_when_a_connection_breaks_arrive_once_over_the_next_one() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        reader = reader_of(connections, "a", 1, limit_bytes=4 * OVERHEAD_BYTES)
        received: list[str] = []
        for _ in range(30):
            await publish_events(box, 1)
            for link in network.links_of("driver-0"):
                link.lose()
            received += labels(await read_events(reader, 1))

        assert received == [f"a{seq}" for seq in range(1, 31)]

    play(scene)


def test_a_driver_whose_readers_are_closed_does_not_connect_again() -> None:
    async def scene(network: Network) -> None:
        reader_of(network.connect_driver(), "a", network.claim("a")).close()
        reader = reader_of(network.connect_driver(), "b", network.claim("b"))
        await wait_idle()
        reader.close()
        await wait_idle()
        network.calls.clear()

        for link in tuple(network.links):
            link.lose()
        await wait_idle()

        assert network.calls == []

    play(scene)


def test_a_driver_that_is_closed_is_forgotten_by_its_router() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        reader_of(connections, "a", 1)
        await wait_idle()
        (link,) = network.links_of("driver-0")
        assert link in network.routers[0].subscriptions.drivers

        await connections.close(RuntimeClosed("left"))
        await publish_events(box, 1)

        assert link not in network.routers[0].subscriptions.drivers

    play(scene)


def test_events_in_flight_to_a_router_that_dies_arrive_through_the_next_one() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1)
        await wait_idle()

        put_texts(box, "quoth")
        await asyncio.sleep(0)
        network.restart_router()

        assert labels(await read_events(reader, 1)) == ["a1"]

    play(scene)


def test_a_reader_that_subscribes_during_a_router_restart_does_not_disconnect_the_others() -> None:
    async def scene(network: Network) -> None:
        connections, host = network.connect_driver(), network.start_host()
        a, b = host.spawn("a"), host.spawn("b")
        first = reader_of(connections, "a", 1)
        await wait_idle()

        network.restart_router()
        second = reader_of(connections, "b", 2)
        await wait_idle()
        await asyncio.gather(publish_events(a, 1), publish_events(b, 1))

        assert labels(await read_events(first, 1) + await read_events(second, 1)) == ["a1", "b1"]

    play(scene)


@pytest.mark.parametrize(("dies", "end"), [(True, Died), (False, rc.Closed)])
def test_the_end_of_a_session_reaches_its_readers_after_all_its_events(dies: bool, end: type[rc.FromLLM]) -> None:
    async def scene(network: Network) -> None:
        connections, host = network.connect_driver(), network.start_host()
        box = host.spawn("a")
        slow = reader_of(connections, "a", 1, limit_bytes=1)
        await publish_events(box, 3)
        if dies:
            host.die()
            network.tell_deaths()
        else:
            await host.close("a", box)
        await wait_idle()

        for reader in (slow, reader_of(connections, "a", 1)):
            events = await read_to_end(reader)
            assert labels(events) == ["a1", "a2", "a3", "a4"]
            assert isinstance(events[-1], end)
        assert await labels_to_end(reader_of(connections, "a", 1, after=2)) == ["a3", "a4"]
        assert await labels_to_end(reader_of(connections, "a", 1, after=4)) == (["a5"] if dies else [])

    play(scene)


def test_no_reader_waits_forever_for_a_session_that_ended_and_was_dropped() -> None:
    async def scene(network: Network) -> None:
        connections, host = network.connect_driver(), network.start_host()
        box = host.spawn("a")
        slow = reader_of(connections, "a", 1, limit_bytes=1)
        await publish_events(box, 3)
        await host.close("a", box)
        await wait_idle()

        network.restart_router()

        for reader in (slow, reader_of(connections, "a", 1)):
            assert await labels_to_end(reader) == ["a1", "a2", "a3", "a4"]

    play(scene)


def test_a_session_that_dies_with_its_router_is_reported_dead_after_all_that_its_numbers_may_have_reached() -> None:
    async def scene(network: Network) -> None:
        connections, host = network.connect_driver(), network.start_host()
        box = host.spawn("a")
        slow = reader_of(connections, "a", 1, limit_bytes=1)
        await publish_events(box, 3)
        await wait_idle()

        host.die()
        network.tell_deaths()
        network.restart_router()
        await wait_idle()

        end = DEATH_SEQ
        assert await labels_to_end(slow) == ["a1", f"a2-{end - 1}?", f"a{end}"]
        assert await labels_to_end(reader_of(connections, "a", 1, after=3)) == [f"a4-{end - 1}?", f"a{end}"]
        assert await labels_to_end(reader_of(connections, "a", 1, after=end)) == []

    play(scene)


def test_a_reader_waits_for_a_session_without_events_yet() -> None:
    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1)
        await wait_idle()
        assert not reader.ended

        await publish_events(box, 1)

        assert labels(await read_events(reader, 1)) == ["a1"]

    play(scene)


def test_the_reader_of_a_session_gets_nothing_of_an_earlier_one_with_its_id() -> None:
    async def scene(network: Network) -> None:
        connections, host = network.connect_driver(), network.start_host()
        first = host.spawn("a")
        await publish_events(first, 2)
        await host.close("a", first)

        second = host.spawn("a")
        reader = reader_of(connections, "a", 2)
        await wait_idle()
        assert reader.size_bytes == 0
        await publish_events(second, 1)

        assert labels(await read_events(reader, 1)) == ["a1"]
        assert labels(await read_events(reader_of_all(connections), 4)) == ["a1", "a2", "a3", "a1"]

    play(scene)


def test_when_the_router_is_gone_for_good_readers_fail_and_so_do_new_ones() -> None:
    async def scene(network: Network) -> None:
        connections = network.connect_driver()
        network.start_host().spawn("a")
        reader = reader_of(connections, "a", 1)
        await wait_idle()

        network.gone = True
        network.restart_router()
        with pytest.raises(RuntimeClosed, match="was shut down"):
            await anext(reader)
        with pytest.raises(RuntimeClosed):
            await anext(reader_of_all(connections))

    play(scene)


def test_a_lost_router_is_asked_again_after_a_fifth_of_a_second() -> None:
    calls_at: list[float] = []

    class Deaf(InProcessTransport):
        """Loses every call, and notes when it was made."""

        async def update_subscriptions(self, update: bytes) -> list[int]:
            del update
            calls_at.append(asyncio.get_running_loop().time())
            raise ConnectionError

    async def scene(network: Network) -> None:
        connections = RouterConnections([RouterConnection(Deaf(network, 0, "driver"))])
        reader_of(connections, "a", 1)

        await asyncio.sleep(0.7)
        await connections.close(RuntimeClosed("the test is over"))

        assert [round(at - calls_at[0], 3) for at in calls_at] == [0.0, 0.2, 0.4, 0.6]

    play(scene)
