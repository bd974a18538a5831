"""A call that is abandoned stops its turn: it costs nothing more, and the next message does not wait for it."""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest
from fixtures.rejections import rejected

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, TurnInterrupted
from rayconteur.runtime import OnAbandon
from rayconteur.scripted import Call, Say, Script

ENDLESS = rc.Scripted(script=Script(tokens_per_s=20))
LONG = "raven " * 10_000
IF_IDLE = rc.UserMessage(content=(rc.Text("Hi"),), when_busy=rc.runtime.WhenBusy.REJECT)

Abandon = Callable[[rc.SessionHandle], Awaitable[None]]


@asynccontextmanager
async def running(runtime: rc.Runtime, provider: rc.Scripted = ENDLESS) -> AsyncGenerator[rc.SessionHandle]:
    """A session that takes minutes for an answer to ``LONG``."""
    async with await runtime.spawn(rc.SessionConfig(provider=provider)) as session:
        yield session


async def wait_for_answer(session: rc.SessionHandle) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(session.ask(LONG).answer(), 0.3)


async def wait_for_reply(session: rc.SessionHandle) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(session.ask(LONG), 0.3)


async def time_out(session: rc.SessionHandle) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            async for _ in session.ask(LONG):
                pass


async def cancel_at_first_text(session: rc.SessionHandle) -> None:
    has_text = asyncio.Event()

    async def read() -> None:
        async for event in session.ask(LONG):
            if isinstance(event, rc.TextChunk):
                has_text.set()

    task = asyncio.create_task(read())
    await has_text.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def close_iterator(session: rc.SessionHandle) -> None:
    async with aclosing(aiter(session.ask(LONG))) as events:
        async for event in events:
            if isinstance(event, rc.TextChunk):
                break


async def break_out(session: rc.SessionHandle) -> None:
    async for event in session.ask(LONG):
        if isinstance(event, rc.TextChunk):
            break


async def raise_in_loop(session: rc.SessionHandle) -> None:
    with suppress(ZeroDivisionError):
        async for event in session.ask(LONG):
            if isinstance(event, rc.TextChunk):
                raise ZeroDivisionError


async def drop_iterator(session: rc.SessionHandle) -> None:
    class Cycle:
        events: Any = None
        itself: Any = None

    cycle = Cycle()
    cycle.itself, cycle.events = cycle, aiter(session.ask(LONG))
    await anext(cycle.events)
    del cycle
    gc.collect()


ABANDON: list[Abandon] = [
    wait_for_answer,
    wait_for_reply,
    time_out,
    cancel_at_first_text,
    close_iterator,
    break_out,
    raise_in_loop,
    drop_iterator,
]


Scene = Callable[[rc.SessionHandle, Abandon], Coroutine[None, None, None]]


async def play_each(runtime: rc.Runtime, scene: Scene, ways: Sequence[Abandon] = ABANDON) -> None:
    """Play *scene* with each way to abandon a call, all at once, each with a session of its own."""

    async def play(abandon: Abandon) -> None:
        async with running(runtime) as session:
            await scene(session, abandon)

    async with asyncio.TaskGroup() as scenes:
        for abandon in ways:
            scenes.create_task(play(abandon), name=abandon.__name__)


