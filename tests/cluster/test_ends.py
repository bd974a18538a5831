"""Closed sessions, dead actors and runtimes that were left: every call raises the error that says which."""

import asyncio
from collections.abc import Callable

import pytest
from fixtures.rejections import ECHO, kill_session_actor, rejected, scripted, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import RayUnreachable, RuntimeClosed, SessionClosed, SessionDied, UnknownSession
from rayconteur.runtime import Placement
from rayconteur.scripted import Say, Wait

CALLS: list[Callable[[blocking.SessionHandle], object]] = [
    lambda session: session.ask("hi").answer(),
    lambda session: list(session.ask("hi")),
    lambda session: session.retry().answer(),
    lambda session: session.send(rc.UserMessage.of("hi")),
    lambda session: session.interrupt(),
    lambda session: session.clear(),
    lambda session: session.compact(),
    lambda session: session.configure(rc.Configure(system="short")),
    lambda session: session.settings(),
    lambda session: session.status(),
    lambda session: session.history(),
]


@pytest.mark.parametrize("placement", [rc.Packed(), rc.Dedicated()], ids=["packed", "dedicated"])
def test_every_call_on_a_closed_session_raises_session_closed(runtime: blocking.Runtime, placement: Placement) -> None:
    session = runtime.spawn(ECHO, placement=placement)
    session.close()

    for call in CALLS:
        with rejected(SessionClosed, session.id):
            call(session)
    with rejected(UnknownSession, session.id):
        runtime.session(session.id)


@pytest.mark.parametrize("placement", [rc.Packed(), rc.Dedicated()], ids=["packed", "dedicated"])
def test_closing_a_session_again_does_nothing(runtime: blocking.Runtime, placement: Placement) -> None:
    name = f"again-{type(placement).__name__}"
    session = runtime.spawn(ECHO, name, placement=placement)
    other = runtime.session(name)
    session.close()

    session.close()
    session.close(drain=True)
    other.close()

    later = runtime.spawn(ECHO, name, placement=placement)
    session.close()
    assert still_answers(later)


def test_every_call_on_a_session_whose_actor_died_raises_session_died(
    runtime: blocking.Runtime, namespace: str
) -> None:
    session = runtime.spawn(ECHO, "dead", rc.Dedicated())
    kill_session_actor(session.id, namespace)

    for call in CALLS:
        with rejected(SessionDied, "dead", "spawn it again"):
            call(session)
    with rejected(UnknownSession, "dead"):
        runtime.session("dead")


def test_an_actor_that_dies_during_an_answer_affects_only_its_own_session(
    runtime: blocking.Runtime, namespace: str, session: blocking.SessionHandle
) -> None:
    doomed = runtime.spawn(scripted((Say("so far"), Wait())), "doomed", rc.Dedicated())
    events: list[rc.FromLLM] = []

    with rejected(SessionDied, "doomed", "spawn it again"):
        for event in doomed.ask("hi"):
            events.append(event)
            if isinstance(event, rc.TextChunk):
                kill_session_actor(doomed.id, namespace)

    assert [type(event) for event in events] == [rc.TurnStarted, rc.StreamStarted, rc.TextChunk]
    with rejected(SessionDied, "doomed"):
        doomed.status()
    assert still_answers(session)
    assert still_answers(runtime.spawn(ECHO, "doomed", rc.Dedicated()))


def test_an_old_handle_does_not_reach_a_later_session_with_its_id(runtime: blocking.Runtime, namespace: str) -> None:
    earlier = runtime.spawn(ECHO, "later", rc.Dedicated())
    kill_session_actor(earlier.id, namespace)
    later = runtime.spawn(ECHO, "later", rc.Dedicated())

    with rejected(SessionDied, "later"):
        earlier.status()

    assert still_answers(later)
    assert still_answers(runtime.session("later"))


def test_closing_sessions_together_does_nothing_to_the_one_that_had_ended(ray_address: str, namespace: str) -> None:
    async def main() -> None:
        async with rc.Runtime(ray_address, options=rc.RuntimeOptions(namespace=namespace)) as runtime:
            names = [f"raven-{number}" for number in range(50)]
            sessions = await runtime.spawn_many(ECHO, names, rc.Packed())
            await sessions[7].close()
            await sessions[8].send(rc.UserMessage.of("hi"))

            await asyncio.gather(*(each.close() for each in sessions))

            assert len(await runtime.spawn_many(ECHO, names, rc.Packed())) == len(names)  # the ids are free

    asyncio.run(main())


def test_closing_a_session_does_not_wait_for_one_that_drains(ray_address: str, namespace: str) -> None:
    async def main() -> None:
        async with rc.Runtime(ray_address, options=rc.RuntimeOptions(namespace=namespace)) as runtime:
            config = scripted((Say("so far"), Wait()))
            busy, other = await runtime.spawn_many(config, 2, rc.Packed())
            await busy.send(rc.UserMessage.of("hi"))
            draining = asyncio.create_task(busy.close(drain=True))

            await other.close()

            assert not draining.done()
            await busy.interrupt()
            await draining

    asyncio.run(main())


def test_every_call_after_the_runtime_was_left_raises_runtime_closed(ray_address: str) -> None:
    del ray_address
    with blocking.Runtime(placement=rc.Packed()) as runtime:
        session = runtime.spawn(ECHO)

    for call in CALLS:
        with rejected(RuntimeClosed, "left"):
            call(session)
    with rejected(RuntimeClosed, "left"):
        runtime.sessions()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "no address"])
def test_a_process_that_is_connected_to_one_cluster_cannot_connect_to_another(ray_address: str, address: str) -> None:
    with rejected(RayUnreachable, ray_address, address), blocking.Runtime(address):
        pass


def test_a_process_may_connect_again_to_its_own_cluster(
    ray_address: str, namespace: str, session: blocking.SessionHandle
) -> None:
    port = ray_address.rpartition(":")[2]

    for address in (ray_address, f"127.0.0.1:{port}", f"localhost:{port}", "auto"):
        with blocking.Runtime(address, options=rc.RuntimeOptions(namespace=namespace)) as runtime:
            assert runtime.session(session.id).id == session.id
