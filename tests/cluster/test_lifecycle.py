"""Sessions, actors and routers: what is started ends, ended names are free, and a restarted router resumes."""

import asyncio

import msgspec
import psutil
import pytest
import ray
from fixtures.named_actors import actor_names, host_name, kill, loaded_modules, process_id, wait_until
from fixtures.processes import running

import rayconteur as rc
from rayconteur.errors import UnknownSession
from rayconteur.scripted import Say, Script

SESSION_ACTOR = "_SessionActor"
ECHO = rc.SessionConfig(provider=rc.Scripted())
STREAMS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say("raven " * 100),),), tokens_per_s=100)))


def warm_names(namespace: str) -> set[str]:
    """The names of actors that were started as idle ones."""
    return {name for name in actor_names(namespace) if name.startswith("_warm-")}


def dedicated_actors(namespace: str) -> set[str]:
    """The names of the actors that were started for one session."""
    return {name for name in actor_names(namespace) if name.startswith("_session-")}


def test_a_dedicated_session_has_its_own_actor_and_its_id_is_free_when_it_ends(
    joining: rc.RuntimeOptions,
) -> None:
    before = dedicated_actors(joining.namespace)

    async def main() -> None:
        async with rc.Runtime(options=joining) as runtime:
            for _ in range(2):
                session = await runtime.spawn(ECHO, "huginn")
                assert len(dedicated_actors(joining.namespace) - before) == 1
                assert (await session.ask("hello").answer()).text == "hello"

                await session.close()
                assert await runtime.sessions() == []
                with pytest.raises(UnknownSession):
                    await runtime.session("huginn")

    asyncio.run(main())


def test_a_dedicated_session_takes_a_warm_actor(joining: rc.RuntimeOptions) -> None:
    before = dedicated_actors(joining.namespace)

    async def main() -> None:
        async with rc.Runtime(options=joining, warm=1) as runtime:
            warm = warm_names(joining.namespace)
            session = await runtime.spawn(ECHO, "huginn")

            assert (await session.ask("hello").answer()).text == "hello"
            assert not dedicated_actors(joining.namespace) - before
            assert (await (await runtime.session("huginn")).status()).turns == 1
            await wait_until(lambda: len(warm_names(joining.namespace) - warm) == 1)  # the one that replaces it

    asyncio.run(main())


def test_warm_actors_of_a_provider_have_loaded_it_and_serve_its_sessions_only(joining: rc.RuntimeOptions) -> None:
    claude = rc.SessionConfig(provider=rc.Anthropic(model="claude-x", api_key="k", base_url="http://127.0.0.1:1"))

    async def main() -> None:
        async with rc.Runtime(options=joining, warm={"anthropic": 1}) as runtime:
            [warm] = warm_names(joining.namespace)
            modules = await asyncio.to_thread(loaded_modules, warm, joining.namespace)
            await runtime.spawn(ECHO, "huginn")
            assert await asyncio.to_thread(host_name, "huginn", joining.namespace) != warm
            await runtime.spawn(claude, "muninn")
            assert await asyncio.to_thread(host_name, "muninn", joining.namespace) == warm
            assert {"httptools", "rayconteur.providers.anthropic.client"} <= modules
            assert not modules & {"anthropic", "aiohttp", "rayconteur.providers.openai.client"}

    asyncio.run(main())


def test_a_warm_actor_that_has_died_does_not_fail_the_next_spawn(joining: rc.RuntimeOptions) -> None:
    before = dedicated_actors(joining.namespace)

    async def main() -> None:
        async with rc.Runtime(options=joining, warm=1) as runtime:
            [warm] = warm_names(joining.namespace)
            await asyncio.to_thread(lambda: kill(process_id(warm, joining.namespace)))

            session = await runtime.spawn(ECHO, "huginn")

            assert (await session.ask("hello").answer()).text == "hello"
            assert len(dedicated_actors(joining.namespace) - before) == 1

    asyncio.run(main())


def test_a_runtime_that_was_left_replaces_no_warm_actor(joining: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=joining, warm=1) as runtime:
            await runtime.spawn(ECHO)

        await asyncio.sleep(0.3)
        assert not warm_names(joining.namespace)

    asyncio.run(main())


def test_leaving_a_runtime_ends_its_sessions(joining: rc.RuntimeOptions) -> None:
    async def main() -> set[psutil.Process]:
        before = running(SESSION_ACTOR)  # of this process: others have a Ray of their own
        async with rc.Runtime(options=joining) as runtime:
            await runtime.spawn_many(ECHO, 2)
            started = running(SESSION_ACTOR) - before
            assert len(started) == 2
        return started

    assert not psutil.wait_procs(asyncio.run(main()), timeout=20)[1]


def test_a_router_that_dies_is_restarted_and_readers_continue(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(STREAMS)
            await session.send(rc.UserMessage.of("speak"))
            last = 0
            async for event in session.events():
                assert event.seq == (event.last if isinstance(event, rc.Missed) else last + 1)
                assert not isinstance(event, rc.Missed) or event.first == last + 1
                last = event.seq
                if last == 10:
                    ray.kill(ray.get_actor("_router-0", namespace=options.namespace), no_restart=False)
                if isinstance(event, rc.Completed):
                    break

            assert (await session.status()).last_seq == last
            assert (await session.ask("speak again").answer()).text == "raven " * 100

    asyncio.run(main())


def test_events_are_sharded_over_all_routers(options: rc.RuntimeOptions) -> None:
    sharded = msgspec.structs.replace(options, routers=2)

    async def main() -> None:
        async with rc.Runtime(options=sharded, placement=rc.Packed()) as runtime:
            everything = runtime.events(after=0)
            sessions = await runtime.spawn_many(ECHO, [f"session-{number}" for number in range(10)])
            answers = await asyncio.gather(*(session.ask(session.id).answer() for session in sessions))
            ended: set[str] = set()
            async for event in everything:
                if isinstance(event, rc.Completed):
                    ended.add(event.session_id)
                if len(ended) == len(sessions):
                    break

            assert {"_router-0", "_router-1"} <= actor_names(sharded.namespace)
            assert [answer.text for answer in answers] == [session.id for session in sessions]

    asyncio.run(main())


def test_a_second_driver_reads_from_any_position_and_sends_messages(joining: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=joining, placement=rc.Packed()) as one, rc.Runtime(options=joining) as two:
            first = await one.spawn(ECHO, "shared")
            await first.ask("first").answer()
            seq = (await first.status()).last_seq
            second = await two.session("shared")
            reader = second.events(after=seq)

            await first.ask("second").answer()
            assert (await second.ask("third").answer()).text == "third"

            seqs = [(await anext(reader)).seq for _ in range(4)]
            assert seqs == list(range(seq + 1, seq + 5))
            assert [status.turns for status in await two.sessions()] == [3]

    asyncio.run(main())
