"""The control plane when its processes die: the directory, an actor whose handle is held, and a program."""

import asyncio
import gc
import subprocess
import sys
import threading
from typing import Any, cast

import msgspec
import psutil
import pytest
from fixtures.named_actors import actor_names, host_name, kill, process_id, wait_until

import rayconteur as rc
from rayconteur.errors import SessionDied, SessionExists
from rayconteur.runtime import DeathReason, Died
from rayconteur.runtime.cluster.directory.actor_names import is_host
from rayconteur.runtime.cluster.directory.places import HostOwner
from rayconteur.runtime.cluster.refs import HostRef
from rayconteur.runtime.cluster.registry import known_hosts
from rayconteur.runtime.cluster.session_actor import SessionActor

ECHO = rc.SessionConfig(provider=rc.Scripted())
PROGRAM = """
import asyncio, sys
import rayconteur as rc

ECHO = rc.SessionConfig(provider=rc.Scripted())
NONE = rc.runtime.NoJournal()

async def main() -> None:
    options = rc.RuntimeOptions(namespace=sys.argv[2], detached=sys.argv[3] == "detached", journal=NONE)
    async with rc.Runtime(sys.argv[1], options=options, warm=1) as runtime:
        session = await runtime.spawn(ECHO, "theirs")
        await runtime.spawn(ECHO, "packed", rc.Packed())
        await (await runtime.spawn(ECHO, placement=rc.Packed(actors=2))).close()  # leaves an empty actor
        print("spawned", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def answer_of(session: rc.SessionHandle) -> str:
    return (await session.ask("are you there?").answer()).text


def test_a_killed_directory_is_restarted_and_knows_every_session_again(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=options) as other:
            dedicated = await runtime.spawn(ECHO, "dedicated")
            packed = await other.spawn_many(ECHO, ["packed-1", "packed-2", "closed"], rc.Packed())
            await packed[2].close()
            pid = await asyncio.to_thread(process_id, "_directory", options.namespace)

            await asyncio.to_thread(kill, pid)

            assert [status.id for status in await runtime.sessions()] == ["dedicated", "packed-1", "packed-2"]
            for session_id in ("dedicated", "packed-1"):
                with pytest.raises(SessionExists):
                    await other.spawn(ECHO, session_id, rc.Packed())
            assert await answer_of(await other.spawn(ECHO, "closed", rc.Packed())) == "are you there?"
            await asyncio.gather(*(session.close() for session in (dedicated, *packed[:2])))
            assert [status.id for status in await other.sessions()] == ["closed"]
            assert await asyncio.to_thread(process_id, "_directory", options.namespace) != pid
        await wait_until(lambda: not actor_names(options.namespace))

    asyncio.run(main())


@pytest.mark.chaos
def test_a_busy_program_without_sessions_keeps_its_namespace_after_a_restart_of_the_directory(
    options: rc.RuntimeOptions,
) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            pid = await asyncio.to_thread(process_id, "_directory", options.namespace)

            kill(pid)
            threading.Event().wait(8)  # holds up the loop, longer than a lease lasts

            assert await answer_of(await runtime.spawn(ECHO, "raven", rc.Packed())) == "are you there?"

    asyncio.run(main())


def test_readers_are_told_of_a_death_that_happens_while_the_directory_is_away(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=options) as other:
            session = await runtime.spawn(ECHO, "raven")
            await answer_of(session)
            reader = (await other.session("raven")).events(after=session.last_seq)
            host = await asyncio.to_thread(host_name, "raven", options.namespace)
            pids = [await asyncio.to_thread(process_id, name, options.namespace) for name in ("_directory", host)]

            await asyncio.gather(*(asyncio.to_thread(kill, pid) for pid in pids))

            async with asyncio.timeout(10):
                assert isinstance(await anext(reader), Died)
                with pytest.raises(SessionDied):
                    await session.status()
                assert await answer_of(await other.spawn(ECHO, "raven")) == "are you there?"

    asyncio.run(main())


def test_the_id_of_a_killed_dedicated_session_is_free_while_its_handle_is_held(joining: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=joining) as runtime:
            earlier = await runtime.spawn(ECHO, "raven")
            host = await asyncio.to_thread(host_name, "raven", joining.namespace)
            await asyncio.to_thread(kill, await asyncio.to_thread(process_id, host, joining.namespace))

            later = await runtime.spawn(ECHO, "raven")

            assert await answer_of(later) == "are you there?"
            with pytest.raises(SessionDied):
                await earlier.status()

    asyncio.run(main())


@pytest.mark.parametrize("kind", [pytest.param("attached", marks=pytest.mark.chaos), "detached"])
def test_what_a_killed_program_owned_ends_and_others_are_undisturbed(
    kind: str, options: rc.RuntimeOptions, ray_address: str
) -> None:
    command = [sys.executable, "-c", PROGRAM, ray_address, options.namespace, kind]
    options = msgspec.structs.replace(options, detached=False)

    async def main(program: subprocess.Popen[str]) -> None:
        async with rc.Runtime(options=options) as runtime:
            mine = await runtime.spawn(ECHO, "mine", rc.Packed())

            program.kill()

            left = {"attached": ["mine"], "detached": ["mine", "packed", "theirs"]}[kind]
            hosts = {"attached": 1, "detached": 3}[kind]  # without the warm one and the empty one
            await wait_until(lambda: sum(map(is_host, actor_names(options.namespace))) == hosts)
            assert [status.id for status in await runtime.sessions()] == left
            assert await answer_of(mine) == "are you there?"
            for session_id in left:
                await (await runtime.session(session_id)).close()
        await wait_until(lambda: not actor_names(options.namespace))

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "spawned\n"
        asyncio.run(main(program))


@pytest.mark.chaos
def test_a_program_forgets_the_actors_of_sessions_that_another_one_has_closed(
    options: rc.RuntimeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_hosts, "_FEW_HOSTS", 2)

    def known() -> set[str]:
        gc.collect()
        return {each.id for each in gc.get_objects() if isinstance(each, HostRef)}

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=options) as other:
            hosts: list[str] = []
            for spawning, closing in ((runtime, other), (other, runtime)):
                await spawning.spawn(ECHO, "raven")
                hosts.append(await asyncio.to_thread(host_name, "raven", options.namespace))
                await (await closing.session("raven")).close()
            assert known() & {*hosts}
            await wait_until(lambda: actor_names(options.namespace).isdisjoint(hosts))

            for number in range(2):
                await runtime.spawn(ECHO, f"packed-{number}", rc.Packed(actors=2))
                await answer_of(await other.session(f"packed-{number}"))

            await wait_until(lambda: known().isdisjoint(hosts))

    asyncio.run(main())


@pytest.mark.chaos
def test_a_restarted_directory_does_not_wait_for_an_actor_that_can_not_be_placed(options: rc.RuntimeOptions) -> None:
    too_large = msgspec.structs.replace(options, actor_memory_bytes=1 << 42)

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=too_large) as other:
            waiting = asyncio.create_task(other.spawn(ECHO, "never", rc.Dedicated()))
            await wait_until(lambda: any(map(is_host, actor_names(options.namespace))))
            pid = await asyncio.to_thread(process_id, "_directory", options.namespace)

            await asyncio.to_thread(kill, pid)

            async with asyncio.timeout(10):
                assert await answer_of(await runtime.spawn(ECHO, "raven", rc.Packed())) == "are you there?"
                assert (await runtime.sessions()).unreachable == {}
                waiting.cancel()
                await asyncio.wait({waiting})

    asyncio.run(main())


def test_the_processes_of_a_namespace_are_gone_when_its_shutdown_returns(options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, detached=True)

    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            await runtime.spawn_many(ECHO, 2)
            names = actor_names(options.namespace)
            processes = [await asyncio.to_thread(process_id, name, options.namespace) for name in names]

            await rc.runtime.shutdown(options.namespace)

            assert [each for each in processes if psutil.pid_exists(each)] == []

    asyncio.run(main())


def test_the_reason_of_a_death_is_kept_when_a_program_meets_it_first(ray_address: str) -> None:
    del ray_address  # the cluster that this process is connected to

    async def main() -> None:
        nothing = cast(Any, None)  # its start fails
        actor = SessionActor.options(num_cpus=0).remote(
            HostOwner("raven", "driver", detached=False), [], nothing, nothing
        )
        death = await HostRef("raven", actor, "driver", timeout_s=30.0).death()

        assert death is not None
        assert death.reason is DeathReason.NOT_STARTED

    asyncio.run(main())
