"""The router: each driver is pushed what it subscribes to, as soon and as long as its connection takes it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from builders.segments import died, segment, sized_segment
from fixtures.virtual_time import run

from rayconteur.runtime.api.errors import DeathReason
from rayconteur.runtime.api.events import Died, ProcessLost
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.router import Router
from rayconteur.runtime.events.router_calls import RouterCall, serve
from rayconteur.runtime.events.segments import (
    HeldSession,
    LivingSessions,
    Positions,
    Segment,
    decode_events,
    encode_segments,
)
from rayconteur.runtime.events.subscriptions import Delivery, Subscription, SubscriptionUpdate
from rayconteur.runtime.streams.peer import ignore

PLENTY = 1 << 20


class Driver:
    """A connected driver: *pushes* are the first number of each segment in each push."""

    def __init__(self, room: int = 1_000) -> None:
        self.id = "a driver"
        self.on_writable = self.on_lost = ignore
        self.pushes: list[list[int]] = []
        self.pushed_bytes = 0
        self._room = room

    @property
    def is_writable(self) -> bool:
        return self._room > 0

    def push(self, data: bytes) -> None:
        assert self.is_writable, "it would wait in memory"
        self._room -= 1
        self.pushed_bytes += len(data)
        self.pushes.append([each.segment.first for each in msgspec.msgpack.decode(data, type=list[Delivery])])

    def take(self, pushes: int) -> None:
        """Have room for so many more pushes."""
        self._room += pushes
        self.on_writable()


def subscribe(router: Router, driver: Driver, session_id: str | None = None, credit_bytes: int = PLENTY) -> list[int]:
    update = SubscriptionUpdate(added=[Subscription(1, session_id, credit_bytes)])
    return router.update_subscriptions(driver, msgspec.msgpack.encode(update))


def grant(router: Router, driver: Driver, more_bytes: int) -> None:
    router.update_subscriptions(driver, msgspec.msgpack.encode(SubscriptionUpdate(more_bytes={1: more_bytes})))


def publish(router: Router, *segments: Segment) -> None:
    router.publish(encode_segments(segments))


async def turns(count: int = 1) -> None:
    """Let the event loop run so many iterations."""
    for _ in range(count):
        await asyncio.sleep(0)


def play(scene: Callable[[Router], Coroutine[Any, Any, None]], limits: RouterLimits | None = None) -> None:
    async def main() -> None:
        await scene(Router(limits or RouterLimits()))

    run(main())


def test_what_is_published_is_pushed_in_the_next_iteration() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver := Driver())
        await turns(10)

        publish(router, segment("a", 1), segment("a", 2))
        await turns()

        assert driver.pushes == [[1, 2]]

    play(scene)


def test_several_publishes_share_a_push_to_each_driver() -> None:
    async def scene(router: Router) -> None:
        drivers = [Driver(), Driver()]
        for driver in drivers:
            subscribe(router, driver)

        for first in range(1, 5):
            publish(router, segment("a", first))
        await turns()

        assert [driver.pushes for driver in drivers] == [[[1, 2, 3, 4]], [[1, 2, 3, 4]]]

    play(scene)


def test_a_driver_is_pushed_what_the_router_holds_when_it_subscribes() -> None:
    async def scene(router: Router) -> None:
        publish(router, segment("a", 1))

        subscribe(router, driver := Driver(), "a")
        await turns()

        assert driver.pushes == [[1]]

    play(scene)


def test_a_driver_gets_no_push_of_what_it_does_not_subscribe_to() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver := Driver(), "a")

        publish(router, segment("b", 1))
        await turns(10)

        assert driver.pushes == []

    play(scene)


def test_a_push_is_limited_and_the_next_follows_at_once() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver := Driver())
        publish(router, *(sized_segment("a", first, 400) for first in range(1, 4)))
        await turns(3)

        assert driver.pushes == [[1], [2], [3]]

    play(scene, RouterLimits(push_bytes=400))


def test_pushes_keep_to_the_credit_and_go_on_with_more() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver := Driver(), credit_bytes=500)
        publish(router, *(sized_segment("a", first, 300) for first in range(1, 6)))
        await turns(10)
        assert driver.pushes == [[1, 2]]

        grant(router, driver, 400)
        await turns(10)

        assert driver.pushes == [[1, 2], [3]]

    play(scene)


def test_nothing_is_collected_for_a_driver_whose_socket_takes_no_more() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, slow := Driver(room=1))
        subscribe(router, fast := Driver())
        for first in range(1, 101):
            publish(router, sized_segment("a", first, 10_000))
            await turns()

        assert slow.pushes == [[1]]
        assert fast.pushes == [[first] for first in range(1, 101)]
        assert slow.pushed_bytes < 20_000
        slow.take(pushes=1_000)
        await turns(100)
        assert [first for push in slow.pushes for first in push] == list(range(1, 101))

    play(scene, RouterLimits(push_bytes=30_000))


def test_a_driver_that_was_slow_gets_only_what_the_log_still_holds() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, slow := Driver(room=1))
        for first in range(1, 101):
            publish(router, sized_segment("a", first, 10_000))
            await turns()

        slow.take(pushes=1_000)
        await turns(10)

        assert slow.pushes == [[1], [98, 99, 100]]

    play(scene, RouterLimits(session_bytes=30_000))


def test_a_driver_is_forgotten_as_soon_as_its_connection_is_lost() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver := Driver())
        publish(router, segment("a", 1))

        driver.on_lost()
        publish(router, segment("a", 2))
        await turns(10)

        assert driver.pushes == []
        assert driver not in router.subscriptions.drivers

    play(scene)


def test_a_driver_that_connects_again_subscribes_anew() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, before := Driver())
        publish(router, segment("a", 1))
        await turns()
        subscribe(router, after := Driver())
        before.on_lost()

        publish(router, segment("a", 2))
        await turns()

        assert (before.pushes, after.pushes) == ([[1]], [[1, 2]])

    play(scene)


def test_the_death_of_a_session_is_pushed() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver := Driver(), "a")
        publish(router, segment("a", 1))
        await turns()

        router.end_sessions(died({"a": 1}))
        await turns()

        assert driver.pushes == [[1], [2]]

    play(scene)


def test_subscriptions_to_unknown_sessions_are_returned() -> None:
    async def scene(router: Router) -> None:
        publish(router, segment("a", 1))

        assert subscribe(router, Driver(), "a") == []
        assert subscribe(router, Driver(), "b") == [1]

    play(scene)


def test_positions_are_those_after_the_last_event_of_each_session() -> None:
    async def scene(router: Router) -> None:
        publish(router, segment("a", 1, 3), segment("b", 7, epoch=5))

        positions = msgspec.msgpack.decode(await router.positions(), type=Positions)

        assert positions.sessions == {"a": (1, 3), "b": (5, 7)}

    play(scene)


def test_a_router_that_moves_delivers_what_it_has_and_takes_nothing_more() -> None:
    async def scene(router: Router) -> None:
        subscribe(router, driver := Driver(room=0))
        publish(router, segment("a", 1))
        router.takes_segments = False

        answer = serve(router, driver, RouterCall.PUBLISH, encode_segments([segment("a", 2)]))
        assert isinstance(answer, asyncio.Future)
        assert router.has_deliverable
        driver.take(5)
        await turns(3)

        assert driver.pushes == [[1]]
        assert not router.has_deliverable
        assert not answer.done()  # the host publishes it again, to the process after this one

    play(scene)


def test_the_router_after_one_that_moves_begins_with_what_it_held() -> None:
    async def scene(router: Router) -> None:
        publish(router, segment("a", 1), segment("a", 2), segment("b", 1))
        after, readers = Router(RouterLimits()), [Driver(), Driver()]

        after.publish(router.encoded_segments(PLENTY))
        publish(after, segment("a", 2), segment("a", 3))  # the host publishes what was not acknowledged
        for reader, session_id in zip(readers, "ab", strict=True):
            subscribe(after, reader, session_id)
        await turns(3)

        assert [reader.pushes for reader in readers] == [[[1, 2, 3]], [[1]]]
        assert router.encoded_segments(0) == encode_segments([])

    play(scene)


def test_sessions_that_a_restarted_directory_misses_died_of_what_their_host_died_of() -> None:
    async def scene(router: Router) -> None:
        router.publish(encode_segments([segment("a", 1)]), "dead")
        router.publish(encode_segments([segment("b", 1)]), "unknown")
        router.end_missing_sessions(LivingSessions({}, 2, reasons={"dead": DeathReason.OUT_OF_MEMORY}))

        ends = {each: list(router.subscriptions.log.segments_after(each, (1, 1))) for each in "ab"}
        deaths = {each: decode_events(ended)[0] for each, (ended,) in ends.items()}
        assert {each: isinstance(death, Died) and death.reason for each, death in deaths.items()} == {
            "a": DeathReason.OUT_OF_MEMORY,
            "b": DeathReason.CRASHED,
        }

    play(scene)


def test_durable_sessions_are_lost_whose_host_died_while_the_directory_was_restarted() -> None:
    async def scene(router: Router) -> None:
        for session_id, host_id in {"a": "dead", "b": "alive", "c": "dead"}.items():
            router.publish(encode_segments([segment(session_id, 1)]), host_id)
        router.take_over(HeldSession("c", 1, 2, 1), "alive")  # it goes on elsewhere already
        subscribe(router, driver := Driver(), "a")
        await turns()

        reasons = {"dead": DeathReason.OUT_OF_MEMORY}
        router.end_missing_sessions(LivingSessions({}, 0, reasons=reasons, are_durable=True))
        await turns()

        notices = {each: router.subscriptions.log.notice(each) for each in "abc"}
        lost = {each: decode_events(notice)[0] for each, notice in notices.items() if notice}
        assert {each: isinstance(loss, ProcessLost) and loss.reason for each, loss in lost.items()} == {
            "a": DeathReason.OUT_OF_MEMORY
        }
        assert len(driver.pushes) == 2

    play(scene)
