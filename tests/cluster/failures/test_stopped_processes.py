"""Processes that are stopped (SIGSTOP): calls to them fail in time with an error that says so; nobody else waits."""

import asyncio
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager

import msgspec
import pytest
from fixtures.named_actors import host_name, kill, process_id

import rayconteur as rc
from rayconteur.errors import DirectoryUnreachable, SessionDied, SessionExists, Unreachable
from rayconteur.runtime import Died
from rayconteur.runtime.events.segments import shard_of
from rayconteur.scripted import Say, Script, Wait

ECHO = rc.SessionConfig(provider=rc.Scripted())
HANGS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Wait(),),))))
DEADLINE_S = 1.0
DEATH_S = 10.0
PROMPTLY_S = 3 * DEADLINE_S


@contextmanager
def stopped(actor: str, namespace: str) -> Generator[None]:
    """Stops the process of an actor, and continues it."""
    pid = process_id(actor, namespace)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def answer_of(session: rc.SessionHandle) -> str:
    return (await session.ask("are you there?").answer()).text


def test_a_stopped_actor_is_reported_and_nobody_else_waits(options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=DEADLINE_S)

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            other = await runtime.spawn(ECHO, "other", rc.Packed())
            silent = await runtime.spawn(ECHO, "silent")
            assert await answer_of(silent) == "are you there?"
            host = await asyncio.to_thread(host_name, "silent", options.namespace)

            with stopped(host, options.namespace):
                async with asyncio.timeout(PROMPTLY_S):
                    sessions = await runtime.sessions()
                    assert [status.id for status in sessions] == ["other"]
                    assert sessions.unreachable == {host: ["silent"]}
                calls = (silent.status(), silent.send(rc.UserMessage.of("hi")), silent.close())
                async with asyncio.timeout(PROMPTLY_S):
                    errors = await asyncio.gather(*calls, runtime.spawn(ECHO, "silent"), return_exceptions=True)
                assert [type(error) for error in errors] == [Unreachable] * 3 + [SessionExists]
                assert [host in str(error) for error in errors[:3]] == [True] * 3
                async with asyncio.timeout(DEADLINE_S):
                    assert await answer_of(other) == "are you there?"

            assert (await runtime.sessions()).unreachable == {}

    asyncio.run(main())


@pytest.mark.chaos
def test_calls_fail_in_time_while_the_directory_is_stopped_and_sessions_continue(options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=DEADLINE_S)

    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO)
            dies = await runtime.spawn(HANGS, "dies", rc.Dedicated())
            asking = asyncio.create_task(answer_of(dies))
            await anext(dies.events())
            victim = await asyncio.to_thread(process_of, "dies", options.namespace)

            with stopped("_directory", options.namespace):
                await asyncio.to_thread(kill, victim)
                async with asyncio.timeout(PROMPTLY_S):
                    with pytest.raises(DirectoryUnreachable, match="try again later"):
                        await asking
                calls = (runtime.sessions(), runtime.spawn(ECHO), runtime.session("x"))
                async with asyncio.timeout(PROMPTLY_S):
                    errors = await asyncio.gather(*calls, return_exceptions=True)
                assert [type(error) for error in errors] == [DirectoryUnreachable] * 3
                assert ["try again later" in str(error) for error in errors] == [True] * 3
                assert await answer_of(session) == "are you there?"

            assert [status.id for status in await runtime.sessions()] == [session.id]

    asyncio.run(main())


@pytest.mark.chaos
def test_a_restarted_directory_that_does_not_know_a_stopped_actor_reports_deaths_and_gives_no_id_away(
    options: rc.RuntimeOptions,
) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=20.0)

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            await runtime.spawn(ECHO, "silent")
            dies = await runtime.spawn(HANGS, "dies")
            asking = asyncio.create_task(answer_of(dies))
            reader = dies.events()
            await anext(reader)
            host, pid = await asyncio.to_thread(_host_and_directory, options.namespace)
            victim = await asyncio.to_thread(process_of, "dies", options.namespace)

            with stopped(host, options.namespace):
                await asyncio.gather(*(asyncio.to_thread(kill, each) for each in (pid, victim)))
                async with asyncio.timeout(DEATH_S):
                    with pytest.raises(SessionDied):
                        await asking
                    assert isinstance([event async for event in reader][-1], Died)
                    with pytest.raises(SessionDied):
                        await dies.status()
                calls = (runtime.spawn(ECHO, "silent"), runtime.session("silent"))
                errors = await asyncio.gather(*calls, return_exceptions=True)
                assert [type(error) for error in errors] == [DirectoryUnreachable] * 2
                assert [host in str(error) for error in errors] == [True] * 2
                sessions = await runtime.sessions()
                assert (sessions, sessions.unreachable) == ([], {host: []})
                assert await answer_of(await runtime.spawn(ECHO, placement=rc.Packed())) == "are you there?"

            await wait_until_known(runtime)
            with pytest.raises(SessionExists):
                await runtime.spawn(ECHO, "silent")

    asyncio.run(main())


