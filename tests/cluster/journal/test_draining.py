"""A runtime that is drained: running turns end, or go on in the next runtime, and nothing else starts."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fixtures.named_actors import actor_names, wait_until
from fixtures.terminal import environment

import rayconteur as rc
from rayconteur.errors import RuntimeDraining
from rayconteur.runtime import Placement, SQLiteJournalConfig
from rayconteur.scripted import Call, Say, Script, Wait

ECHO = rc.SessionConfig(provider=rc.Scripted())
SLOW = rc.Scripted(script=Script(answers=((Say(text="once upon a midnight dreary"),),), tokens_per_s=10))
ENDLESS = rc.Scripted(script=Script(answers=((Say(text="once"), Wait(seconds=60)), (Say(text="nevermore"),))))
LOOK = rc.Tool(name="look", description="Look.", input_schema={"type": "object"}, approve=rc.runtime.Approval.ALWAYS)
ASKS = rc.Scripted(script=Script(answers=((Call(name="look"),), (Say(text="found"),))))


def journaled(options: rc.RuntimeOptions, path: Path) -> rc.RuntimeOptions:
    return rc.RuntimeOptions(namespace=options.namespace, journal=SQLiteJournalConfig(str(path / "journal.db")))


async def begun(reply: rc.Reply) -> "asyncio.Task[list[rc.FromLLM]]":
    """A task that reads *reply*, of which some text has come."""
    text = asyncio.Event()

    async def read() -> list[rc.FromLLM]:
        events: list[rc.FromLLM] = []
        async for event in reply:
            events.append(event)
            if isinstance(event, rc.TextChunk):
                text.set()
        return events

    reading = asyncio.create_task(read())
    await text.wait()
    return reading


def numbers(event: rc.FromLLM) -> range:
    """The numbers that *event* stands for: what streams is not recorded, and is missed later."""
    return range(event.first, event.last + 1) if isinstance(event, rc.Missed) else range(event.seq, event.seq + 1)


@pytest.mark.parametrize("placement", [rc.Packed(), pytest.param(rc.Dedicated(), marks=pytest.mark.chaos)])
def test_turns_end_in_time_and_the_next_runtime_goes_on(
    options: rc.RuntimeOptions, tmp_path: Path, placement: Placement
) -> None:
    durable = journaled(options, tmp_path)

    async def main() -> None:
        async with rc.Runtime(placement=placement, options=durable) as runtime:
            idle, busy = await runtime.spawn(ECHO, "idle"), await runtime.spawn(rc.SessionConfig(provider=SLOW), "busy")
            await idle.ask("before")
            reading = await begun(busy.ask("a long answer"))

            draining = asyncio.create_task(runtime.drain(timeout_s=20))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeDraining):
                await idle.ask("too late")
            with pytest.raises(RuntimeDraining):
                await runtime.spawn(ECHO)
            with pytest.raises(RuntimeDraining):
                await busy.send(rc.UserMessage.of("too late"))

            assert await draining == []
            assert isinstance((await reading)[-1], rc.Completed)
            hosts = ("_host-", "_session-")
            await wait_until(lambda: not [n for n in actor_names(options.namespace) if n.startswith(hosts)])
        async with rc.Runtime(placement=placement, options=durable) as runtime:
            assert (await (await runtime.session("idle")).ask("after")).text == "after"
            assert (await (await runtime.session("busy")).status()).turns == 1

    asyncio.run(main())


def test_turns_that_do_not_end_in_time_are_asked_again_by_the_next_runtime(
    options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    durable = journaled(options, tmp_path)

    async def main() -> None:
        async with rc.Runtime(placement=rc.Packed(), options=durable) as runtime:
            session = await runtime.spawn(rc.SessionConfig(provider=ENDLESS), "endless")
            waiting = await runtime.spawn(rc.SessionConfig(provider=ASKS, tools=(LOOK,)), "waiting")
            await waiting.send(rc.UserMessage.of("look"))
            reading = await begun(session.ask("who is it?"))
            await session.send(rc.UserMessage.of("queued"))

            assert await runtime.drain(timeout_s=0.5) == ["endless"]

            with pytest.raises(RuntimeDraining):
                await reading
        async with rc.Runtime(placement=rc.Packed(), options=durable) as runtime:
            session = await runtime.session("endless")
            kinds = list[type[rc.FromLLM]]()
            async for event in session.events():
                kinds.append(type(event))
                if isinstance(event, rc.Completed) and event.turn == 2:
                    break
            assert kinds.count(rc.Retrying) == 1
            assert (kinds.count(rc.TurnStarted), kinds.count(rc.Completed)) == (2, 2)
            waiting = await runtime.session("waiting")
            await waiting.approve()

    asyncio.run(main())


@pytest.mark.chaos
def test_another_program_goes_on_with_what_has_left(options: rc.RuntimeOptions, tmp_path: Path) -> None:
    durable = journaled(options, tmp_path)

    async def main() -> None:
        async with (
            rc.Runtime(placement=rc.Packed(), options=durable) as old,
            rc.Runtime(placement=rc.Packed(), options=durable) as new,
        ):
            session = await old.spawn(ECHO, "raven")
            await session.ask("one")
            elsewhere = await new.session("raven")
            reader = elsewhere.events()
            await old.drain(timeout_s=5)

            assert (await elsewhere.ask("two")).text == "two"
            events = [event async for event in until(reader, turn=2)]
            assert [number for event in events for number in numbers(event)] == list(range(1, events[-1].seq + 1))

    asyncio.run(main())


async def until(reader: rc.runtime.Reader, turn: int) -> AsyncIterator[rc.FromLLM]:
    async for event in reader:
        yield event
        if isinstance(event, rc.Completed) and event.turn == turn:
            return


@pytest.mark.chaos
def test_without_a_journal_turns_end_in_time_or_are_interrupted(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(placement=rc.Packed(), options=options) as runtime:
            busy = await runtime.spawn(rc.SessionConfig(provider=SLOW), "busy")
            endless = await runtime.spawn(rc.SessionConfig(provider=ENDLESS), "endless")
            ending, stuck = await begun(busy.ask("a")), await begun(endless.ask("b"))

            assert await runtime.drain(timeout_s=6) == ["endless"]

            assert isinstance((await ending)[-1], rc.Completed)
            assert isinstance((await stuck)[-1], rc.Interrupted)

    asyncio.run(main())


PROGRAM = """
import asyncio, sys
import rayconteur as rc
from rayconteur.runtime import SQLiteJournalConfig
from rayconteur.scripted import Say, Script, Wait

