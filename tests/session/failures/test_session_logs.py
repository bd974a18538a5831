"""What a session reports to the log: what happens, at INFO and DEBUG, and never content or secrets."""

import asyncio
import logging
import re

import msgspec
import pytest
from fixtures.session import running_session, scripted_config
from fixtures.virtual_time import run
from servers.loopback import Loopback, answers

import rayconteur as rc
from rayconteur.scripted import Call, Fail, Say, Think

WORDS = ["QUESTION", "ANSWER", "THOUGHT", "SYSTEM", "INPUT", "RESULT", "DESCRIPTION", "REASON", "LABEL"]
"""Words of all content that the session below has."""


async def eventful_session() -> None:
    """A request that is retried, tools, thinking, a change of settings, a failed turn, a compaction, and the end."""
    answers = (
        (Fail(code="rate_limited", message="REASON", retry_after_s=1.0),),
        (Think("THOUGHT"), Call("look", {"at": "INPUT"})),
        (Say("ANSWER"),),
        (Fail(code="invalid_request", message="REASON"),),
    )
    config = scripted_config(
        *answers,
        system="SYSTEM",
        tools=(rc.Tool(name="look", description="DESCRIPTION"),),
        metadata={"LABEL": "LABEL"},
    )
    async with running_session(config) as session:
        question = rc.UserMessage(content=(rc.Text("QUESTION"),), correlation_id="order-7", metadata={"LABEL": "LABEL"})
        turn = session.tell(question).turn
        assert turn is not None
        batch = await session.wait_for_event(rc.ToolBatch, turn)
        assert isinstance(batch, rc.ToolBatch)
        session.tell(rc.ToolResults(results=(rc.ToolResult(batch.uses[0].id, (rc.Text("RESULT"),)),)))
        await session.wait_for_end(turn)
        session.tell(rc.Configure(system="another SYSTEM"))
        await session.wait_for_end(session.ask("another QUESTION"))
        session.tell(rc.Compact())
        await session.wait_for_event(rc.Compacted)


def logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """The reports of *level* about the session above: logger, level and text."""
    caplog.clear()
    with caplog.at_level(level, logger="rayconteur"):
        run(eventful_session())
    return [
        f"{record.name} {record.levelname} {record.getMessage()}"
        for record in caplog.records
        if record.name.startswith("rayconteur")
    ]


def test_at_info_a_session_reports_what_an_operator_looks_for(caplog: pytest.LogCaptureFixture) -> None:
    lines = "\n".join(logged(caplog, logging.INFO))

    for phrase in (
        "opened 1 sessions",
        "turn 1 ('order-7') is tried again in 1.",
        "rate_limited",
        "configured system",
        "turn 2 failed: invalid_request",
        "s: compacted (",
        "s: closed",
    ):
        assert phrase in lines
    assert "DEBUG" not in lines


def test_at_debug_a_session_reports_its_requests_and_turns(caplog: pytest.LogCaptureFixture) -> None:
    lines = "\n".join(logged(caplog, logging.DEBUG))

    for phrase in (
        "turn 1 ('order-7') sends request 1 to scripted",
        "attempt 2",
        "turn 1 ('order-7'): TurnStarted",
        "turn 1 ('order-7') waits for 1 tools",
        "turn 1 ('order-7'): StepCompleted",
        "turn 1 ('order-7') completed: end_turn",
        "turn 2: TurnStarted",
    ):
        assert phrase in lines
    assert re.search(r"completed: end_turn, \d requests, \d+ tokens in, \d+ out$", lines, re.MULTILINE)
    assert "TextChunk" not in lines  # nothing for each chunk


def test_what_is_reported_of_a_session_or_its_turn_is_found_by_them(caplog: pytest.LogCaptureFixture) -> None:
    logged(caplog, logging.DEBUG)
    reports = [(record.getMessage(), vars(record)) for record in caplog.records if record.name.startswith("rayconteur")]

    of_session = [found for message, found in reports if message.startswith("s: ") or " session s " in message]
    of_turn = [found for message, found in reports if message.startswith("s: turn ")]
    of_order = [found for message, found in reports if "turn 1 ('order-7')" in message]

    assert {found.get("session") for found in of_session} == {"s"}
    assert {found.get("turn") for found in of_turn} == {1, 2}
    assert {found.get("correlation_id") for found in of_order} == {"order-7"}


@pytest.mark.parametrize("word", WORDS)
def test_no_report_holds_content(word: str, caplog: pytest.LogCaptureFixture) -> None:
    lines = logged(caplog, logging.DEBUG)

    assert len(lines) > 10
    records = [record for record in caplog.records if record.name.startswith("rayconteur")]
    for record in records:
        assert word not in record.getMessage()
        assert word not in repr(record.args)
        assert word not in (record.exc_text or "")


@pytest.mark.parametrize("status", [200, 401, 500])
def test_no_report_holds_a_key_not_even_one_that_the_server_repeats(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    key, body = "sk-never-to-be-seen", {"error": {"message": "the key sk-never-to-be-seen is wrong"}}

    async def main() -> None:
        async with Loopback(answers(msgspec.json.encode(body), status)) as server:
            provider = rc.OpenAI(model="m", base_url=server.url, api_key=key, extra_headers={"x-gate": key})
            config = rc.SessionConfig(provider=provider, retry=rc.RetryPolicy(max_attempts=2, first_delay_s=0))
            async with running_session(config) as session:
                await session.wait_for_end(session.ask())

    with caplog.at_level(logging.DEBUG, logger="rayconteur"):
        asyncio.run(main())

    assert "sends request 1 to openai" in caplog.text
    assert " failed: " in caplog.text
    assert key not in caplog.text + repr([record.args for record in caplog.records])
