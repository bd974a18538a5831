"""A host with many sessions: nothing blocks its event loop, and what has ended is freed at once."""

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from checkers.loop_watch import watched_loop

import rayconteur as rc
from rayconteur.errors import UnknownSession
from rayconteur.runtime.session.garbage import SessionFreezer
from rayconteur.runtime.session.host import Host, SessionKey
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.runtime.session.session import Session
from rayconteur.scripted import Call, Fail, Say, Script, Wait

STALL_S = 0.02
FEW, MANY = 20, 4_000
CALL_SESSIONS = 200
ECHO = rc.SessionConfig(provider=rc.Scripted())
HI = msgspec.msgpack.encode(rc.UserMessage.of("hi"))


class Node:
    """Part of a cycle."""

    next: "Node | None" = None


async def publish(data: bytes) -> None:
    await asyncio.sleep(0)


async def on_end(session_ids: dict[str, int]) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def running_host(on_end: Callable[[dict[str, int]], Awaitable[None]] = on_end) -> AsyncGenerator[Host, None]:
    host = Host([publish], on_end, ClientPool())
    publishing = asyncio.create_task(host.run())
    yield host
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Reference counts alone free objects."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def keys(count: int) -> list[SessionKey]:
    return [(session_id, 1) for session_id in ids(count)]


def ids(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


def is_frozen(node: Node) -> bool:
    return not any(each is node for each in gc.get_objects())


async def objects_at_rest() -> int:
    """How many objects the garbage collector knows, once their number falls no more."""
    count = 1 << 62
    while True:
        await asyncio.sleep(0.2)
        gc.collect()
        before, count = count, len(gc.get_objects())
        if count >= before:
            return count


def open_sessions() -> int:
    return sum(isinstance(each, Session) for each in gc.get_objects())


@pytest.mark.usefixtures("no_collection")
def test_opening_and_closing_many_sessions_stalls_nobody() -> None:
    async def main() -> None:
        async with running_host() as host:
            await host.open(["other"], 1, ECHO)
            async with watched_loop() as watch:
                await host.open(ids(MANY), 1, ECHO)
                assert await host.close_all(keys(MANY), drain=False) == [None] * MANY

            assert watch.longest_s < STALL_S
            assert len(host) == 1

    asyncio.run(main())


@pytest.mark.usefixtures("no_collection")
def test_many_calls_that_open_sessions_at_once_stall_nobody() -> None:
    async def main() -> None:
        async with running_host() as host:
            await host.open(["other"], 1, ECHO)
            names = ids(2 * MANY)
            calls = [names[start : start + CALL_SESSIONS] for start in range(0, len(names), CALL_SESSIONS)]
            async with watched_loop() as watch:
                await asyncio.gather(*(host.open(call, 1, ECHO) for call in calls))

            assert watch.longest_s < STALL_S
            assert len(host) == 2 * MANY + 1

    asyncio.run(main())


def test_the_ends_of_many_sessions_share_a_few_calls() -> None:
    calls: list[list[str]] = []

    async def on_end(session_ids: dict[str, int]) -> None:
        calls.append(list(session_ids))
        await asyncio.sleep(0.01)  # as long as a call to the directory may take

    async def main() -> None:
        async with running_host(on_end) as host:
            await host.open(ids(MANY), 1, ECHO)
            await host.close_all(keys(MANY), drain=False)

    asyncio.run(main())

    assert sorted(each for call in calls for each in call) == sorted(ids(MANY))
    assert len(calls) < MANY / 200


def test_each_session_that_cannot_be_closed_gets_its_error() -> None:
    async def main() -> None:
        async with running_host() as host:
            await host.open(["a", "b"], 1, ECHO)

            first, ghost, last = await host.close_all([("a", 1), ("ghost", 1), ("b", 1)], drain=False)

            assert first is last is None
            assert isinstance(ghost, UnknownSession)
            assert len(host) == 0

    asyncio.run(main())


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize(
    "script",
    [
        Script(),
        Script(answers=((Fail(code="overloaded"),), (Say(text="at last"),))),
        Script(answers=((Fail(code="authentication_failed"),),)),
        Script(answers=((Call(name="look"),),)),
        Script(answers=((Say(text="one moment"), Wait()),)),
    ],
    ids=["answered", "retried", "failed", "tools out", "interrupted"],
)
def test_a_closed_session_is_freed_without_the_garbage_collector(script: Script) -> None:
    config = rc.SessionConfig(provider=rc.Scripted(script=script), retry=rc.RetryPolicy(first_delay_s=0.001))

    async def main() -> None:
        async with running_host() as host:
            before = open_sessions()
            await host.open(ids(FEW), 1, config)
            for key in keys(FEW):
                host.tell(key, HI)
            await asyncio.sleep(0.05)

            await host.close_all(keys(FEW), drain=False)
            await asyncio.sleep(0)

            assert open_sessions() == before

    asyncio.run(main())


def test_an_idle_session_has_few_objects_for_the_garbage_collector() -> None:
    async def main() -> None:
        async with running_host() as host:
            await host.open(["first"], 1, ECHO)
            gc.collect()
            before = Counter(type(each).__name__ for each in gc.get_objects())

            await host.open(ids(1_000), 1, ECHO)

            after = Counter(type(each).__name__ for each in gc.get_objects())
            assert sum((after - before).values()) / 1_000 < 12

    asyncio.run(main())


def test_a_turn_leaves_few_objects_for_the_garbage_collector() -> None:
    async def main() -> None:
        async with running_host() as host:
            await host.open(ids(500), 1, ECHO)
            tracked: list[int] = []
            for _ in range(2):
                gc.collect()
                tracked.append(len(gc.get_objects()))
                for key in keys(500):
                    host.tell(key, HI)
                await objects_at_rest()
                assert not any(host.status(key).turn for key in keys(500))

            assert (await objects_at_rest() - tracked[-1]) / 500 < 1

    asyncio.run(main())


@pytest.mark.usefixtures("no_collection")
def test_frozen_sessions_are_freed_when_they_end_and_older_garbage_is_not_frozen() -> None:
    thresholds = gc.get_threshold()

    async def main() -> None:
        async with running_host() as host:
            freezer = SessionFreezer()
            garbage = Node()
            garbage.next = garbage
            left = weakref.ref(garbage)
            del garbage
            await host.open(ids(1_000), 1, ECHO)

            freezer.on_opened(1_000)

            frozen = gc.get_freeze_count()
            assert open_sessions() == 0  # get_objects() does not list what is frozen
            assert left() is None

            await host.close_all(keys(1_000), drain=False)
            await asyncio.sleep(0)

            assert gc.get_freeze_count() <= frozen - 9_000

    try:
        asyncio.run(main())
    finally:
        gc.set_threshold(*thresholds)


def test_a_few_sessions_are_frozen_after_a_moment() -> None:
    thresholds = gc.get_threshold()

    async def main() -> None:
        freezer = SessionFreezer()
        session = Node()
        freezer.on_opened(1)
        freezer.on_opened(1)
        assert not is_frozen(session)

        await asyncio.sleep(0.6)

        assert is_frozen(session)

    try:
        asyncio.run(main())
    finally:
        gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("no_collection")
def test_what_a_process_has_loaded_is_frozen_without_a_collection() -> None:
    thresholds, collections = gc.get_threshold(), gc.get_stats()[2]["collections"]
    module = Node()
    assert not is_frozen(module)

    SessionFreezer()

    gc.set_threshold(*thresholds)
    assert is_frozen(module)
    assert gc.get_stats()[2]["collections"] == collections
