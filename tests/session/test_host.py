"""A host opens sessions, all or none, finds them by id, and removes them when they have ended."""

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
from rayconteur.runtime.session.host import Host, SessionKey
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.scripted import Script, Wait

ECHO = rc.SessionConfig(provider=rc.Scripted())
HANGS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Wait(),),))))
UNOPENABLE = rc.SessionConfig(provider=rc.Anthropic(model="m", api_key="k", request_forms={}))


class HostFixture:
    """A host, the segments *published* to each router, and the ids of sessions that have *ended*."""

    def __init__(self, routers: int = 1) -> None:
        self.published: list[list[Segment]] = [[] for _ in range(routers)]
        self.router_accepts = asyncio.Event()
        self.router_accepts.set()
        self.away: int | None = None  # the router that accepts nothing
        self.release_begun = asyncio.Event()
        self.ended: list[str] = []
        self.error: Exception | None = None  # raised when a session has ended
        self.host = Host(
            [self._publish(shard) for shard in range(routers)], self._sessions_ended, ClientPool(open_client)
        )

    def tell(self, session_id: str, message: rc.ToLLM) -> Receipt:
        return self.host.tell((session_id, 1), msgspec.msgpack.encode(message))

    def _publish(self, shard: int) -> Callable[[bytes], Awaitable[None]]:
        async def publish(data: bytes) -> None:
            await self.router_accepts.wait()
            if shard == self.away:
                await asyncio.Event().wait()
            self.published[shard] += decode_segments(data)

        return publish

    async def _sessions_ended(self, session_ids: dict[str, int]) -> None:
        self.release_begun.set()
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.ended += session_ids


def run_with_host(scenario: Callable[[HostFixture], Coroutine[Any, Any, None]], routers: int = 1) -> None:
    async def main() -> None:
        fixture = HostFixture(routers)
        publishing = asyncio.create_task(fixture.host.run())
        await scenario(fixture)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)

    run(main())


def keys(*session_ids: str) -> list[SessionKey]:
    return [(session_id, 1) for session_id in session_ids]


def session_ids_of(fixture: HostFixture) -> list[str]:
    return [status.id for status in fixture.host.statuses(["a", "b", "c", "d", "e"])]


def test_sessions_are_opened_all_or_none() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a", "b"], 1, ECHO)

        for session_ids in (["c", "a"], ["d", "d"]):
            with pytest.raises(SessionExists, match=session_ids[1]):
                await fixture.host.open(session_ids, 2, ECHO)
        with pytest.raises(InvalidConfig, match="request_forms"):
            await fixture.host.open(["e"], 2, UNOPENABLE)

        assert session_ids_of(fixture) == ["a", "b"]
        assert len(fixture.host) == 2

    run_with_host(scenario)


def test_invalid_messages_and_unknown_sessions_are_rejected() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a"], 1, ECHO)

        with pytest.raises(InvalidConfig, match="message"):
            fixture.host.tell(("a", 1), msgspec.msgpack.encode({"kind": "nonsense"}))
        for call in (fixture.host.status, fixture.host.history):
            with pytest.raises(UnknownSession, match="ghost"):
                call(("ghost", 1))
        with pytest.raises(UnknownSession):
            fixture.tell("ghost", rc.Interrupt())
        with pytest.raises(UnknownSession):
            await fixture.host.close(("ghost", 1), drain=False)

    run_with_host(scenario)


def test_a_session_is_removed_and_its_id_is_free_when_the_router_has_its_last_event() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a"], 1, HANGS)
        fixture.tell("a", rc.UserMessage.of("hi"))
        fixture.router_accepts.clear()
        closing = [asyncio.create_task(fixture.host.close(("a", 1), drain=False)) for _ in range(3)]
        await asyncio.sleep(10)
        assert fixture.ended == []
        assert fixture.host.status(("a", 1)).state is State.CLOSED
        with pytest.raises(SessionClosed):
            fixture.tell("a", rc.UserMessage.of("still there?"))

        fixture.router_accepts.set()
        await asyncio.gather(*closing)

        assert fixture.ended == ["a"]
        assert fixture.published[0][-1].session_end
        assert len(fixture.host) == 0
        await fixture.host.open(["a"], 2, ECHO)

    run_with_host(scenario)


def test_an_id_is_free_here_before_others_learn_that_its_session_has_ended() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a"], 1, ECHO)

        closing = asyncio.create_task(fixture.host.close(("a", 1), drain=False))
        await fixture.release_begun.wait()

        assert session_ids_of(fixture) == []
        await closing

    run_with_host(scenario)