def test_the_turn_of_an_abandoned_reply_is_interrupted_and_the_next_one_runs(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def scene(session: rc.SessionHandle, abandon: Abandon) -> None:
        reader = session.events()
        await abandon(session)

        answer = await asyncio.wait_for(session.ask("Hi"), 30)

        assert (answer.text, len(await session.history())) == ("Hi", 2)
        events = [event async for event in _until_completed(reader)]
        assert [type(event) for event in events if event.turn == 1][-1] is rc.Interrupted
        reader.close()

    runner.run(play_each(async_runtime, scene))


def test_the_next_message_does_not_meet_a_busy_session(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def scene(session: rc.SessionHandle, abandon: Abandon) -> None:
        await abandon(session)

        assert (await session.ask(IF_IDLE)).text == "Hi"

    runner.run(play_each(async_runtime, scene))


def test_the_session_is_idle_when_a_cancelled_call_has_returned(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def scene(session: rc.SessionHandle, abandon: Abandon) -> None:
        await abandon(session)

        assert (await session.status()).turn is None

    runner.run(play_each(async_runtime, scene, [wait_for_answer, cancel_at_first_text, close_iterator]))


def test_however_early_a_call_is_cancelled_its_turn_does_not_go_on(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def after(iterations: int, session: rc.SessionHandle) -> None:
        await session.interrupt()  # the connection is open
        task = asyncio.create_task(session.ask(LONG).answer())
        for _ in range(iterations):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

        await asyncio.wait_for(session.ask("Hi"), 30)

        status = await session.status()
        assert (status.turn, status.messages) == (None, 2)

    async def main() -> None:
        async with running(async_runtime) as session:
            for iterations in range(15):
                await after(iterations, session)
                await session.clear()

    runner.run(main())


def test_a_queued_turn_that_is_abandoned_never_runs(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> list[rc.FromLLM]:
        async with running(async_runtime) as session:
            reader = session.events()
            first = asyncio.create_task(session.ask(LONG).answer())
            await anext(reader)
            await wait_for_answer(session)
            last = asyncio.create_task(session.ask("Hi").answer())
            await session.interrupt(1)
            with suppress(TurnInterrupted):
                await first
            await last
            return [event async for event in _until_completed(reader)]

    events = runner.run(main())

    assert [type(event) for event in events if event.turn == 2] == [rc.Interrupted]
    assert isinstance(events[-1], rc.Completed)
    assert events[-1].turn == 3


@pytest.mark.parametrize("by_runtime", [True, False])
def test_with_leave_the_turn_goes_on_and_its_answer_is_in_the_history(
    runtime: blocking.Runtime, namespace: str, by_runtime: bool
) -> None:
    del runtime  # this one joins its namespace
    options = rc.RuntimeOptions(namespace=namespace, on_abandon=OnAbandon.LEAVE if by_runtime else OnAbandon.INTERRUPT)

    async def main() -> tuple[int, str]:
        async with (
            rc.Runtime(placement=rc.Packed(), options=options) as joined,
            running(joined, rc.Scripted(script=Script(first_token_s=0.5))) as session,
        ):
            with suppress(TimeoutError):
                await asyncio.wait_for(session.ask("One", on_abandon=None if by_runtime else "leave").answer(), 0.2)
            await session.ask("Two")
            return len(await session.history()), (await session.ask("Three", on_abandon="interrupt")).text

    assert asyncio.run(main()) == (4, "Three")


def test_a_loop_that_is_left_at_a_batch_of_tool_uses_leaves_the_turn_waiting_for_results(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    script = Script(answers=((Call(id="a", name="look", input={}),), (Say("Seen."),)))

    async def main() -> str:
        async with running(async_runtime, rc.Scripted(script=script)) as session:
            async for event in session.ask("Look."):
                if isinstance(event, rc.ToolBatch):
                    break
            receipt = await session.send(rc.ToolResults(results=(rc.ToolResult("a", (rc.Text("a raven"),)),)))
            events = [event async for event in _until_completed(session.events(receipt.seq))]
            return "".join(event.text for event in events if isinstance(event, rc.TextChunk))

    assert runner.run(main()) == "Seen."


def test_a_call_that_is_cancelled_while_its_tool_runs_ends_its_turn(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    script = Script(answers=((Call(id="a", name="look", input={}),), (Say("Seen."),)))

    async def hang(use: rc.ToolUse) -> str:
        await asyncio.Event().wait()
        return use.name

    async def main() -> str:
        async with running(async_runtime, rc.Scripted(script=script)) as session:
            with suppress(TimeoutError):
                await asyncio.wait_for(session.ask("Look.").answer(hang), 0.5)
            return (await session.ask("Hi")).text

    assert runner.run(main()) == "Seen."


def test_another_value_is_rejected_when_it_is_given(runtime: blocking.Runtime, session: blocking.SessionHandle) -> None:
    del runtime
    with rejected(InvalidConfig, "on_abandon", "interrupt, leave"):
        session.ask("Hi", on_abandon="stop")  # type: ignore[call-overload]
    with rejected(InvalidConfig, "options.on_abandon"):
        rc.Runtime(options=rc.RuntimeOptions(on_abandon="stop"))  # type: ignore[arg-type]


def test_a_blocking_loop_that_is_left_ends_its_turn(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(rc.SessionConfig(provider=ENDLESS))
    for event in session.ask(LONG):
        if isinstance(event, rc.TextChunk):
            break

    answer = session.ask(IF_IDLE).answer()

    assert (answer.text, len(session.history())) == ("Hi", 2)


async def _until_completed(reader: AsyncIterator[rc.FromLLM]) -> AsyncIterator[rc.FromLLM]:
    async for event in reader:
        yield event
        if isinstance(event, rc.Completed):
            return
