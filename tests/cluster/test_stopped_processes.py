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
from rayconteur.errors import DirectoryUnreachable, SessionExists, Unreachable

ECHO = rc.SessionConfig(provider=rc.Scripted())
DEADLINE_S = 1.0
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
                for call in (silent.status, lambda: silent.send(rc.UserMessage.of("hi")), silent.close):
                    async with asyncio.timeout(PROMPTLY_S):
                        with pytest.raises(Unreachable, match=host):
                            await call()
                async with asyncio.timeout(PROMPTLY_S):
                    with pytest.raises(SessionExists):
                        await runtime.spawn(ECHO, "silent")
                async with asyncio.timeout(DEADLINE_S):
                    assert await answer_of(other) == "are you there?"

            assert (await runtime.sessions()).unreachable == {}

    asyncio.run(main())


def test_calls_fail_in_time_while_the_directory_is_stopped_and_sessions_continue(options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=DEADLINE_S)

    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO)

            with stopped("_directory", options.namespace):
                for call in (runtime.sessions, lambda: runtime.spawn(ECHO), lambda: runtime.session("x")):
                    async with asyncio.timeout(PROMPTLY_S):
                        with pytest.raises(DirectoryUnreachable, match="try again later"):
                            await call()
                assert await answer_of(session) == "are you there?"

            assert [status.id for status in await runtime.sessions()] == [session.id]

    asyncio.run(main())


def test_no_id_is_given_away_while_a_restarted_directory_does_not_know_a_stopped_actor(
    options: rc.RuntimeOptions,
) -> None:
    options = msgspec.structs.replace(options, call_timeout_s=20.0)

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            await runtime.spawn(ECHO, "silent")
            host, pid = await asyncio.to_thread(_host_and_directory, options.namespace)

            with stopped(host, options.namespace):
                await asyncio.to_thread(kill, pid)
                with pytest.raises(DirectoryUnreachable, match=host):
                    await runtime.spawn(ECHO, "silent")
                with pytest.raises(DirectoryUnreachable, match=host):
                    await runtime.session("silent")

            await wait_until_known(runtime)
            with pytest.raises(SessionExists):
                await runtime.spawn(ECHO, "silent")

    asyncio.run(main())


async def wait_until_known(runtime: rc.Runtime) -> None:
    async with asyncio.timeout(20):
        while not await runtime.sessions():  # noqa: ASYNC110  that the actor has reported is not announced
            await asyncio.sleep(0.05)


def _host_and_directory(namespace: str) -> tuple[str, int]:
    return host_name("silent", namespace), process_id("_directory", namespace)
