"""A runtime used where it was not entered: in another event loop, in a forked process, beside another version."""

import asyncio
import multiprocessing
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import ray
from fixtures.rejections import ECHO, rejected, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import IncompatibleNamespace, WrongContext
from rayconteur.runtime.cluster.directory.actor import DirectoryActor
from rayconteur.runtime.cluster.directory.namespace import Given, Namespace

PROMPTLY_S = 2.0

ASYNC_CALLS: list[Callable[[rc.Runtime, rc.SessionHandle, rc.runtime.Reader], Awaitable[object]]] = [
    lambda runtime, session, reader: runtime.spawn(ECHO),
    lambda runtime, session, reader: runtime.session("raven"),
    lambda runtime, session, reader: runtime.sessions(),
    lambda runtime, session, reader: session.ask("hi").answer(),
    lambda runtime, session, reader: session.send(rc.UserMessage.of("hi")),
    lambda runtime, session, reader: session.status(),
    lambda runtime, session, reader: session.close(),
    lambda runtime, session, reader: anext(session.events()),
    lambda runtime, session, reader: anext(reader),
]


def test_every_call_in_another_event_loop_is_rejected_at_once(joining: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=joining) as runtime:
            session = await runtime.spawn(ECHO, "raven", rc.Packed())
            reader = session.events()

            def call_elsewhere() -> None:
                for call in ASYNC_CALLS:
                    with rejected(WrongContext, "another event loop"):
                        asyncio.run(asyncio.wait_for(_await(call, runtime, session, reader), PROMPTLY_S))

            await asyncio.to_thread(call_elsewhere)

            assert (await session.ask("still there?").answer()).text == "still there?"
            assert (await anext(reader)).seq == 1

    asyncio.run(main())


async def _await(
    call: Callable[[rc.Runtime, rc.SessionHandle, rc.runtime.Reader], Awaitable[object]],
    runtime: rc.Runtime,
    session: rc.SessionHandle,
    reader: rc.runtime.Reader,
) -> object:
    return await call(runtime, session, reader)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_every_call_in_a_forked_process_is_rejected_at_once_and_leaves_the_parent_alone(
    runtime: blocking.Runtime, session: blocking.SessionHandle
) -> None:
    reader = session.events()
    calls: list[Callable[[], object]] = [
        lambda: runtime.spawn(ECHO),
        runtime.sessions,
        lambda: session.ask("hi").answer(),
        session.status,
        session.close,
        lambda: next(reader),
        lambda: runtime.__exit__(None, None, None),
    ]

    assert outcomes_in_fork(calls) == ["WrongContext"] * (len(calls) - 1) + ["None"]

    assert still_answers(session)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_an_async_runtime_is_not_usable_in_a_forked_process(joining: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=joining, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO)

            outcomes = await asyncio.to_thread(
                outcomes_in_fork,
                [
                    lambda: asyncio.run(runtime.sessions()),
                    lambda: asyncio.run(session.status()),
                    lambda: asyncio.run(runtime.__aexit__(None, None, None)),
                ],
            )

            assert outcomes == ["WrongContext", "WrongContext", "None"]
            assert (await session.ask("still there?").answer()).text == "still there?"

    asyncio.run(main())


def outcomes_in_fork(calls: list[Callable[[], object]]) -> list[str]:
    """What each call returns or raises in a forked process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        try:
            sender.send([_outcome(call) for call in calls])
        finally:
            os._exit(0)
    assert receiver.poll(PROMPTLY_S * len(calls)), "a call hangs"
    os.waitpid(pid, 0)
    return cast(list[str], receiver.recv())


def _outcome(call: Callable[[], object]) -> str:
    try:
        return str(call())
    except BaseException as error:
        return type(error).__name__


def test_a_namespace_of_an_older_version_is_named_and_rejected(options: rc.RuntimeOptions) -> None:
    class OldDirectory:
        def add_driver(self, driver_id: str) -> int:
            raise AssertionError(driver_id)

    old = ray.remote(OldDirectory).options(name="_directory", namespace=options.namespace, num_cpus=0).remote()

    with rejected(IncompatibleNamespace, "an older version", "rayconteur shutdown"), blocking.Runtime(options=options):
        pass

    ray.kill(cast(Any, old))


def test_a_program_of_another_version_is_rejected(options: rc.RuntimeOptions) -> None:
    actor = DirectoryActor.options(name="_directory", namespace=options.namespace, num_cpus=0)
    directory = actor.remote(Namespace(options.namespace, 1, None), None)

    with pytest.raises(IncompatibleNamespace, match=r"version 0\.0\.1"):
        _result_of(directory.add_driver.remote("a driver", "0.0.1", Given()))

    ray.kill(cast(Any, directory))


def _result_of(call: object) -> object:
    async def result() -> object:
        from rayconteur.runtime.cluster.ray_calls import result_of

        return await result_of(cast(Awaitable[object], call))

    return asyncio.run(result())


def test_several_threads_with_runtimes_of_their_own_do_not_disturb_each_other(joining: rc.RuntimeOptions) -> None:
    def use_runtime(number: int) -> list[str]:
        with blocking.Runtime(options=joining, placement=rc.Packed()) as runtime:
            session = runtime.spawn(ECHO, f"raven-{number}")
            return [session.ask(f"{number}, {turn}").answer().text for turn in range(5)]

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(use_runtime, range(3)))

    assert answers == [[f"{number}, {turn}" for turn in range(5)] for number in range(3)]


def test_leaving_one_of_two_runtimes_of_a_process_leaves_the_other_alone(joining: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=joining, placement=rc.Packed()) as first:
            kept = await first.spawn(ECHO, "kept")
            async with rc.Runtime(options=joining, placement=rc.Packed()) as second:
                await second.spawn(ECHO, "ends")
                reader = (await second.session("kept")).events()
                await kept.ask("one").answer()
                assert (await anext(reader)).seq == 1

            assert {"kept", "ends"} & {status.id for status in await first.sessions()} == {"kept"}
            assert (await kept.ask("two").answer()).text == "two"

    asyncio.run(main())
