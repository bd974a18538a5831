"""A router that was restarted does not say what is new before the hosts have said how far their sessions are."""

import pytest
from builders.segments import labels, publish_events, read_events
from fixtures.event_network import Network, play, reader_of_all, wait_idle
from fixtures.events.link import Fault

from rayconteur.runtime.events.segments import RESERVED_SEQS


def test_a_reader_from_now_on_gets_nothing_older_after_a_restart_and_all_that_is_newer() -> None:
    """Also of a session that goes on while another host has not reported yet."""

    async def scene(network: Network) -> None:
        hosts = {name: network.start_host(name) for name in ("fast", "slow")}
        boxes = {name: host.spawn(name) for name, host in hosts.items()}
        for box in boxes.values():
            await publish_events(box, 2)
        network.faults["find_gaps"] = Fault.LOST  # the first one that reports has to try again
        network.restart_router(awaits_reports=True)
        reports = network.routers[0].reports
        reader = reader_of_all(network.connect_driver(), from_now=True)
        for box in boxes.values():
            await publish_events(box, 1)
        await wait_idle()
        assert not reader.size_bytes

        reports.expect({"fast", "slow"})
        await publish_events(boxes["slow"], 1)

        assert sorted(labels(await read_events(reader, 3))) == ["fast3", "slow3", "slow4"]
        await wait_idle()
        assert not reader.size_bytes

    play(scene)


def test_reports_are_awaited_from_hosts_that_have_sessions_and_not_without_end() -> None:
    async def scene(network: Network) -> None:
        await publish_events(network.start_host("there").spawn("a"), 1)
        network.restart_router(awaits_reports=True)
        reports = network.routers[0].reports
        await wait_idle()

        reports.expect({"there", "silent"})
        assert not reports.are_complete
        reports.expect({"there"})
        assert reports.are_complete

        network.restart_router(awaits_reports=True)
        network.routers[0].reports.expect({"silent"})
        network.routers[0].reports.finish()
        assert network.routers[0].reports.are_complete

    play(scene)


def test_readers_that_know_where_they_are_do_not_wait_for_reports() -> None:
    async def scene(network: Network) -> None:
        box, connections = network.start_host("a host").spawn("a"), network.connect_driver()
        known = reader_of_all(connections)
        await publish_events(box, 1)
        assert labels(await read_events(known, 1)) == ["a1"]

        network.restart_router(awaits_reports=True)
        reader_of_all(connections, from_now=True)
        await publish_events(box, 1)

        assert labels(await read_events(known, 1)) == ["a2"]

    play(scene)


@pytest.mark.parametrize("published", [0, 3])
def test_a_reader_from_now_on_is_told_what_a_router_and_a_host_lost_together(published: int) -> None:
    """Also of a session that had no event before, and of one that had none at all: nobody else can tell these apart."""

    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of_all(network.connect_driver(), from_now=True)
        await wait_idle()
        network.links_of("driver-0")[0].set_writable(False)
        if published:
            await publish_events(box, published)

        network.restart_router()
        await publish_events(network.start_host().take_over("a", 2), 1)

        first = RESERVED_SEQS + 1
        assert labels(await read_events(reader, 2)) == [f"a1-{first - 1}?", f"a{first}"]

    play(scene)
