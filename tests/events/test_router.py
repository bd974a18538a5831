"""The router: a poll waits for its driver's news, and for nothing else."""

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
    """The first number of each segment; ``None`` where the driver is not known."""
    if data is None:
        return None
    return [each.segment.first for each in msgspec.msgpack.decode(data, type=list[Delivery])] if data else []


def played(scene: Callable[[Router], Coroutine[Any, Any, None]], limits: RouterLimits | None = None) -> None:
    async def main() -> None:
        await scene(Router(limits or RouterLimits(), asyncio.get_running_loop().time))

    run(main())


def test_a_poll_comes_back_when_there_is_something_and_not_before() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        poll = asyncio.create_task(router.poll("d"))
        await asyncio.sleep(10)
        assert not poll.done()

        publish(router, segment("a", 1), segment("a", 2))

        assert firsts(await poll) == [1, 2]

    played(scene)


def test_a_poll_without_news_comes_back_with_nothing_after_a_while() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        assert await router.poll("d") == b""
        assert asyncio.get_running_loop().time() == POLL_S

    played(scene)


def test_what_does_not_fit_into_a_poll_comes_with_the_next_at_once() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        publish(router, *(sized_segment("a", first, 400) for first in range(1, 4)))

        assert [firsts(await router.poll("d")) for _ in range(3)] == [[1], [2], [3]]
        assert asyncio.get_running_loop().time() == 0

    played(scene, RouterLimits(poll_bytes=400))


def test_of_two_polls_of_a_driver_the_later_one_gets_what_comes() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        lost, wanted = (asyncio.create_task(router.poll("d")) for _ in range(2))
        await asyncio.sleep(1)

        publish(router, segment("a", 1))

        assert (firsts(await lost), firsts(await wanted)) == ([], [1])

    played(scene)


def test_a_poll_from_before_whole_wishes_gets_nothing_of_what_they_ask_for() -> None:
    async def scene(router: Router) -> None:
        subscribe(router)
        lost = asyncio.create_task(router.poll("d"))
        await asyncio.sleep(1)
        subscribe(router)
        publish(router, segment("a", 1))

        assert await lost is None
        assert firsts(await router.poll("d")) == [1]

    played(scene)


def test_a_driver_that_is_not_known_must_tell_all_its_wishes() -> None:
    async def scene(router: Router) -> None:
        assert await router.poll("d") is None
        assert subscribe(router, replace_all=False) is None
        assert subscribe(router) == []
        assert subscribe(router, replace_all=False) == []

    played(scene)


def test_a_driver_that_no_longer_asks_is_forgotten_and_one_that_waits_is_not() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver_id="gone")
        subscribe(router, driver_id="here")
        for _ in range(10):
            await router.poll("here")
        publish(router, segment("a", 1))

        assert await router.poll("gone") is None
        assert firsts(await router.poll("here")) == [1]

    played(scene, RouterLimits(idle_driver_s=20))


def test_the_death_of_a_session_is_news() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, "a")
        publish(router, segment("a", 1))
        await router.poll("d")
        poll = asyncio.create_task(router.poll("d"))
        await asyncio.sleep(1)

        router.end_sessions({"a": 1}, SessionEnd.DIED)

        assert firsts(await poll) == [2]

    played(scene)


def test_positions_are_how_far_each_session_is() -> None:
    async def scene(router: Router) -> None:
        publish(router, segment("a", 1, 3), segment("b", 7, epoch=5))

        positions = msgspec.msgpack.decode(router.positions(), type=dict[str, Position])

        assert positions == {"a": (1, 3), "b": (5, 7)}

    played(scene)
