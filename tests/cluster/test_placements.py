"""Placements: which sessions share an actor, how long actors live, and what is left of a namespace."""

import asyncio
import uuid
from collections.abc import Iterator

import msgspec
import pytest
from fixtures.named_actors import actor_names, host_name, wait_until
from fixtures.processes import running
from fixtures.rejections import kill_session_actor

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import NoRoom, SessionDied
from rayconteur.runtime import DeathReason, Died

SESSION_ACTOR = "_SessionActor"
ECHO = rc.SessionConfig(provider=rc.Scripted())


def packed_actors(namespace: str) -> set[str]:
    """The names of the actors of packed sessions."""
    return {name for name in actor_names(namespace) if name.startswith("_host-")}


@pytest.fixture(scope="module")
def namespace() -> str:
    """A namespace in which no other file has sessions or actors."""
    return f"placements-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def runtime(ray_address: str, namespace: str) -> Iterator[blocking.Runtime]:
    """A runtime in that namespace."""
    del ray_address
    options = rc.RuntimeOptions(namespace=namespace, journal=rc.runtime.NoJournal())
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        yield runtime


def test_each_dedicated_session_has_its_own_process_which_ends_with_it(
    runtime: blocking.Runtime, namespace: str
) -> None:
    before = running(SESSION_ACTOR)
    first, second = runtime.spawn_many(ECHO, ["first", "second"], rc.Dedicated())
    started = running(SESSION_ACTOR) - before
    assert len(started) == 2
    hosts = {session.id: host_name(session.id, namespace) for session in (first, second)}
    assert set(hosts.values()) <= actor_names(namespace)

    first.close()
    asyncio.run(wait_until(lambda: sum(process.is_running() for process in started) == 1))

    assert second.ask("still there?").answer().text == "still there?"
    assert hosts["first"] not in actor_names(namespace)


def test_packed_sessions_share_actors_and_a_further_actor_is_started_when_they_are_full(
    runtime: blocking.Runtime, namespace: str
) -> None:
    few = rc.Packed(actors=1, sessions_per_actor=3)

    sessions = runtime.spawn_many(ECHO, 3, few)
    assert len(packed_actors(namespace)) == 1
    sessions += runtime.spawn_many(ECHO, 2, few)
    assert len(packed_actors(namespace)) == 2

    assert [session.ask(session.id).answer().text for session in sessions] == [session.id for session in sessions]


def test_more_sessions_than_the_actors_have_room_for_are_refused(runtime: blocking.Runtime, namespace: str) -> None:
    runtime.spawn_many(ECHO, 4, rc.Packed(actors=2))
    actors = len(packed_actors(namespace))
    full = rc.Packed(actors=actors, max_actors=actors, sessions_per_actor=1)

    with pytest.raises(NoRoom, match="max_actors"):
        runtime.spawn(ECHO, placement=full)
    room = msgspec.structs.replace(full, sessions_per_actor=1_000)
    assert runtime.spawn(ECHO, placement=room).ask("hello").answer().text == "hello"  # the current numbers count

    assert len(packed_actors(namespace)) == actors


def test_packed_actors_that_died_are_replaced(runtime: blocking.Runtime, namespace: str) -> None:
    session = runtime.spawn(ECHO, "one")
    for name in packed_actors(namespace):
        kill_session_actor(name, namespace)

    with pytest.raises(SessionDied):
        session.status()
    again = runtime.spawn(ECHO, "one")

    assert again.ask("hello").answer().text == "hello"


def test_a_runtime_leaves_no_actor_behind_and_another_may_start_at_once(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        for _ in range(2):
            async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
                session = await runtime.spawn(ECHO, "same")
                assert (await session.ask("hello").answer()).text == "hello"
        await wait_until(lambda: not actor_names(options.namespace))

    asyncio.run(main())


def test_a_joining_runtime_ends_only_its_own_sessions(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            mine = await runtime.spawn(ECHO, "mine")
            async with rc.Runtime(options=options, placement=rc.Packed()) as joined:
                await joined.spawn(ECHO, "theirs")
                reader = (await runtime.session("theirs")).events()

            event = await anext(reader)
            assert isinstance(event, Died)
            assert event.reason is DeathReason.DRIVER_GONE
            assert [status.id for status in await runtime.sessions()] == ["mine"]
            assert (await mine.ask("hello").answer()).text == "hello"

    asyncio.run(main())


def test_a_joined_runtime_is_undisturbed_when_the_runtime_that_started_the_namespace_is_left(
    options: rc.RuntimeOptions,
) -> None:
    async def main() -> None:
        runtime = rc.Runtime(options=options)
        await runtime.__aenter__()
        async with rc.Runtime(options=options, placement=rc.Packed()) as joined:
            session = await joined.spawn(ECHO)
            reader = session.events()
            await runtime.__aexit__(None, None, None)

            assert (await session.ask("hello").answer()).text == "hello"
            assert (await anext(reader)).seq == 1
            assert (await (await joined.spawn(ECHO)).ask("hello").answer()).text == "hello"
            assert len(await joined.sessions()) == 2
        await wait_until(lambda: not actor_names(options.namespace))

    asyncio.run(main())


def test_detached_sessions_outlive_their_driver_can_be_resumed_and_leave_no_actor_behind(
    options: rc.RuntimeOptions,
) -> None:
    detached = msgspec.structs.replace(options, detached=True)

    async def main() -> None:
        async with rc.Runtime(options=detached, warm=1) as runtime:
            alone = await runtime.spawn(ECHO, "alone")
            packed = await runtime.spawn(ECHO, "packed", rc.Packed())
            for session in (alone, packed):
                await session.ask("before").answer()
        await wait_until(lambda: len(actor_names(detached.namespace)) == 4)  # directory, router, and an actor each

        async with rc.Runtime(options=detached) as runtime:
            for name in ("alone", "packed"):
                session = await runtime.session(name)
                reader = session.events(after=4)
                assert (await session.ask("after").answer()).text == "after"
                await session.close()
                assert [event.seq async for event in reader] == [5, 6, 7, 8, 9, 10, 11]
        await wait_until(lambda: not actor_names(detached.namespace))

    asyncio.run(main())
