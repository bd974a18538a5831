"""What a program's own process reports to the log: what happens, at INFO and DEBUG, and never content or secrets."""

import asyncio
import logging
from contextlib import suppress
from typing import Literal

import pytest

import rayconteur as rc
from rayconteur.runtime import ASK_USER
from rayconteur.runtime.driver.calls.abandoned_turns import AbandonedTurns
from rayconteur.scripted import Call, Say, Script, Wait

WORDS = ["QUESTION", "ANSWER", "SYSTEM", "INPUT", "RESULT", "DESCRIPTION", "LABEL", "HEADER", "sk-never-to-be-seen"]
"""Words of all content, and the keys, that the program below has."""

ASKS = Call("ask_user", {"question": "QUESTION?"})
PROVIDER = rc.Anthropic(
    model="m",
    api_key="sk-never-to-be-seen",
    base_url="http://127.0.0.1:9",  # nobody listens there
    extra_headers={"x-gate": "HEADER"},
    fetch_model_facts=True,
)


@rc.tool
def look(at: Literal["tree", "nest"]) -> str:
    """DESCRIPTION."""
    return f"RESULT {at}"


def config(*answers: tuple[rc.scripted.Step, ...]) -> rc.SessionConfig:
    return rc.SessionConfig(
        provider=rc.Scripted(script=Script(answers=answers)),
        system="SYSTEM",
        tools=(look, ASK_USER),
        metadata={"LABEL": "LABEL"},
        approval_timeout_s=0.1,
    )


async def use_tools(runtime: rc.Runtime) -> None:
    """A tool use with input that does not fit, one that runs, and a question that nobody answers."""
    calls = (Call("look", {"at": "INPUT"}), Call("look", {"at": "nest"}), ASKS)
    async with await runtime.spawn(config(calls, (Say("ANSWER"),)), "asks") as session:
        await session.ask("QUESTION").answer()


async def abandon(runtime: rc.Runtime) -> None:
    """A turn for which nobody waits any more: while it runs, and when its session has ended."""
    async with await runtime.spawn(config((Wait(),)), "abandoned") as session:
        with suppress(TimeoutError):
            await asyncio.wait_for(session.ask("QUESTION").answer(), 0.3)
    await AbandonedTurns().interrupt_and_wait(session, rc.Interrupt(turn=2))


async def fail(runtime: rc.Runtime) -> None:
    """A turn whose provider can't be reached, after its facts could not be had."""
    refused = rc.SessionConfig(provider=PROVIDER, retry=rc.RetryPolicy(max_attempts=1))
    async with await runtime.spawn(refused, "fails") as session:
        with suppress(rc.RayconteurError):
            await session.ask("QUESTION").answer()
        await session.configure(rc.Configure(system="another SYSTEM"))


@pytest.fixture
def reports(
    joining: rc.RuntimeOptions, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> list[logging.LogRecord]:
    """What a program reports at the level of the test's parameter."""

    async def main() -> None:
        async with rc.Runtime(placement=rc.Packed(), options=joining) as runtime:
            for happen in (use_tools, abandon, fail):
                await happen(runtime)

    with caplog.at_level(request.param, logger="rayconteur"):
        asyncio.run(main())
    return [record for record in caplog.records if record.name.startswith("rayconteur")]


@pytest.mark.parametrize("reports", [logging.INFO], indirect=True)
def test_at_info_a_program_reports_what_an_operator_looks_for(reports: list[logging.LogRecord]) -> None:
    lines = [record.getMessage() for record in reports]

    for phrase in (
        "entered the namespace",
        "the input of the tool 'look' does not fit its schema",
        "turn 2 of session abandoned was abandoned, and could not be interrupted: session_closed",
        "session asks: the model asks the user something",
        "anthropic: the models endpoint told nothing about m",
        "left the namespace",
    ):
        assert any(phrase in line for line in lines), phrase
    assert "turn 1 of session abandoned was abandoned" not in lines
    assert all(record.levelno >= logging.INFO for record in reports)


@pytest.mark.parametrize("reports", [logging.DEBUG], indirect=True)
def test_at_debug_it_reports_more_and_neither_content_nor_a_key(reports: list[logging.LogRecord]) -> None:
    lines = [record.getMessage() for record in reports]

    assert "turn 1 of session abandoned was abandoned" in lines
    for record in reports:
        said = f"{record.getMessage()} {record.args!r} {record.exc_text or ''}"
        assert [word for word in WORDS if word in said] == []
