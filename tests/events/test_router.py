"""The router: a poll waits for deliveries to its own driver, and for nothing else."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from builders.segments import segment, sized_segment
from fixtures.virtual_time import run

from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.router import POLL_S, Router
from rayconteur.runtime.events.segments import Position, Segment, SessionEnd, encode_segments
from rayconteur.runtime.events.subscriptions import Delivery, Subscription, SubscriptionUpdate

PLENTY = 1 << 20


def subscribe(
    router: Router, session_id: str | None = None, driver_id: str = "d", replace_all: bool = True
) -> list[int] | None:
    update = SubscriptionUpdate(replace_all=replace_all, added=[Subscription(1, session_id, PLENTY)])
    return router.update_subscriptions(driver_id, msgspec.msgpack.encode(update))


def publish(router: Router, *segments: Segment) -> None:
    router.publish(encode_segments(segments))


def firsts(data: bytes | None) -> list[int] | None:
    """The first number of each delivered segment; ``None`` if the driver is unknown."""
    if data is None:
        return None
    return [each.segment.first for each in msgspec.msgpack.decode(data, type=list[Delivery])] if data else []


def play(scene: Callable[[Router], Coroutine[Any, Any, None]], limits: RouterLimits | None = None) -> None:
    async def main() -> None:
        await scene(Router(limits or RouterLimits(), asyncio.get_running_loop().time))

    run(main())


def test_a_poll_returns_as_soon_as_there_is_a_delivery_and_not_before() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        poll = asyncio.create_task(router.poll("d"))
        await asyncio.sleep(10)
        assert not poll.done()

        publish(router, segment("a", 1), segment("a", 2))

        assert firsts(await poll) == [1, 2]

    play(scene)


def test_a_poll_without_deliveries_returns_empty_after_a_timeout() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        assert await router.poll("d") == b""
        assert asyncio.get_running_loop().time() == POLL_S

    play(scene)


def test_deliveries_beyond_the_limit_of_a_poll_are_returned_by_the_next_at_once() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        publish(router, *(sized_segment("a", first, 400) for first in range(1, 4)))

        assert [firsts(await router.poll("d")) for _ in range(3)] == [[1], [2], [3]]
        assert asyncio.get_running_loop().time() == 0

    play(scene, RouterLimits(poll_bytes=400))


def test_of_two_polls_of_a_driver_the_later_one_gets_the_deliveries() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        lost, wanted = (asyncio.create_task(router.poll("d")) for _ in range(2))
        await asyncio.sleep(1)

        publish(router, segment("a", 1))

        assert (firsts(await lost), firsts(await wanted)) == ([], [1])

    play(scene)


def test_a_poll_made_before_all_subscriptions_were_replaced_gets_no_deliveries() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        lost = asyncio.create_task(router.poll("d"))
        await asyncio.sleep(1)
        subscribe(router)
        publish(router, segment("a", 1))

        assert await lost is None
        assert firsts(await router.poll("d")) == [1]

    play(scene)


def test_an_unknown_driver_must_send_all_its_subscriptions() -> None:
    async def scene(router: Router) -> None:
        assert await router.poll("d") is None
        assert subscribe(router, replace_all=False) is None
        assert subscribe(router) == []
        assert subscribe(router, replace_all=False) == []

    play(scene)


def test_a_driver_that_stops_polling_is_removed_and_one_that_polls_is_not() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver_id="gone")
        subscribe(router, driver_id="here")
        for _ in range(10):
            await router.poll("here")
        publish(router, segment("a", 1))

        assert await router.poll("gone") is None
        assert firsts(await router.poll("here")) == [1]

    play(scene, RouterLimits(idle_driver_s=20))


def test_a_poll_returns_the_death_of_a_session() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, "a")
        publish(router, segment("a", 1))
        await router.poll("d")
        poll = asyncio.create_task(router.poll("d"))
        await asyncio.sleep(1)

        router.end_sessions({"a": 1}, SessionEnd.DIED)

        assert firsts(await poll) == [2]

    play(scene)


def test_positions_are_those_after_the_last_event_of_each_session() -> None:
    async def scene(router: Router) -> None:
        publish(router, segment("a", 1, 3), segment("b", 7, epoch=5))

        positions = msgspec.msgpack.decode(router.positions(), type=dict[str, Position])

        assert positions == {"a": (1, 3), "b": (5, 7)}

    play(scene)
