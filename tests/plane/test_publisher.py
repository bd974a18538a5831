"""The publisher has one publish in flight, and repeats what failed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import virtual_time

import rayconteur as rc
from rayconteur.runtime.plane.outbox import Outbox
from rayconteur.runtime.plane.publisher import Publisher
from rayconteur.runtime.plane.segments import Segment, decode_segments


class Router:
    """Takes segments when it is let, and counts how many calls come at once."""

    def __init__(self) -> None:
        self.taken: list[list[Segment]] = []
        self.open = asyncio.Event()
        self.failures = 0
        self.at_once = self.most_at_once = 0

    async def publish(self, data: bytes) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await self.open.wait()
        self.at_once -= 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the router is away")
        self.taken.append(decode_segments(data))


@asynccontextmanager
async def publishing(router: Router) -> AsyncGenerator[Publisher, None]:
    publisher = Publisher(router.publish)
    task = asyncio.create_task(publisher.run())
    yield publisher
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_what_comes_while_a_publish_is_in_flight_goes_together_in_the_next() -> None:
    async def main() -> None:
        router = Router()
        async with publishing(router) as publisher:
            boxes = [Outbox(name, 1, 10_000, publisher.wake) for name in "abc"]
            boxes[0].put(rc.TurnStarted(turn=1))
            await asyncio.sleep(1)
            for box in boxes:
                box.put(rc.TurnStarted(turn=2))
                box.put(rc.TurnStarted(turn=3))
            router.open.set()
            await asyncio.gather(*(box.drained() for box in boxes))

        sent = [[(segment.session_id, segment.first, segment.last) for segment in batch] for batch in router.taken]
        assert sent == [[("a", 1, 1)], [("a", 2, 3), ("b", 1, 2), ("c", 1, 2)]]
        assert router.most_at_once == 1

    virtual_time.run(main())


def test_a_publish_that_fails_is_repeated_as_it_was() -> None:
    async def main() -> None:
        router = Router()
        router.open.set()
        router.failures = 5
        async with publishing(router) as publisher:
            box = Outbox("a", 1, 10_000, publisher.wake)
            box.put(rc.TurnStarted(turn=1))
            await asyncio.sleep(0.01)
            box.put(rc.TurnStarted(turn=2))
            await box.drained()

        assert [(segment.first, segment.last) for batch in router.taken for segment in batch] == [(1, 1), (2, 2)]

    virtual_time.run(main())


def test_an_outbox_is_not_emptier_before_the_router_has_it() -> None:
    async def main() -> None:
        router = Router()
        async with publishing(router) as publisher:
            box = Outbox("a", 1, 50, publisher.wake)
            box.put(rc.TurnStarted(turn=1))
            await asyncio.sleep(1)
            assert box.full

            router.open.set()
            await box.room()

    virtual_time.run(main())
