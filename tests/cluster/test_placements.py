"""Where sessions live, how long their actors do, and what is left of a namespace."""

import asyncio
from collections.abc import Callable

import msgspec
import psutil
import pytest
from fixtures.named_actors import actor_names
from fixtures.refusals import kill_session_actor

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import RuntimeClosed, SessionDied

ECHO = rc.SessionConfig(provider=rc.Scripted())


def hosts(namespace: str) -> set[str]:
    """The actors of packed sessions."""
    return {name for name in actor_names(namespace) if name.startswith("_host-")}


def processes() -> set[psutil.Process]:
    """The processes of session actors under this one."""
    running = psutil.Process().children(recursive=True)
    return {process for process in running if "_SessionActor" in " ".join(process.cmdline())}


async def until(done: Callable[[], bool]) -> None:
    """Come back when it is *done*."""
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110  what ends by itself says nothing
            await asyncio.sleep(0.05)


def test_dedicated_sessions_have_a_process_each_which_ends_with_them(runtime: blocking.Runtime, namespace: str) -> None:
    before = processes()
    first, second = runtime.spawn_many(ECHO, ["first", "second"], rc.Dedicated())
    ours = processes() - before
    assert len(ours) == 2
    assert {"first", "second"} <= actor_names(namespace)

    first.close()
    asyncio.run(until(lambda: sum(process.is_running() for process in ours) == 1))

    assert second.ask("still there?").answer().text == "still there?"
    assert "first" not in actor_names(namespace)


def test_packed_sessions_share_actors_and_one_more_is_started_when_they_are_full(
    runtime: blocking.Runtime, namespace: str
) -> None:
    few = rc.Packed(actors=1, sessions_per_actor=3)

    sessions = runtime.spawn_many(ECHO, 3, few)
    assert len(hosts(namespace)) == 1
    sessions += runtime.spawn_many(ECHO, 2, few)
    assert len(hosts(namespace)) == 2

    assert [session.ask(session.id).answer().text for session in sessions] == [session.id for session in sessions]


def test_packed_actors_that_died_are_replaced(runtime: blocking.Runtime, namespace: str) -> None:
    session = runtime.spawn(ECHO, "one")
    for host in hosts(namespace):
        kill_session_actor(host, namespace)

    with pytest.raises(SessionDied):
        session.status()
    again = runtime.spawn(ECHO, "one")

    assert again.ask("hello").answer().text == "hello"


def test_nothing_is_left_when_the_runtime_is_left_and_another_may_come_at_once(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        for _ in range(2):
            async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
                session = await runtime.spawn(ECHO, "same")
                assert (await session.ask("hello").answer()).text == "hello"
        await until(lambda: not actor_names(options.namespace))

    asyncio.run(main())


def test_who_joins_ends_only_what_is_its_own(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            mine = await runtime.spawn(ECHO, "mine")
            async with rc.Runtime(options=options, placement=rc.Packed()) as guest:
                await guest.spawn(ECHO, "theirs")
                reader = (await runtime.session("theirs")).events()

            with pytest.raises(SessionDied):
                await anext(reader)
            assert [status.id for status in await runtime.sessions()] == ["mine"]
            assert (await mine.ask("hello").answer()).text == "hello"

    asyncio.run(main())


def test_who_joined_is_told_that_the_runtime_that_began_was_left(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        runtime = rc.Runtime(options=options)
        await runtime.__aenter__()
        async with rc.Runtime(options=options, placement=rc.Packed()) as guest:
            session = await guest.spawn(ECHO)
            reader = session.events()
            await runtime.__aexit__(None, None, None)

            for call in (lambda: anext(reader), lambda: guest.spawn(ECHO), guest.sessions):
                with pytest.raises(RuntimeClosed, match="enter a runtime again"):
                    await call()
            await session.close()

    asyncio.run(main())


def test_detached_sessions_live_on_and_are_read_on_and_nothing_is_left_when_they_ended(
    options: rc.RuntimeOptions,
) -> None:
    detached = msgspec.structs.replace(options, detached=True)

    async def main() -> None:
        async with rc.Runtime(options=detached, warm=1) as runtime:
            alone = await runtime.spawn(ECHO, "alone")
            packed = await runtime.spawn(ECHO, "packed", rc.Packed())
            for session in (alone, packed):
                await session.ask("before").answer()
        await until(lambda: len(actor_names(detached.namespace)) == 4)  # directory, router, and an actor each

        async with rc.Runtime(options=detached) as runtime:
            for name in ("alone", "packed"):
                session = await runtime.session(name)
                reader = session.events(after=4)
                assert (await session.ask("after").answer()).text == "after"
                await session.close()
                assert [event.seq async for event in reader] == [5, 6, 7, 8, 9, 10, 11]
        await until(lambda: not actor_names(detached.namespace))

    asyncio.run(main())
