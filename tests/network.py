"""The event plane without Ray: routers, hosts and drivers in one process, over calls that can be made to fail."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import StrEnum
from typing import Any, TypeVar

from saying import marks
from virtual_time import run

from rayconteur.runtime.errors import RuntimeClosed
from rayconteur.runtime.messages import Closed
from rayconteur.runtime.plane.hub import Hub
from rayconteur.runtime.plane.line import RouterGone
from rayconteur.runtime.plane.lines import Lines
from rayconteur.runtime.plane.outbox import Outbox
from rayconteur.runtime.plane.publisher import Publisher
from rayconteur.runtime.plane.reader import Reader
from rayconteur.runtime.plane.router import Router
from rayconteur.runtime.plane.segments import BEGINNING, Over, Segment, decode_segments, shard_of
from rayconteur.runtime.plane.shelf import RouterLimits

T = TypeVar("T")

LIMIT_BYTES = 100_000


class Fault(StrEnum):
    """How a call fails."""

    CALL_LOST = "call lost"
    REPLY_LOST = "reply lost"


class Network:
    """Routers, and what is known of the sessions that live. A call takes a turn of the event loop each way."""

    def __init__(self, limits: RouterLimits | None = None, routers: int = 1) -> None:
        self.limits = limits or RouterLimits()
        self.routers = [self._router() for _ in range(routers)]
        self.faults: dict[str, Fault] = {}
        """How the next call of that name fails."""
        self.gone = False
        """Whether there are no routers any more."""
        self.live: dict[str, int] = {}
        """The epochs of the sessions that live."""
        self.calls: list[str] = []
        self.published: list[Segment] = []
        """What routers took, repeated or not."""
        self._falls = [asyncio.Event() for _ in range(routers)]
        self._answers: set[asyncio.Future[Any]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._drivers: list[Lines] = []
        self._epoch = 0

    def driver(self) -> Lines:
        """A new driver's lines."""
        driver_id = f"driver-{len(self._drivers)}"
        lines = Lines([Hub(_Line(self, shard, driver_id)) for shard in range(len(self.routers))])
        self._drivers.append(lines)
        return lines

    def host(self) -> "Host":
        """A new host."""
        return Host(self)

    def spawned(self, session_id: str) -> int:
        """The epoch of a new session."""
        self._epoch += 1
        self.live[session_id] = self._epoch
        return self._epoch

    def restart(self, shard: int = 0) -> None:
        """The router dies with all it holds, and with the calls that it has not answered; there is a new one."""
        self.routers[shard] = self._router()
        self._falls[shard].set()
        self._falls[shard] = asyncio.Event()

    def keep(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Have *work* done as long as the network is there."""
        self._tasks.append(asyncio.ensure_future(work))
        return self._tasks[-1]

    async def close(self) -> None:
        """End everything."""
        for lines in self._drivers:
            await lines.cut(RuntimeClosed("the test is over"))
        ending = (*self._tasks, *self._answers)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def call(self, shard: int, name: str, made: Callable[[Router], Awaitable[T]]) -> T:
        """What a router answers, unless something comes in between."""
        self.calls.append(name)
        router, fall = self.routers[shard], self._falls[shard]
        await asyncio.sleep(0)
        if self.gone:
            raise RouterGone
        fault = self.faults.pop(name, None)
        if fault is Fault.CALL_LOST or fall.is_set():
            raise ConnectionError(f"{name} did not arrive")
        answer = asyncio.ensure_future(made(router))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        falling = asyncio.ensure_future(fall.wait())
        try:
            await asyncio.wait((answer, falling), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
            if fault is Fault.REPLY_LOST or fall.is_set():
                raise ConnectionError(f"the answer to {name} did not arrive")
            return answer.result()
        finally:
            if fall.is_set():
                answer.cancel()  # if only the reply is not wanted any more, the router does not hear of it
            falling.cancel()

    def _router(self) -> Router:
        return Router(self.limits, asyncio.get_running_loop().time)


class Host:
    """What the sessions of one process share: a publisher for each router."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._publishers = [Publisher(self._publish(shard)) for shard in range(len(network.routers))]
        self._tasks = [network.keep(publisher.run()) for publisher in self._publishers]
        self._sessions: dict[str, int] = {}

    def spawn(self, session_id: str, limit_bytes: int = LIMIT_BYTES) -> Outbox:
        """The outbox of a new session."""
        epoch = self._sessions[session_id] = self._network.spawned(session_id)
        publisher = self._publishers[shard_of(session_id, len(self._publishers))]
        return Outbox(session_id, epoch, limit_bytes, publisher.wake)

    async def close(self, session_id: str, box: Outbox) -> None:
        """End the session, and free its id when its events are with the router."""
        box.put(Closed(turn=self._sessions[session_id]))
        await box.drained()
        del self._sessions[session_id], self._network.live[session_id]

    def die(self) -> None:
        """End in mid-sentence."""
        for task in self._tasks:
            task.cancel()
        for session_id, epoch in self._sessions.items():
            del self._network.live[session_id]
            shard = shard_of(session_id, len(self._publishers))
            self._network.routers[shard].end({session_id: epoch}, Over.DIED)

    def _publish(self, shard: int) -> Callable[[bytes], Awaitable[None]]:
        async def take(router: Router, data: bytes) -> None:
            router.publish(data)
            self._network.published += decode_segments(data)

        return lambda data: self._network.call(shard, "publish", lambda router: take(router, data))


class _Line:
    """A driver's calls on one router."""

    def __init__(self, network: Network, shard: int, driver_id: str) -> None:
        self._network = network
        self._shard = shard
        self._driver_id = driver_id

    async def positions(self) -> bytes:
        async def positions(router: Router) -> bytes:
            return router.positions()

        return await self._network.call(self._shard, "positions", positions)

    async def watch(self, wishes: bytes) -> list[int] | None:
        async def watch(router: Router) -> list[int] | None:
            return router.watch(self._driver_id, wishes)

        return await self._network.call(self._shard, "watch", watch)

    async def poll(self) -> bytes | None:
        return await self._network.call(self._shard, "poll", lambda router: router.poll(self._driver_id))

    async def end_gone(self, sessions: dict[str, int]) -> int:
        gone = {name: epoch for name, epoch in sessions.items() if self._network.live.get(name) != epoch}

        async def end(router: Router) -> int:
            router.end(gone, Over.CLOSED)
            return len(gone)

        return await self._network.call(self._shard, "end_gone", end)


def reader_of(lines: Lines, session_id: str, epoch: int, after: int = 0, limit_bytes: int = LIMIT_BYTES) -> Reader:
    """A reader of one session."""
    return Reader(lines, session_id, (epoch, after), limit_bytes)


def reader_of_all(lines: Lines, from_now: bool = False, limit_bytes: int = LIMIT_BYTES) -> Reader:
    """A reader of all sessions."""
    return Reader(lines, None, None if from_now else BEGINNING, limit_bytes)


async def settled() -> None:
    """Come back when nobody has anything to do: by the loop's time, when all pauses after failures are over."""
    await asyncio.sleep(20.0)


async def say(box: Outbox, count: int) -> None:
    """So many events, a segment each."""
    for event in marks(count):
        box.put(event)
        await box.drained()


Scene = Callable[[Network], Coroutine[Any, Any, None]]


def played(scene: Scene, routers: int = 1) -> None:
    """Play *scene*; nobody is left behind in the end."""

    async def main() -> None:
        network = Network(routers=routers)
        await scene(network)
        await network.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())
