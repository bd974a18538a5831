"""Tools that run in the program: as functions of the session, or with ``run_tool``."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest
from fixtures.rejections import rejected, scripted, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, ToolsWaiting, TurnInterrupted
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.scripted import Call, Say, Wait

LOOKS_TWICE = scripted((Call(name="look", id="a"), Call(name="look", id="b")), (Say("seen"),), (Say(),))


IMAGE = rc.Image(data=b"\x89PNG\r\n\x1a\n" + bytes(10_000), media_type="image/png")


def tool_results(messages: tuple[rc.Message, ...]) -> list[rc.ToolResult]:
    return [block for message in messages for block in message.content if isinstance(block, rc.ToolResult)]


def text_of(result: rc.ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, rc.Text))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [(rc.ToolResult("b", (rc.Text("seen"),)), "'b'"), (rc.ToolResult("a", (IMAGE,) * 3), "message_bytes")],
    ids=["another id", "larger than a message"],
)
def test_a_result_that_is_rejected_is_an_error_for_the_model_and_the_other_results_are_kept(
    runtime: blocking.Runtime, caplog: pytest.LogCaptureFixture, wrong: rc.ToolResult, reason: str
) -> None:
    session = runtime.spawn(msgspec.structs.replace(LOOKS_TWICE, limits=rc.Limits(message_bytes=20_000)))

    with caplog.at_level(logging.ERROR):
        answer = session.ask("look").answer(lambda use: wrong if use.id == "a" else "two ravens")

    assert answer.text == "seen"
    bad, good = tool_results(session.history())
    assert bad.is_error
    assert reason in text_of(bad)
    assert good == rc.ToolResult("b", (rc.Text("two ravens"),))
    assert len(caplog.records) == 1
    assert still_answers(session)


def test_an_error_of_a_tool_that_no_encoding_has_is_shown_to_the_model(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Call(name="look", id="a"),), (Say("seen"),)))

    def run_tool(use: rc.ToolUse) -> str:
        raise ValueError(f"{use.name}: \ud800")

    assert session.ask("look").answer(run_tool).text == "seen"
    (result,) = tool_results(session.history())
    assert text_of(result) == "ValueError: look: \\ud800"


def test_a_tool_without_async_is_run_and_its_result_is_used(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> tuple[str, list[rc.ToolResult]]:
        session = await async_runtime.spawn(LOOKS_TWICE)
        answer = await session.ask("look").answer(lambda use: f"{use.id} raven")
        return answer.text, tool_results(await session.history())

    text, results = runner.run(main())
    assert text == "seen"
    assert [text_of(result) for result in results] == ["a raven", "b raven"]


def test_a_run_tool_that_is_no_function_is_rejected_before_anything_is_sent(
    runtime: blocking.Runtime, runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    session = runtime.spawn(LOOKS_TWICE)
    not_a_function: Any = "look"

    with rejected(InvalidConfig, "run_tool"):
        session.ask("look").answer(not_a_function)
    with rejected(InvalidConfig, "run_tool"):
        runtime.map(LOOKS_TWICE, ["look"], run_tool=not_a_function)

    async def main() -> None:
        own = await async_runtime.spawn(LOOKS_TWICE)
        with rejected(InvalidConfig, "run_tool"):
            await own.ask("look").answer(not_a_function)
        with rejected(InvalidConfig, "run_tool"):
            async_runtime.map(LOOKS_TWICE, ["look"], run_tool=not_a_function)

    runner.run(main())
    assert session.status().turns == 0


@rc.tool
async def weather(town: str) -> dict[str, str]:
    """The weather in a town."""
    return {"Oslo": {"sky": "rain"}, "Rome": {"sky": "sun"}}[town]


WEATHER = msgspec.structs.replace(
    scripted(
        (Call("weather", {"town": "Oslo"}, id="a"), Call("weather", {"town": "Rom"}, id="b")),
        (Call("weather", {"city": "Rome"}, id="c"), Call("whether", {}, id="d")),
        (Say("rain"),),
    ),
    tools=(weather,),
)
RESULTS = [
    '{"sky":"rain"}',
    "KeyError: 'Rom'",
    "The input does not fit the schema of the tool: Object contains unknown field `city`. Nothing was run.",
    "There is no tool 'whether'. The tools are: weather.",
]


def test_the_functions_of_a_session_run_when_the_model_asks_for_them(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(WEATHER)
    attached = runtime.session(session.id)

    assert session.ask("how is it?").answer().text == "rain"
    assert list(map(text_of, tool_results(session.history()))) == RESULTS
    assert runtime.session(session.id, [weather])  # which has the definition
    with rejected(InvalidConfig, "tools", "@rayconteur.tool"):
        runtime.session(session.id, [rc.Tool(name="weather")])  # type: ignore[list-item]
    assert attached.settings().tools == (rc.Tool(**msgspec.structs.asdict(weather)),)


def test_functions_run_while_the_events_of_a_reply_are_read(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(WEATHER)

    kinds = [type(event).__name__ for event in session.ask("how is it?")]

    assert kinds.count("ToolBatch") == 2
    assert kinds[-1] == "Completed"


def test_another_program_runs_its_own_functions_for_a_session_that_it_attaches_to(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(msgspec.structs.replace(WEATHER, tools=(rc.Tool(name="weather"),)))

    with rejected(ToolsWaiting, "weather"):
        session.ask("how is it?").answer()
    session.send(rc.Interrupt())

    attached = runtime.session(session.id, [weather])
    assert attached.ask("how is it?").answer(lambda use: f"no {use.name}").text == "rain"
    assert text_of(tool_results(session.history())[-1]) == "no whether"


def test_functions_that_configure_gives_take_the_place_of_those_before(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Call("look", {}),), (Say("seen"),)))

    @rc.tool
    def look() -> str:
        return "two ravens"

    session.configure(rc.Configure(tools=(look,)))

    assert session.ask("look").answer().text == "seen"
    assert text_of(tool_results(session.history())[0]) == "two ravens"


def test_an_interrupt_cancels_the_tools_that_run(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    happened: list[str] = []

    async def main() -> None:
        running = asyncio.Event()

        @rc.tool
        async def look() -> None:
            running.set()
            try:
                await asyncio.Event().wait()
            finally:
                happened.append("cancelled")

        config = msgspec.structs.replace(scripted((Call("look"),), (Call("look"),)), tools=(look,))
        session = await async_runtime.spawn(config)
        asking = asyncio.create_task(session.ask("look").answer())
        await running.wait()
        await session.interrupt()
        with pytest.raises(TurnInterrupted):
            await asking
        assert happened == ["cancelled"]
        leaving = aiter(session.ask("look"))
        while not isinstance(await anext(leaving), rc.ToolBatch):
            pass
        await leaving.aclose()
        assert (await session.status()).turn is None

    runner.run(main())


def test_a_function_runs_while_the_answer_is_streamed_and_is_cancelled_with_it(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    happened: list[str] = []

    @rc.tool(start="streaming")
    async def look(at: str) -> str:
        happened.append(f"looks at {at}")
        if at == "tree":
            try:
                await asyncio.Event().wait()
            finally:
                happened.append("cancelled")
        return "two ravens"

    async def main() -> None:
        looks = [Call("look", {"at": at}) for at in ("roof", "tree")]
        config = msgspec.structs.replace(scripted((*looks, Wait())), tools=(look,))  # the answer has no end
        session = await async_runtime.spawn(config)
        async for event in session.ask("look"):
            if isinstance(event, rc.runtime.ToolStarted) and len(happened) == 2:
                await session.interrupt()
        assert happened == ["looks at roof", "looks at tree", "cancelled"]

    runner.run(main())


def test_a_turn_of_many_steps_ends_at_the_limit_of_its_session(runtime: blocking.Runtime) -> None:
    @rc.tool
    def look() -> str:
        return "nothing yet"

    steps = [(Call("look", {}),)] * 341
    config = msgspec.structs.replace(scripted(*steps), tools=(look,), max_steps=20)
    session = runtime.spawn(config)

    answer = session.ask("look until you see something").answer()

    assert (answer.stop_reason, answer.requests) == (StopReason.MAX_STEPS, 20)
    assert len(tool_results(session.history())) == 20


def test_the_options_limit_the_tools_of_a_turn(options: rc.RuntimeOptions) -> None:
    async def main() -> list[str]:
        running = 0

        async def run_tool(use: rc.ToolUse) -> str:
            nonlocal running
            running += 1
            most.append(running)
            await asyncio.sleep(0 if use.id == "a" else 60)
            running -= 1
            return "x" * 100

        limits = {"max_parallel_tools": 1, "tool_timeout_s": 0.1, "max_result_bytes": 50}
        async with rc.Runtime(options=msgspec.structs.replace(options, **limits)) as own_runtime:
            session = await own_runtime.spawn(LOOKS_TWICE)
            await session.ask("look").answer(run_tool)
            return list(map(text_of, tool_results(await session.history())))

    most: list[int] = []
    first, second = asyncio.run(main())
    assert first.startswith("x" * 50 + "\n[cut off here, after 50 of 100 characters: ")
    assert second == "The tool did not end within 0.1 seconds."
    assert most == [1, 1]
