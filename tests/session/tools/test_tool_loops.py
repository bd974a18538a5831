"""Tool loops with each provider's real SDK over HTTP: three steps whose tools run at the same time."""

import asyncio
import json
from collections.abc import Iterator
from typing import cast

import pytest
from builders.answers.parallel_calls import CALLS_AND_END, PARALLEL_CALLS, PLACES
from fixtures.clients import CONFIGS
from fixtures.session import SessionFixture, running_session
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime import Receipt, StepCompleted, ToolCompleted, ToolStarted
from rayconteur.runtime.driver.calls.abandoned_turns import AbandonedTurns
from rayconteur.runtime.driver.calls.tool_runs import SessionTools, ToolLimits, TurnTools

STEPS = 3
LIMITS = ToolLimits(max_parallel=5, timeout_s=30.0, max_result_bytes=1_000)


class Caller:
    """What the tools of a turn need of a session."""

    id = "s"

    def __init__(self, session: SessionFixture, *tools: rc.Tool) -> None:
        self.tools = SessionTools.of(tools)
        self._session = session

    async def send(self, message: rc.ToLLM) -> Receipt:
        return self._session.tell(message)


class Window:
    """A tool that looks out of it, and counts how often, and how often at a time."""

    def __init__(self) -> None:
        self.looks = self.most = 0
        self._running = 0

    @rc.tool
    async def look(self, where: str) -> str:
        self.looks += 1
        look = self.looks
        self._running += 1
        self.most = max(self.most, self._running)
        await asyncio.sleep(0)
        self._running -= 1
        return f"look {look} at the {where}"


async def looped(name: str, window: Window) -> tuple[list[rc.FromLLM], list[bytes]]:
    """The events of a turn in which a provider asks for tools three times, and the bodies of the requests."""
    bodies: list[bytes] = []

    async def respond(exchange: Exchange) -> None:
        bodies.append(exchange.request.body)
        await exchange.send_answer(PARALLEL_CALLS[name])

    async with Loopback(respond) as server:
        config = rc.SessionConfig(provider=CONFIGS[name](server.url), tools=(window.look,), max_steps=STEPS)
        async with running_session(config) as session:
            tools = TurnTools(Caller(session, window.look), LIMITS, AbandonedTurns())
            session.ask()
            for step in range(1, STEPS + 1):
                tools.start(await batch_of(session, step), required=True)
            await session.wait_for_event(rc.Completed)
            await tools.stop()
            return session.events, bodies


@pytest.mark.parametrize("name", PARALLEL_CALLS)
def test_a_tool_runs_before_the_answer_that_asks_for_it_has_ended(name: str) -> None:
    looked: list[str] = []
    has_looked = asyncio.Event()

    @rc.tool(start="streaming")
    async def look(where: str) -> str:
        looked.append(where)
        has_looked.set()
        return f"at the {where}"

    async def respond(exchange: Exchange) -> None:
        calls, end = CALLS_AND_END[name]
        await exchange.send_head()
        await exchange.send_chunk(calls)
        await asyncio.wait_for(has_looked.wait(), 20)  # the answer does not end before that
        await exchange.send_chunk(end)
        await exchange.end_body()

    async def main() -> list[rc.FromLLM]:
        async with Loopback(respond) as server:
            config = rc.SessionConfig(provider=CONFIGS[name](server.url), tools=(look,), max_steps=1)
            async with running_session(config) as session:
                tools = TurnTools(Caller(session, look), LIMITS, AbandonedTurns())
                session.ask()
                for number in range(len(PLACES)):
                    tools.start(await nth_batch(session, number), required=True)
                await session.wait_for_event(rc.Completed)
                await tools.stop()
                return session.events

    events = asyncio.run(main())

    assert looked == [*PLACES]
    [step] = [event for event in events if isinstance(event, StepCompleted)]
    assert [result.is_error for result in step.results] == [False, False]
    kinds = [type(event) for event in events]
    assert kinds.index(rc.ToolBatch) < kinds.index(rc.TokenUpdate)


async def nth_batch(session: SessionFixture, number: int) -> rc.ToolBatch:
    """The batch with that *number*, from 0, once it is there."""

    def batches() -> list[rc.ToolBatch]:
        return [event for event in session.events if isinstance(event, rc.ToolBatch)]

    await session.wait_for(lambda _: len(batches()) > number)
    return batches()[number]


@pytest.mark.parametrize("name", PARALLEL_CALLS)
def test_three_steps_with_tools_at_the_same_time_send_all_results_in_order(name: str) -> None:
    window = Window()

    events, bodies = asyncio.run(looped(name, window))

    steps = [event for event in events if isinstance(event, StepCompleted)]
    assert [step.number for step in steps] == [1, 2, 3]
    assert len(bodies) == STEPS
    assert (window.looks, window.most) == (STEPS * len(PLACES), len(PLACES))
    for step in steps:
        assert [use.input for use in step.uses] == [{"where": place} for place in PLACES]
        assert [result.tool_use_id for result in step.results] == [use.id for use in step.uses]
        assert not any(result.is_error for result in step.results)
    sent = [f"look {2 * step + number + 1} at the {PLACES[number]}" for step in range(2) for number in range(2)]
    assert [text for text in strings_in(json.loads(bodies[1])) if text.startswith("look ")] == sent[:2]
    assert [text for text in strings_in(json.loads(bodies[2])) if text.startswith("look ")] == sent
    ends = [event.stop_reason for event in events if isinstance(event, rc.Completed)]
    assert ends == [StopReason.MAX_STEPS]
    for kind in (ToolStarted, ToolCompleted):
        assert sum(isinstance(event, kind) for event in events) == window.looks


async def batch_of(session: SessionFixture, step: int) -> rc.ToolBatch:
    """The tool uses of a step, once they are there."""
    await session.wait_for(lambda event: isinstance(event, rc.ToolBatch) and event.step == step)
    return [event for event in session.events if isinstance(event, rc.ToolBatch)][-1]


def strings_in(value: object) -> Iterator[str]:
    """All strings in a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, object]", value).values():
            yield from strings_in(each)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from strings_in(item)
