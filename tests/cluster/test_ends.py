"""Sessions that have ended, actors that have died, runtimes that were left: every call says which."""

import asyncio
from collections.abc import Callable

import pytest
from fixtures.refusals import ECHO, kill_session_actor, refused, scripted, still_answers

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
    lambda session: session.status(),
    lambda session: session.history(),
    lambda session: session.close(),
]


@pytest.mark.parametrize("placement", [rc.Packed(), rc.Dedicated()], ids=["packed", "dedicated"])
def test_every_call_on_a_closed_session_says_that_it_is_closed(runtime: blocking.Runtime, placement: Placement) -> None:
    session = runtime.spawn(ECHO, placement=placement)
    session.close()

    for call in CALLS:
        with refused(SessionClosed, session.id):
            call(session)
    with refused(UnknownSession, session.id):
        runtime.session(session.id)


def test_every_call_on_a_session_whose_actor_died_says_that_it_died(runtime: blocking.Runtime, namespace: str) -> None:
    session = runtime.spawn(ECHO, "dead", rc.Dedicated())
    kill_session_actor(session.id, namespace)

    for call in CALLS:
        with refused(SessionDied, "dead", "spawn it again"):
            call(session)
    with refused(UnknownSession, "dead"):
        runtime.session("dead")


def test_an_actor_that_dies_in_mid_answer_takes_only_its_own_session_along(
    runtime: blocking.Runtime, namespace: str, session: blocking.SessionHandle
) -> None:
    doomed = runtime.spawn(scripted((Say("so far"), Wait())), "doomed", rc.Dedicated())
    heard: list[rc.FromLLM] = []

    with refused(SessionDied, "doomed", "spawn it again"):
        for event in doomed.ask("hi"):
            heard.append(event)
            if isinstance(event, rc.TextChunk):
                kill_session_actor(doomed.id, namespace)

    assert [type(event) for event in heard] == [rc.TurnStarted, rc.StreamStarted, rc.TextChunk]
    with refused(SessionDied, "doomed"):
        doomed.status()
    assert still_answers(session)
    assert still_answers(runtime.spawn(ECHO, "doomed", rc.Dedicated()))


def test_an_old_handle_does_no_harm_to_the_session_that_has_its_id(runtime: blocking.Runtime, namespace: str) -> None:
    before = runtime.spawn(ECHO, "heir", rc.Dedicated())
    kill_session_actor(before.id, namespace)
    heir = runtime.spawn(ECHO, "heir", rc.Dedicated())

    with refused(SessionDied, "heir"):
        before.status()

    assert still_answers(heir)
    assert still_answers(runtime.session("heir"))


def test_of_sessions_that_are_closed_together_only_the_one_that_had_ended_is_refused(
    ray_address: str, namespace: str
) -> None:
    async def main() -> None:
        async with rc.Runtime(ray_address, options=rc.RuntimeOptions(namespace=namespace)) as runtime:
            names = [f"raven-{number}" for number in range(50)]
            sessions = await runtime.spawn_many(ECHO, names, rc.Packed())
            await sessions[7].close()
            await sessions[8].send(rc.UserMessage.of("hi"))

            refusals = await asyncio.gather(*(each.close() for each in sessions), return_exceptions=True)

            assert [type(refusal) for refusal in refusals if refusal] == [SessionClosed]
            assert isinstance(refusals[7], SessionClosed)
            assert len(await runtime.spawn_many(ECHO, names, rc.Packed())) == len(names)  # the ids are free

    asyncio.run(main())


def test_who_is_closed_at_once_waits_for_nobody_who_may_finish(ray_address: str, namespace: str) -> None:
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


def test_every_call_after_the_runtime_was_left_says_so(ray_address: str) -> None:
    del ray_address
    with blocking.Runtime(placement=rc.Packed()) as runtime:
        session = runtime.spawn(ECHO)

    for call in CALLS:
        with refused(RuntimeClosed, "left"):
            call(session)
    with refused(RuntimeClosed, "left"):
        runtime.sessions()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "no address"])
def test_a_process_that_has_joined_one_ray_is_not_taken_to_another(ray_address: str, address: str) -> None:
    with refused(RayUnreachable, ray_address, address), blocking.Runtime(address):
        pass


def test_a_process_may_join_again_where_it_is(
    ray_address: str, namespace: str, session: blocking.SessionHandle
) -> None:
    port = ray_address.rpartition(":")[2]

    for address in (ray_address, f"127.0.0.1:{port}", f"localhost:{port}", "auto"):
        with blocking.Runtime(address, options=rc.RuntimeOptions(namespace=namespace)) as runtime:
            assert runtime.session(session.id).id == session.id