def test_while_a_router_is_away_sessions_of_others_end() -> None:
    async def scenario(fixture: HostFixture) -> None:
        names = [f"s{number}" for number in range(20)]
        await fixture.host.open(names, 1, ECHO)
        fixture.away = 1

        closing = asyncio.create_task(fixture.host.close_all(keys(*names), drain=False))
        await asyncio.sleep(10)

        assert sorted(fixture.ended) == sorted(name for name in names if shard_of(name, 2) == 0)
        assert not closing.done()
        closing.cancel()

    run_with_host(scenario, routers=2)


def test_a_session_whose_request_does_not_stop_delays_no_other_end() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a", "b"], 1, HANGS)
        await fixture.host.open(["c"], 1, ECHO)
        fixture.tell("a", rc.UserMessage.of("hi"))
        await asyncio.sleep(1)

        outcomes = await fixture.host.close_all(keys("a", "b", "c", "ghost"), drain=False)

        assert outcomes[:3] == [None] * 3
        assert isinstance(outcomes[3], UnknownSession)
        assert fixture.ended == ["b", "c", "a"]  # "a" had to cancel its request first

    run_with_host(scenario)


def test_while_many_sessions_are_closed_others_get_their_turns() -> None:
    async def scenario(fixture: HostFixture) -> None:
        names = [f"s{number}" for number in range(500)]
        await fixture.host.open(names, 1, ECHO)
        waiting = asyncio.create_task(fixture.host.close_all(keys(*names), drain=False))

        await asyncio.sleep(0)  # the first of them are being closed

        assert 0 < sum(status.state is State.CLOSED for status in fixture.host.statuses(names)) < len(names)
        assert await waiting == [None] * len(names)

    run_with_host(scenario)


def test_an_end_that_could_not_be_reported_is_raised_where_it_was_waited_for() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a", "b", "c"], 1, ECHO)
        fixture.error = ConnectionError("the directory is away")

        outcomes = await fixture.host.close_all(keys("a", "b"), drain=False)
        fixture.error = None
        await fixture.host.close(("c", 1), drain=False)

        assert [str(outcome) for outcome in outcomes] == ["the directory is away"] * 2
        assert fixture.ended == ["c"]
        assert len(fixture.host) == 0

    run_with_host(scenario)


def test_cancelling_a_wait_for_the_end_does_not_stop_the_end() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a"], 1, ECHO)
        fixture.router_accepts.clear()
        closing = asyncio.create_task(fixture.host.close(("a", 1), drain=False))
        await asyncio.sleep(1)
        closing.cancel()
        await asyncio.sleep(1)

        fixture.router_accepts.set()
        await asyncio.sleep(1)

        assert fixture.ended == ["a"]

    run_with_host(scenario)


def test_close_with_drain_waits_for_the_queued_turns() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["a"], 1, ECHO)
        for word in ("one", "two"):
            fixture.tell("a", rc.UserMessage.of(word))

        await fixture.host.close(("a", 1), drain=True)

        assert fixture.ended == ["a"]

    run_with_host(scenario)


def test_each_session_publishes_to_the_router_of_its_shard() -> None:
    async def scenario(fixture: HostFixture) -> None:
        names = [f"s{number}" for number in range(20)]
        await fixture.host.open(names, 1, ECHO)
        for name in names:
            fixture.tell(name, rc.UserMessage.of("hi"))
        await asyncio.sleep(10)

        for shard, segments in enumerate(fixture.published):
            assert {segment.session_id for segment in segments} == {
                name for name in names if shard_of(name, 3) == shard
            }
            assert {segment.epoch for segment in segments} == {1}

    run_with_host(scenario, routers=3)


def test_a_stuck_session_delays_no_other_session() -> None:
    async def scenario(fixture: HostFixture) -> None:
        await fixture.host.open(["stuck"], 1, HANGS)
        await fixture.host.open(["quick"], 1, ECHO)
        fixture.tell("stuck", rc.UserMessage.of("hi"))
        fixture.tell("quick", rc.UserMessage.of("hi"))

        await asyncio.sleep(1)

        assert fixture.host.status(("stuck", 1)).state is State.REQUESTING
        assert fixture.host.status(("quick", 1)).state is State.IDLE
        assert len(fixture.host.history(("quick", 1))) == 2

    run_with_host(scenario)


def test_nothing_meant_for_another_session_with_the_same_id_reaches_it() -> None:
    async def scenario(fixture: HostFixture) -> None:
        host = fixture.host
        await host.open(["a"], 2, ECHO)

        for key in (("a", 1), ("a", 3)):
            for call in (host.status, host.history, host.settings):
                with pytest.raises(UnknownSession):
                    call(key)
            with pytest.raises(UnknownSession):
                host.tell(key, msgspec.msgpack.encode(rc.Interrupt()))
            with pytest.raises(UnknownSession):
                await host.close(key, drain=False)
            (outcome,) = await host.close_all([key], drain=False)
            assert isinstance(outcome, UnknownSession)

        assert host.status(("a", 2)).state is State.IDLE

    run_with_host(scenario)
