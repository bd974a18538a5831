"""Subscriptions that are sent again: after a connection breaks, and when the router rejects one among them.

What was sent over the old connection never counts for the new subscriptions. A subscription that the router does not
accept fails alone: the readers next to it miss nothing.
"""

import asyncio

import pytest
from builders.segments import labels, publish_events, read_events, segment, sized_segment
from fixtures.event_network import Network, play, reader_of, reader_of_all, wait_idle
from fixtures.manual_transport import ManualTransport
from fixtures.virtual_time import run

from rayconteur.runtime.api.errors import EventsMissed
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router_connection import RouterConnection
from rayconteur.runtime.events.subscriptions import Subscription

LIMIT_BYTES = 10_000
MANY = 50


async def subscribed(transport: ManualTransport) -> tuple[Reader, asyncio.Task[None]]:
    """A reader of session a over *transport*, and the task of its connection."""
    connection = RouterConnection(transport)
    running = asyncio.create_task(connection.run())
    reader = Reader(connection, "a", (1, 0), LIMIT_BYTES)
    await wait_idle()
    return reader, running


def test_after_a_loss_a_reader_subscribes_at_once_from_where_it_is_with_the_room_that_it_has() -> None:
    async def main() -> None:
        reader, running = await subscribed(transport := ManualTransport())
        first = transport.subscription
        transport.push(first, sized_segment("a", 1, 3_000))

        transport.lose()
        for _ in range(3):
            await asyncio.sleep(0)

        assert first == Subscription(first.id, "a", LIMIT_BYTES, {"a": (1, 0)})
        second = transport.subscription
        assert second == Subscription(second.id, "a", LIMIT_BYTES - 3_000, {"a": (1, 1)})
        assert second.id != first.id
        assert reader.size_bytes == 3_000
        running.cancel()

    run(main())


def test_a_push_for_a_subscription_of_the_former_connection_is_ignored() -> None:
    async def main() -> None:
        reader, running = await subscribed(transport := ManualTransport())
        stale = transport.subscription
        transport.lose()
        await wait_idle()

        transport.push(stale, segment("a", 1))
        transport.push(transport.subscription, segment("a", 1))
        transport.push(stale, segment("a", 2))
        transport.push(transport.subscription, segment("a", 2))

        assert [labels(await reader.batch()) for _ in range(2)] == [["a1"], ["a2"]]
        assert reader.size_bytes == 0
        running.cancel()

    run(main())


def test_stale_pushes_use_no_credit() -> None:
    async def main() -> None:
        reader, running = await subscribed(transport := ManualTransport())
        stale = transport.subscription
        transport.lose()
        await wait_idle()
        granted = transport.subscription.credit_bytes

        for seq in range(1, 11):
            transport.push(stale, sized_segment("a", seq, LIMIT_BYTES))
        await wait_idle()

        assert granted == LIMIT_BYTES
        assert reader.size_bytes == 0
        assert len(transport.updates) == 2
        running.cancel()

    run(main())


def test_after_an_update_failed_all_is_sent_again_over_another_connection() -> None:
    async def main() -> None:
        _, running = await subscribed(transport := ManualTransport(ValueError("it was applied, or not")))

        first, second = (update.added[0] for update in transport.updates)
        assert (first.cursors, first.credit_bytes) == (second.cursors, second.credit_bytes)
        assert first.id != second.id
        assert transport.disconnects == 1
        running.cancel()

    run(main())


@pytest.mark.parametrize("rejected", [["s7"], ["s0", "s1", "s49"]])
def test_a_rejected_subscription_ends_its_reader_and_no_other(rejected: list[str]) -> None:
    async def scene(network: Network) -> None:
        connections, host = network.connect_driver(), network.start_host()
        network.rejected = set(rejected)
        boxes = {f"s{number}": host.spawn(f"s{number}") for number in range(MANY)}
        readers = {name: reader_of(connections, name, number + 1) for number, name in enumerate(boxes)}
        everything = reader_of_all(connections)

        for box in boxes.values():
            await publish_events(box, 2)
        await wait_idle()

        for name, reader in readers.items():
            if name in rejected:
                with pytest.raises(EventsMissed, match="does not accept the subscription: ValueError"):
                    await reader.batch()
            else:
                assert labels(await read_events(reader, 2)) == [f"{name}1", f"{name}2"]
        assert len(await read_events(everything, 2 * MANY)) == 2 * MANY
        assert network.calls.count("rejected") <= 10 * len(rejected)

    play(scene)


def test_a_subscription_that_is_accepted_later_misses_nothing() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        network.rejected = {"a"}
        readers = [reader_of(connections, "a", 1), reader_of_all(connections)]
        await publish_events(box, 2)
        network.rejected = set()
        await wait_idle()

        for reader in readers:
            assert labels(await read_events(reader, 2)) == ["a1", "a2"]

    play(scene)


def test_a_position_that_can_not_be_encoded_ends_its_reader_and_no_other() -> None:
    async def scene(network: Network) -> None:
        connections, box = network.connect_driver(), network.start_host().spawn("a")
        impossible, reader = reader_of(connections, "a", 1 << 70), reader_of(connections, "a", 1)

        await publish_events(box, 2)
        await wait_idle()

        assert labels(await read_events(reader, 2)) == ["a1", "a2"]
        with pytest.raises(EventsMissed):
            await impossible.batch()

    play(scene)


def test_a_connection_that_breaks_while_a_subscription_is_looked_for_loses_no_event() -> None:
    async def scene(network: Network) -> None:
        connections, host = network.connect_driver(), network.start_host()
        network.rejected = {"s3"}
        boxes = [host.spawn(f"s{number}") for number in range(8)]
        readers = [reader_of(connections, f"s{number}", number + 1) for number in range(8)]
        while "rejected" not in network.calls:
            await publish_events(boxes[0], 1)
        network.restart_router()
        readers[5].close()
        await wait_idle()

        for box in boxes:
            await publish_events(box, 1)
        for number in (1, 2, 4, 6, 7):
            assert labels(await read_events(readers[number], 1)) == [f"s{number}1"]

    play(scene)