async def main() -> None:
    answers = ((Say(text="once upon a midnight dreary"), Wait(seconds=float(sys.argv[2]))),)
    provider = rc.Scripted(script=Script(answers=answers, tokens_per_s=10))
    options = rc.RuntimeOptions(journal=SQLiteJournalConfig(sys.argv[1]), num_cpus=2, drain_s=5)
    async with rc.Runtime(placement=rc.Packed(), options=options) as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=provider), "raven")
        async for event in session.ask("hello"):
            print(type(event).__name__, flush=True)
        print("waits", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.chaos
@pytest.mark.parametrize(("wait_s", "ends"), [(0.1, True), (60.0, False)])
def test_sigterm_drains_a_program_and_ends_it(tmp_path: Path, wait_s: float, ends: bool) -> None:
    journal = str(tmp_path / "journal.db")
    command = [sys.executable, "-c", PROGRAM, journal, str(wait_s)]
    with subprocess.Popen(
        command, env=environment(None), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        while "TextChunk" not in program.stdout.readline():
            assert program.poll() is None
        os.kill(program.pid, signal.SIGTERM)
        stdout, stderr = program.communicate(timeout=40)

    assert program.returncode == 128 + signal.SIGTERM, stderr
    assert ("Completed" in stdout) is ends
    assert "Traceback" not in stderr

    async def goes_on() -> None:
        options = rc.RuntimeOptions(namespace="drained", journal=SQLiteJournalConfig(journal))
        async with rc.Runtime(placement=rc.Packed(), options=options) as runtime:
            status = await (await runtime.session("raven")).status()
            assert (status.turn is None) is ends

    asyncio.run(goes_on())
