"""A session does not wait for tools longer than it should, and no timer outlives the wait."""

import asyncio
import logging

import pytest
from fixtures.session import running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime import RequestApproval, StepCompleted, ToolUpdate
from rayconteur.scripted import Call, Say

LOOKS = (Call("look", id="a"),), (Say("seen"),)


def test_a_tool_use_that_nobody_answers_does_not_hold_up_its_session() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        async with running_session(scripted_config(*LOOKS, results_timeout_s=60.0)) as session:
            session.ask()
            await session.wait_for_event(rc.ToolBatch)
            asked_at = loop.time()
            await asyncio.sleep(50)
            session.tell(ToolUpdate(progress={"a": "half"}))
            await session.wait_for_event(StepCompleted)
            answered_at = loop.time()
            await session.wait_for_event(rc.Completed)
            return asked_at, answered_at

    asked_at, answered_at = run(main())
    assert 109 < answered_at - asked_at < 111


def test_what_a_queued_message_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        config = scripted_config((Call("look", id="a"), Call("send", id="b")), (Say("seen"),))
        async with running_session(config) as session:
            session.ask()
            await session.wait_for_event(rc.ToolBatch)
            session.tell(RequestApproval(tool_use_ids=("b",)))
            session.ask()
            session.tell(rc.UserMessage(content=(rc.Text("And now?"),), correlation_id="order-7"))

    with caplog.at_level(logging.INFO, "rayconteur"):
        run(main())

    waits = [record.getMessage() for record in caplog.records if "queued behind" in record.getMessage()]
    behind = "is queued behind turn 1, which waits for tools: 'a' (result), 'b' (approval)"
    assert waits == [f"s: turn 2 {behind}", f"s: turn 3 ('order-7') {behind}"]


def test_a_timer_ends_with_the_wait() -> None:
    async def main() -> None:
        async with running_session(scripted_config(*LOOKS, results_timeout_s=60.0)) as session:
            session.ask()
            await session.wait_for_event(rc.ToolBatch)
            session.tell(rc.ToolResults(results=(rc.ToolResult("a"),)))
            await session.wait_for_event(rc.Completed)
            events = len(session.events)
            await asyncio.sleep(1_000)
            assert len(session.events) == events

    run(main())
