"""What the directory orders when nodes are drained: who has which sessions move, until when, and what is reported."""

import asyncio
from collections.abc import Mapping

import pytest
from fixtures.virtual_time import run

from rayconteur.runtime import DeathReason
from rayconteur.runtime.cluster.directory.leases import Leases
from rayconteur.runtime.cluster.directory.places import ClaimRequest, HostOwner, Places
from rayconteur.runtime.cluster.nodes.cluster_nodes import DrainedNodes
from rayconteur.runtime.cluster.nodes.move_orders import MoveOrder, MoveRequest, decode_orders
from rayconteur.runtime.cluster.nodes.node_drains import NodeDrains

NODE = "node-1"
HOST, DETACHED = "_host-one-1", "_host-gone-1"
NODES = {HOST: NODE, DETACHED: NODE, "_host-one-2": "node-2", "_router-0": NODE, "_host-stranger-1": NODE}


class Driver:
    """The connection of a driver."""

    def __init__(self) -> None:
        self.orders: list[MoveOrder] = []

    def push(self, data: bytes) -> None:
        self.orders += decode_orders(data)


class Directory:
    """A directory whose driver "one" has two hosts, the first of them on ``NODE``; that of a detached one is gone."""

    def __init__(self, durable: bool = True) -> None:
        self.places = Places("directory", durable)
        self.leases = Leases(5.0)
        self.one = Driver()
        self.leases.connect("one", self.one)
        self.drained: list[tuple[str, float]] = []
        self.moved_shared: list[str] = []
        self.claim(HOST, "one", False, "a", "b")
        self.claim("_host-one-2", "one", False, "c")
        self.claim(DETACHED, "gone", True, "d")
        self.drains = NodeDrains(self.places, self.leases, self.drain_host, self.move_shared)

    def claim(self, host_id: str, driver: str, detached: bool, *sessions: str) -> None:
        request = ClaimRequest(f"claim of {host_id}", list(sessions), HostOwner(host_id, driver, detached))
        assert not self.places.claim(request, 1).taken

    async def drain_host(self, host_id: str, within_s: float) -> None:
        self.drained.append((host_id, within_s))

    async def move_shared(self, node_id: str) -> None:
        self.moved_shared.append(node_id)

    def look(self, within_s: float | None, actors: Mapping[str, str] = NODES, others: int = 1) -> None:
        async def main() -> None:
            await self.drains.look(DrainedNodes({NODE: within_s}, dict(actors), others))
            await asyncio.sleep(0)

        run(main())


def test_the_driver_of_each_host_on_the_node_has_its_sessions_move_shortly_before_the_node_ends() -> None:
    directory = Directory()

    directory.look(within_s=100)

    ours, orphaned = directory.one.orders
    assert ours == MoveOrder(HOST, detached=False, within_s=95)
    assert orphaned == MoveOrder(DETACHED, detached=True, within_s=95)  # by any driver, since its own is gone
    assert directory.drained == []


@pytest.mark.parametrize(("within_s", "turns_have_s"), [(10, 7), (1, 0.7), (-3, 0), (None, 300)])
def test_turns_have_most_of_the_time_that_is_left(within_s: float | None, turns_have_s: float) -> None:
    directory = Directory()

    directory.look(within_s)

    assert [order.within_s for order in directory.one.orders] == [pytest.approx(turns_have_s)] * 2


def test_orders_are_repeated_until_nothing_is_there() -> None:
    directory = Directory()
    directory.look(100)
    directory.look(99)
    assert [order.host_id for order in directory.one.orders] == [HOST, DETACHED] * 2

    directory.look(98, {"_host-one-2": "node-2"})

    assert len(directory.one.orders) == 4


def test_without_any_driver_detached_sessions_leave_and_wait_for_somebody_to_open_them() -> None:
    directory = Directory()
    directory.leases.leave("one")

    directory.look(100)

    assert directory.drained == [(DETACHED, 95)]


def test_without_another_node_sessions_only_leave() -> None:
    directory = Directory()

    directory.look(1, others=0)

    assert [order.wakes for order in directory.one.orders] == [False, False]
    assert directory.moved_shared == []


def test_routers_and_the_directory_move_after_the_sessions_or_when_little_time_is_left() -> None:
    directory = Directory()
    directory.look(100)
    assert directory.moved_shared == []

    directory.look(9)
    assert directory.moved_shared == [NODE]

    directory.look(100, {"_router-0": NODE})
    assert directory.moved_shared == [NODE, NODE]


def test_how_far_it_is_is_known_until_the_node_has_left(caplog: pytest.LogCaptureFixture) -> None:
    directory = Directory()
    directory.look(100)
    assert (directory.drains.drains[NODE].sessions, directory.drains.drains[NODE].left) == (3, 0)

    directory.places.release({"a": 1, "b": 1}, HOST)
    directory.look(99)
    assert (directory.drains.drains[NODE].sessions, directory.drains.drains[NODE].left) == (1, 2)

    directory.places.mark_dead(DETACHED, DeathReason.CRASHED)
    directory.look(98)
    run(directory.drains.look(DrainedNodes({}, {}, 0)))

    assert directory.drains.drains == {}
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "node node-1 is drained and ends (in 100 s)",
        "node node-1: all sessions have left",
        "node node-1 has left the cluster",
    ]


def test_without_a_journal_nothing_moves_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    directory = Directory(durable=False)

    directory.look(100)

    assert directory.one.orders == []
    assert "3 sessions: they end with it: there is no journal" in caplog.text


def test_sessions_that_are_to_move_are_ordered_until_they_are_elsewhere() -> None:
    directory = Directory()
    assert directory.drains.move(MoveRequest({"a": "", "c": "", "none": ""}, 60)) == {"a": HOST, "c": "_host-one-2"}
    assert directory.one.orders == [
        MoveOrder(HOST, False, 60, ("a",)),
        MoveOrder("_host-one-2", False, 60, ("c",)),
    ]

    directory.places.release({"a": 1}, HOST)
    directory.claim("_host-one-3", "one", False, "a")
    assert directory.drains.move(MoveRequest({"a": HOST}, 60)) == {"a": "_host-one-3"}

    assert len(directory.one.orders) == 2
