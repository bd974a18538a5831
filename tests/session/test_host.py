"""A host opens sessions all or none, finds them by their ids, and sees them off."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import pytest
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import InvalidConfig, SessionClosed, SessionExists, UnknownSession
from rayconteur.providers.registry import open_client
from rayconteur.runtime import Receipt, State
from rayconteur.runtime.events.segments import Segment, decode_segments, shard_of
from rayconteur.runtime.session.client_pool import ClientPool
from rayconteur.runtime.session.host import Host
from rayconteur.scripted import Fail, Script, Wait

ECHO = rc.SessionConfig(provider=rc.Scripted())
HANGS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Wait(),),))))
MISFIT = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Fail(code="bad luck"),),))))


class House:
    """A host, what its routers took, and which sessions it saw off."""

    def __init__(self, routers: int = 1) -> None:
        self.taken: list[list[Segment]] = [[] for _ in range(routers)]
        self.router_accepts = asyncio.Event()
        self.router_accepts.set()
        self.off: list[str] = []
        self.host = Host([self._publish(shard) for shard in range(routers)], self._see_off, ClientPool(open_client))

    def tell(self, session_id: str, message: rc.ToLLM) -> Receipt:
        return self.host.tell(session_id, msgspec.msgpack.encode(message))

    def _publish(self, shard: int) -> Callable[[bytes], Awaitable[None]]:
        async def publish(data: bytes) -> None:
            await self.router_accepts.wait()
            self.taken[shard] += decode_segments(data)

        return publish

    async def _see_off(self, session_id: str) -> None:
        await asyncio.sleep(0)
        self.off.append(session_id)


def played(scene: Callable[[House], Coroutine[Any, Any, None]], routers: int = 1) -> None:
    async def main() -> None:
        house = House(routers)
        running = asyncio.create_task(house.host.run())
        await scene(house)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())


def ids(house: House) -> list[str]:
    return [status.id for status in house.host.statuses()]


def test_sessions_are_opened_all_or_none() -> None:
    async def scene(house: House) -> None:
        house.host.open(["a", "b"], 1, ECHO)

        for taken in (["c", "a"], ["d", "d"]):
            with pytest.raises(SessionExists, match=taken[1]):
                house.host.open(taken, 2, ECHO)
        with pytest.raises(InvalidConfig, match="bad luck"):
            house.host.open(["e"], 2, MISFIT)

        assert ids(house) == ["a", "b"]
        assert len(house.host) == 2

    played(scene)


def test_invalid_messages_and_unknown_sessions_are_rejected() -> None:
    async def scene(house: House) -> None:
        house.host.open(["a"], 1, ECHO)

        with pytest.raises(InvalidConfig, match="message"):
            house.host.tell("a", msgspec.msgpack.encode({"kind": "nonsense"}))
        for call in (house.host.status, house.host.history):
            with pytest.raises(UnknownSession, match="ghost"):
                call("ghost")
        with pytest.raises(UnknownSession):
            house.tell("ghost", rc.Interrupt())
        with pytest.raises(UnknownSession):
            await house.host.close("ghost", drain=False)

    played(scene)


def test_a_session_is_removed_and_its_id_is_free_when_the_router_has_its_last_event() -> None:
    async def scene(house: House) -> None:
        house.host.open(["a"], 1, HANGS)
        house.tell("a", rc.UserMessage.of("hi"))
        house.router_accepts.clear()
        closing = [asyncio.create_task(house.host.close("a", drain=False)) for _ in range(3)]
        await asyncio.sleep(10)
        assert house.off == []
        assert house.host.status("a").state is State.CLOSED
        with pytest.raises(SessionClosed):
            house.tell("a", rc.UserMessage.of("still there?"))

        house.router_accepts.set()
        await asyncio.gather(*closing)

        assert house.off == ["a"]
        assert house.taken[0][-1].session_end
        assert len(house.host) == 0
        house.host.open(["a"], 2, ECHO)

    played(scene)


def test_cancelling_a_wait_for_the_end_does_not_stop_the_end() -> None:
    async def scene(house: House) -> None:
        house.host.open(["a"], 1, ECHO)
        house.router_accepts.clear()
        closing = asyncio.create_task(house.host.close("a", drain=False))
        await asyncio.sleep(1)
        closing.cancel()
        await asyncio.sleep(1)

        house.router_accepts.set()
        await asyncio.sleep(1)

        assert house.off == ["a"]

    played(scene)


def test_close_with_drain_waits_for_the_queued_turns() -> None:
    async def scene(house: House) -> None:
        house.host.open(["a"], 1, ECHO)
        for word in ("one", "two"):
            house.tell("a", rc.UserMessage.of(word))

        await house.host.close("a", drain=True)

        assert house.off == ["a"]

    played(scene)


def test_each_session_publishes_to_the_router_of_its_shard() -> None:
    async def scene(house: House) -> None:
        names = [f"s{number}" for number in range(20)]
        house.host.open(names, 7, ECHO)
        for name in names:
            house.tell(name, rc.UserMessage.of("hi"))
        await asyncio.sleep(10)

        for shard, taken in enumerate(house.taken):
            assert {segment.session_id for segment in taken} == {name for name in names if shard_of(name, 3) == shard}
            assert {segment.epoch for segment in taken} == {7}

    played(scene, routers=3)


def test_a_stuck_session_delays_no_other_session() -> None:
    async def scene(house: House) -> None:
        house.host.open(["stuck"], 1, HANGS)
        house.host.open(["quick"], 1, ECHO)
        house.tell("stuck", rc.UserMessage.of("hi"))
        house.tell("quick", rc.UserMessage.of("hi"))

        await asyncio.sleep(1)

        assert house.host.status("stuck").state is State.REQUESTING
        assert house.host.status("quick").state is State.IDLE
        assert len(house.host.history("quick")) == 2

    played(scene)
