"""A driver whose connection breaks: what was sent over the old one never counts for the new subscriptions."""

import asyncio

from builders.segments import labels, segment, sized_segment
from fixtures.event_network import wait_idle
from fixtures.manual_transport import ManualTransport
from fixtures.virtual_time import run

from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router_connection import RouterConnection
from rayconteur.runtime.events.subscriptions import Subscription

LIMIT_BYTES = 10_000


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
