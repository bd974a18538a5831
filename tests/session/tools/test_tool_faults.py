"""Whatever a tool does, its turn goes on, and the model reads something that helps: a table of faults."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fixtures.session import SessionFixture, running_session, scripted_config

import rayconteur as rc
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime import Receipt
from rayconteur.runtime.driver.calls.abandoned_turns import AbandonedTurns
from rayconteur.runtime.driver.calls.tool_runs import SessionTools, ToolLimits, TurnTools
from rayconteur.scripted import Call, Say

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
LIMITS = ToolLimits(max_parallel=5, timeout_s=30.0, max_result_bytes=1_000)
STEPS = 341
MB = 1 << 20


def of(value: object) -> Callable[[], object]:
    async def look() -> object:
        return value

    return look


def in_a_thread() -> str:
    return "a function without async"


def yields() -> Iterator[str]:
    yield "half"
    yield "all of a generator"


async def streams() -> AsyncIterator[str]:
    yield "half"
    yield "all of an async generator"


async def fails() -> None:
    raise ValueError("no raven")


def leaves() -> None:
    raise SystemExit(1)


async def never_returns() -> None:
    await asyncio.Event().wait()


FAULTS: dict[str, tuple[Callable[[], object], str]] = {
    "None": (of(None), "No result."),
    "dict": (of({"sky": "grey"}), '{"sky":"grey"}'),
    "tuple": (of((1, "two", None)), '[1,"two",null]'),
    "image": (of(rc.Image(data=PNG, media_type="image/png")), "[image]"),
    "bytes of an image": (of(PNG), "[image]"),
    "bytes of nothing known": (of(b"\xff\xfe"), "!the tool returned b'\\xff\\xfe', which is neither"),
    "generator": (yields, "all of a generator"),
    "async generator": (streams, "all of an async generator"),
    "sync function": (in_a_thread, "a function without async"),
    "lone surrogate": (of("a \ud800 b"), "a \\ud800 b"),
    "33 MB": (of("x" * (33 * MB)), "x" * 100),
    "33 MB of bytes": (of(bytes(33 * MB)), "\x00" * 100),
    "result of another use": (of(rc.ToolResult("other", (rc.Text("x"),))), "!the tool returned the result of 'other'"),
    "exception": (fails, "!ValueError: no raven"),
    "exit": (leaves, "!RuntimeError: SystemExit: 1"),
    "never returns": (never_returns, "!The tool did not end within 0.05 seconds."),
    "class": (of(int), "<class 'int'>"),
}
"""What the tool is, and how that begins which the model reads of it; after "!" as an error."""


class Caller:
    """What the tools of a turn need of a session."""

    id = "s"

    def __init__(self, session: SessionFixture, *tools: rc.Tool) -> None:
        self.tools = SessionTools.of(tools)
        self._session = session

    async def send(self, message: rc.ToLLM) -> Receipt:
        return self._session.tell(message)


async def play(config: rc.SessionConfig, tool: rc.Tool) -> tuple[rc.FromLLM, list[rc.ToolResult]]:
    """How a turn ends, and the results in the history."""
    async with running_session(config) as session:
        tools = TurnTools(Caller(session, tool), LIMITS, AbandonedTurns())
        turn = session.ask()
        ending = asyncio.create_task(session.wait_for_end(turn))
        for step in range(1, STEPS + 2):
            arriving = asyncio.create_task(wait_for_batch(session, step))
            await asyncio.wait({arriving, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                arriving.cancel()
                break
            tools.start(next(each for each in session.events if isinstance(each, rc.ToolBatch)), required=False)
            session.events.clear()
        await tools.stop()
        results = [
            block for message in session.history() for block in message.content if isinstance(block, rc.ToolResult)
        ]
        return await ending, results


async def wait_for_batch(session: SessionFixture, step: int) -> None:
    await session.wait_for(lambda event: isinstance(event, rc.ToolBatch) and event.step == step)


def read_by_the_model(result: rc.ToolResult) -> str:
    parts = [block.text if isinstance(block, rc.Text) else "[image]" for block in result.content]
    return "!" * result.is_error + "".join(parts)


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_a_tool_is_and_does_its_turn_goes_on_and_the_model_reads_of_it(name: str) -> None:
    function, expected = FAULTS[name]
    tool = rc.tool(name="look", timeout_s=0.05 if function is never_returns else None)(function)
    config = scripted_config((Call("look"),), (Say("well"),), tools=(tool,))

    end, results = asyncio.run(play(config, tool))

    assert isinstance(end, rc.Completed)
    assert end.stop_reason == StopReason.END_TURN
    (read,) = map(read_by_the_model, results)
    assert read.startswith(expected)
    assert len(read) < 1_300


def test_the_result_of_a_use_that_the_model_did_not_ask_for_is_rejected_and_the_turn_still_ends() -> None:
    async def main() -> rc.FromLLM:
        async with running_session(scripted_config((Call("look", id="a"),), (Say("well"),), tools=(LOOK,))) as session:
            turn = session.ask()
            await session.wait_for_event(rc.ToolBatch)
            with pytest.raises(rc.errors.ToolResultError, match="'b'"):
                session.tell(rc.ToolResults(results=(rc.ToolResult("b", (rc.Text("x"),)),)))
            session.tell(rc.ToolResults(results=(rc.ToolResult("a", (rc.Text("x"),)),)))
            return await session.wait_for_end(turn)

    assert isinstance(asyncio.run(main()), rc.Completed)


LOOK = rc.Tool(name="look")


@pytest.mark.parametrize("tools", [(LOOK,), ()])
def test_run_tool_is_asked_for_a_tool_that_the_session_does_not_have_only_if_it_has_none(
    tools: tuple[rc.Tool, ...],
) -> None:
    asked: list[str] = []

    def run_tool(use: rc.ToolUse) -> str:
        asked.append(use.name)
        return "flown"

    async def main() -> rc.ToolResult:
        async with running_session(scripted_config((Call("fly", id="a"),), (Say("well"),), tools=tools)) as session:
            of_turn = TurnTools(Caller(session, *tools), LIMITS, AbandonedTurns())
            of_turn.run_tool = run_tool
            session.ask()
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            of_turn.start(batch, required=True)
            await session.wait_for_event(rc.Completed)
            await of_turn.stop()
            [result] = session.history()[2].content
            assert isinstance(result, rc.ToolResult)
            return result

    read = read_by_the_model(asyncio.run(main()))

    assert (read, asked) == (("!There is no tool 'fly'. The tools are: look.", []) if tools else ("flown", ["fly"]))


def test_a_model_that_never_stops_to_use_tools_is_stopped_after_as_many_steps_as_it_may_take() -> None:
    looks = 0

    @rc.tool
    async def look() -> int:
        nonlocal looks
        looks += 1
        return looks

    config: Any = scripted_config((Call("look"),), tools=(look,), max_steps=STEPS)

    end, results = asyncio.run(play(config, look))

    assert isinstance(end, rc.Completed)
    assert end.stop_reason == StopReason.MAX_STEPS
    assert [read_by_the_model(each) for each in results] == [str(number + 1) for number in range(STEPS)]