async def wait_until_known(runtime: rc.Runtime) -> None:
    async with asyncio.timeout(20):
        while not await runtime.sessions():  # noqa: ASYNC110  that the actor has reported is not announced
            await asyncio.sleep(0.05)


def process_of(session_id: str, namespace: str) -> int:
    return process_id(host_name(session_id, namespace), namespace)


def _host_and_directory(namespace: str) -> tuple[str, int]:
    return host_name("silent", namespace), process_id("_directory", namespace)


@pytest.mark.chaos
@pytest.mark.parametrize("what", ["actor", "router"])
def test_an_answer_that_a_stopped_process_holds_up_is_reported_and_nothing_of_it_is_lost(
    what: str, options: rc.RuntimeOptions
) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=DEADLINE_S)
    text = "so far, and so on. " * 20
    config = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(text),),), tokens_per_s=100)))

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            session = await runtime.spawn(config, "raven")
            host = await asyncio.to_thread(host_name, "raven", options.namespace)
            pid = await asyncio.to_thread(process_id, host if what == "actor" else "_router-0", options.namespace)
            received: list[rc.FromLLM] = []

            async def ask() -> None:
                async for event in session.ask("speak"):
                    received.append(event)
                    if isinstance(event, rc.TextChunk):
                        os.kill(pid, signal.SIGSTOP)

            async with asyncio.timeout(PROMPTLY_S):
                with pytest.raises(Unreachable, match=what):
                    await ask()
            os.kill(pid, signal.SIGCONT)

            async for event in session.events(after=session.last_seq):
                received.append(event)
                if isinstance(event, rc.Completed):
                    break
            assert "".join(event.text for event in received if isinstance(event, rc.TextChunk)) == text

    asyncio.run(main())


@pytest.mark.chaos
def test_a_compaction_fails_in_time_while_its_router_is_stopped(options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=DEADLINE_S)

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            session = await runtime.spawn(ECHO, "raven")
            await answer_of(session)

            with stopped("_router-0", options.namespace):
                async with asyncio.timeout(PROMPTLY_S):
                    with pytest.raises(Unreachable, match="router"):
                        await session.compact()

            await session.compact()

    asyncio.run(main())


@pytest.mark.chaos
def test_closing_while_a_router_is_stopped_fails_in_time_for_its_sessions_only_and_succeeds_later(
    options: rc.RuntimeOptions,
) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=DEADLINE_S, routers=2)
    silent, other = ("huginn", "muninn") if shard_of("huginn", 2) == 0 else ("muninn", "huginn")
    assert shard_of(other, 2) == 1

    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            sessions = await runtime.spawn_many(ECHO, [silent, other])

            with stopped("_router-0", options.namespace):
                async with asyncio.timeout(PROMPTLY_S):
                    closing = (session.close() for session in sessions)  # in one batch
                    errors = await asyncio.gather(*closing, return_exceptions=True)
                assert isinstance(errors[0], Unreachable)
                assert "router 0" in errors[0].message
                assert errors[1] is None
                assert await answer_of(await runtime.spawn(ECHO, other)) == "are you there?"

            await sessions[0].close()
            assert await answer_of(await runtime.spawn(ECHO, silent)) == "are you there?"

    asyncio.run(main())


@pytest.mark.chaos
def test_readers_fail_in_time_while_their_router_is_stopped_and_read_on_later(options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=DEADLINE_S)

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            session = await runtime.spawn(ECHO, placement=rc.Packed())
            await answer_of(session)
            last_seq = session.last_seq
            readers = session.events(after=last_seq), runtime.events()

            with stopped("_router-0", options.namespace):
                async with asyncio.timeout(PROMPTLY_S):
                    errors = await asyncio.gather(*map(anext, readers), return_exceptions=True)
                assert [type(error) for error in errors] == [Unreachable] * 2
                assert ["the router" in str(error) for error in errors] == [True] * 2

            await answer_of(session)
            assert (await anext(session.events(after=last_seq))).seq == last_seq + 1

    asyncio.run(main())
