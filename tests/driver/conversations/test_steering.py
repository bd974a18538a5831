"""Messages that enter a running turn, and their replies."""

import asyncio
from collections.abc import Awaitable, Callable

import rayconteur as rc
from rayconteur.runtime import FinalAnswer, Steered, WhenBusy
from rayconteur.scripted import Call, Say, Script

HINT = rc.UserMessage(content=(rc.Text("And in oaks?"),), when_busy=WhenBusy.STEER)
LOOKS_TWICE = rc.Scripted(script=Script(answers=((Call("look"),), (Call("look"),), (Say("Seven."),))))


async def steered(
    runtime: rc.Runtime, ask: Callable[[rc.SessionHandle], Awaitable[FinalAnswer | list[rc.FromLLM]]]
) -> tuple[FinalAnswer, "asyncio.Future[FinalAnswer | list[rc.FromLLM]]", int]:
    """The answer of a turn whose tool uses *ask* while it runs first, what came of that, and how often it ran."""
    asked: list[asyncio.Future[FinalAnswer | list[rc.FromLLM]]] = []
    runs = 0

    @rc.tool
    async def look() -> str:
        nonlocal runs
        runs += 1
        if not asked:
            asked.append(asyncio.ensure_future(ask(session)))
            async with asyncio.timeout(10):
                while (await session.status()).waiting == 0:
                    pass
        return "two"

    async with await runtime.spawn(rc.SessionConfig(provider=LOOKS_TWICE, tools=(look,))) as session:
        answer = await session.ask("How many nests?").answer()
        await asyncio.wait(asked, timeout=10)
    return answer, asked[0], runs


def test_its_reply_has_the_end_of_the_turn_that_it_entered_whose_tools_run_once(
    async_runtime: rc.Runtime, runner: asyncio.Runner
) -> None:
    async def read(session: rc.SessionHandle) -> list[rc.FromLLM]:
        return [event async for event in session.ask(HINT)]

    answer, asked, runs = runner.run(steered(async_runtime, read))

    events = asked.result()
    assert isinstance(events, list)
    assert isinstance(events[0], Steered)
    assert (events[0].turn, events[0].number) == (1, 2)
    assert isinstance(events[-1], rc.Completed)
    assert {event.turn for event in events} == {1}
    assert (answer.text, runs) == ("Seven.", 2)


def test_its_answer_is_that_of_the_turn_also_without_tools_of_its_own(
    async_runtime: rc.Runtime, runner: asyncio.Runner
) -> None:
    async def answer(session: rc.SessionHandle) -> FinalAnswer:
        return await session.ask(HINT).answer()

    first, asked, _ = runner.run(steered(async_runtime, answer))

    second = asked.result()
    assert isinstance(second, FinalAnswer)
    assert (second.text, second.turn, second.requests) == (first.text, first.turn, first.requests) == ("Seven.", 1, 3)
    assert [len(first.steps), len(second.steps)] == [3, 2]


def test_a_reply_that_is_abandoned_leaves_the_turn_that_its_message_entered(
    async_runtime: rc.Runtime, runner: asyncio.Runner
) -> None:
    async def leave(session: rc.SessionHandle) -> list[rc.FromLLM]:
        async for event in session.ask(HINT):
            return [event]
        return []

    answer, asked, runs = runner.run(steered(async_runtime, leave))

    assert isinstance(asked.result(), list)
    assert (answer.text, runs) == ("Seven.", 2)
