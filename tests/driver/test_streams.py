"""Events over Ray: of the right session only, up to its end, whatever dies on the way."""

import asyncio
import subprocess
import sys
from collections import defaultdict

import msgspec
import pytest
import ray
from fixtures.named_actors import host_name

import rayconteur as rc
from rayconteur.runtime import Placement, Reader
from rayconteur.scripted import Say, Script

ECHO = rc.SessionConfig(provider=rc.Scripted())
TEXT = "a raven says so, " * 20
STREAMS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(TEXT),),), tokens_per_s=80)))


class SeqChecker:
    """Reads events and checks that each number follows the last, unless the gap was announced."""

    def __init__(self, reader: Reader, loop_turns: int = 0) -> None:
        self.last: dict[str, int] = defaultdict(int)
        self._reader = reader
        self._loop_turns = loop_turns

    async def read_until(self, kind: type[rc.FromLLM], turns: set[tuple[str, int]]) -> None:
        """Read until each of *turns* had an event of *kind*, yielding to the loop in between."""
        while turns:
            event = await anext(self._reader)
            first = event.first if isinstance(event, rc.Missed) else event.seq
            assert first == self.last[event.session_id] + 1
            self.last[event.session_id] = event.seq
            if isinstance(event, kind):
                turns = turns - {(event.session_id, event.turn)}
            for _ in range(self._loop_turns):
                await asyncio.sleep(0)


def kill_actor(name: str, options: rc.RuntimeOptions, no_restart: bool = True) -> None:
    ray.kill(ray.get_actor(name, namespace=options.namespace), no_restart=no_restart)


@pytest.mark.parametrize("placement", [rc.Packed(), rc.Dedicated()], ids=["packed", "dedicated"])
def test_a_reader_of_a_reused_id_gets_the_later_session_only(joining: rc.RuntimeOptions, placement: Placement) -> None:
    async def main() -> None:
        async with rc.Runtime(options=joining, placement=placement) as runtime:
            session_id = f"reused-{type(placement).__name__}"
            everything = runtime.events(after=0)
            for text in ("first", "second"):
                session = await runtime.spawn(ECHO, session_id)
                early = session.events()
                assert (await session.ask(text).answer()).text == text
                await session.close()
                assert [event.seq async for event in early] == [1, 2, 3, 4, 5, 6]
            seqs: list[int] = []
            while len(seqs) < 12:
                event = await anext(everything)
                seqs += [event.seq] * (event.session_id == session_id)
            assert seqs == [1, 2, 3, 4, 5, 6] * 2

    asyncio.run(main())


def test_readers_of_a_session_that_died_get_all_its_events_and_then_its_death(
    joining: rc.RuntimeOptions,
) -> None:
    async def event_names(reader: Reader) -> list[str]:
        return [type(event).__name__ async for event in reader]

    async def main() -> None:
        async with rc.Runtime(options=joining) as runtime, rc.Runtime(options=joining) as other:
            session = await runtime.spawn(ECHO, "mortal")
            await session.ask("last words").answer()
            readers = [session.events(), (await other.session("mortal")).events()]

            kill_actor(await asyncio.to_thread(host_name, "mortal", joining.namespace), joining)

            everything = ["TurnStarted", "StreamStarted", "TextChunk", "TokenUpdate", "Completed", "Died"]
            assert await asyncio.gather(*map(event_names, readers)) == [everything] * 2
            assert await event_names(session.events(after=3)) == everything[3:]
            assert await runtime.sessions() == await other.sessions() == []

    asyncio.run(main())


def test_when_a_router_dies_readers_continue_and_are_told_exactly_what_they_missed(options: rc.RuntimeOptions) -> None:
    sharded = msgspec.structs.replace(options, routers=2, reader_bytes=5_000)

    async def main() -> None:
        async with rc.Runtime(options=sharded, placement=rc.Packed()) as runtime:
            sessions = await runtime.spawn_many(STREAMS, [f"s{number}" for number in range(20)])
            first, second = ({(session.id, turn) for session in sessions} for turn in (1, 2))
            fast, slow = SeqChecker(runtime.events(after=0)), SeqChecker(runtime.events(after=0), loop_turns=10)
            for session in sessions:
                await session.send(rc.UserMessage.of("speak"))
            await fast.read_until(rc.StreamStarted, first)

            kill_actor("_router-0", sharded, no_restart=False)
            async with asyncio.TaskGroup() as group:
                for checker in (fast, slow):
                    group.create_task(checker.read_until(rc.Completed, second))
                answers = [group.create_task(session.ask("speak again").answer()) for session in sessions]

            assert {answer.result().text for answer in answers} == {TEXT}
            last = {status.id: status.last_seq for status in await runtime.sessions()}
            assert fast.last == slow.last == last

    asyncio.run(main())


def test_a_reader_from_now_on_gets_no_earlier_events(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> None:
        old = await async_runtime.spawn(ECHO, "old")
        await old.ask("too early").answer()
        everything = async_runtime.events()
        first_event = asyncio.ensure_future(anext(everything))
        while not first_event.done():
            await old.ask("read, if the reader has started").answer()
        new = await async_runtime.spawn(ECHO, "new")
        await new.ask("read").answer()

        last = {"old": (await first_event).seq, "new": 0}
        assert last["old"] > 5
        while last["new"] < 5:
            event = await anext(everything)
            assert event.seq == last[event.session_id] + 1
            last[event.session_id] = event.seq
        await asyncio.gather(old.close(), new.close())

    runner.run(main())


SECOND_DRIVER = """
import asyncio, sys
import rayconteur as rc

async def main(address, namespace):
    async with rc.Runtime(address, options=rc.RuntimeOptions(namespace=namespace)) as runtime:
        session = await runtime.session("shared")
        reader = session.events(after=2)
        print(*[(await anext(reader)).seq for _ in range(3)])
        print((await session.ask("from the other").answer()).text)
        print(*[status.id for status in await runtime.sessions()])

asyncio.run(main(*sys.argv[1:]))
"""


def test_another_program_reads_and_writes_and_leaves_the_session_running(
    ray_address: str, namespace: str, runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> None:
        session = await async_runtime.spawn(ECHO, "shared")
        await session.ask("from the one").answer()
        here = session.events(after=5)

        program = [sys.executable, "-c", SECOND_DRIVER, ray_address, namespace]
        there = await asyncio.to_thread(subprocess.run, program, capture_output=True, text=True, check=True)

        assert there.stdout.splitlines() == ["3 4 5", "from the other", "shared"]
        assert [(await anext(here)).seq for _ in range(5)] == [6, 7, 8, 9, 10]
        assert (await session.ask("and again").answer()).turn == 3

    runner.run(main())
