"""Tool functions of a program: whatever they return, the model gets a result and the turn goes on."""

import asyncio
import logging
from typing import Any

import pytest
from fixtures.rejections import rejected, scripted, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig
from rayconteur.scripted import Call, Say

LOOKS_TWICE = scripted((Call(name="look", id="a"), Call(name="look", id="b")), (Say("seen"),), (Say(),))


def tool_results(messages: tuple[rc.Message, ...]) -> list[rc.ToolResult]:
    return [block for message in messages for block in message.content if isinstance(block, rc.ToolResult)]


def text_of(result: rc.ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, rc.Text))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (None, "NoneType"),
        ({"ravens": 2}, "dict"),
        (2, "int"),
        (rc.ToolResult("a", "seen"), "content"),  # type: ignore[arg-type]
        (rc.ToolResult("b", (rc.Text("seen"),)), "'b'"),
        ("\ud800", "surrogates"),
        ("x" * 40_000_000, "bytes"),
    ],
    ids=["none", "dict", "int", "text as content", "another id", "surrogate", "40 MB"],
)
def test_a_wrong_result_is_an_error_for_the_model_and_the_other_results_are_kept(
    runtime: blocking.Runtime, caplog: pytest.LogCaptureFixture, wrong: Any, reason: str
) -> None:
    session = runtime.spawn(LOOKS_TWICE)

    with caplog.at_level(logging.ERROR):
        answer = session.ask("look").answer(lambda use: wrong if use.id == "a" else "two ravens")

    assert answer.text == "seen"
    bad, good = tool_results(session.history())
    assert bad.is_error
    assert reason in text_of(bad)
    assert good == rc.ToolResult("b", (rc.Text("two ravens"),))
    assert "look" in caplog.text
    assert still_answers(session)


def test_an_error_of_a_tool_that_no_encoding_has_is_shown_to_the_model(runtime: blocking.Runtime) -> None:
    session = runtime.spawn(scripted((Call(name="look", id="a"),), (Say("seen"),)))

    def run_tool(use: rc.ToolUse) -> str:
        raise ValueError(f"{use.name}: \ud800")

    assert session.ask("look").answer(run_tool).text == "seen"
    (result,) = tool_results(session.history())
    assert text_of(result) == "ValueError: look: \\ud800"


def test_a_tool_without_async_is_run_and_its_result_is_used(options: rc.RuntimeOptions) -> None:
    async def main() -> tuple[str, list[rc.ToolResult]]:
        async with rc.Runtime(options=options) as runtime:
            session = await runtime.spawn(LOOKS_TWICE)
            answer = await session.ask("look").answer(lambda use: f"{use.id} raven")
            return answer.text, tool_results(await session.history())

    text, results = asyncio.run(main())
    assert text == "seen"
    assert [text_of(result) for result in results] == ["a raven", "b raven"]


def test_a_run_tool_that_is_no_function_is_rejected_before_anything_is_sent(
    runtime: blocking.Runtime, options: rc.RuntimeOptions
) -> None:
    session = runtime.spawn(LOOKS_TWICE)
    not_a_function: Any = "look"

    with rejected(InvalidConfig, "run_tool"):
        session.ask("look").answer(not_a_function)
    with rejected(InvalidConfig, "run_tool"):
        runtime.map(LOOKS_TWICE, ["look"], run_tool=not_a_function)

    async def main() -> None:
        async with rc.Runtime(options=options) as own_runtime:
            own = await own_runtime.spawn(LOOKS_TWICE)
            with rejected(InvalidConfig, "run_tool"):
                await own.ask("look").answer(not_a_function)
            with rejected(InvalidConfig, "run_tool"):
                own_runtime.map(LOOKS_TWICE, ["look"], run_tool=not_a_function)

    asyncio.run(main())
    assert session.status().turns == 0
