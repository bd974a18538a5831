"""The tools of a turn, batch by batch."""

import asyncio
import dataclasses

from fixtures import virtual_time

import rayconteur as rc
from rayconteur.runtime.api.messages import Receipt, ToLLM, ToolResults
from rayconteur.runtime.driver.calls.abandoned_turns import AbandonedTurns
from rayconteur.runtime.driver.calls.tool_runs import SessionTools, ToolLimits, TurnTools

LIMITS = ToolLimits(max_parallel=1, timeout_s=30.0, max_result_bytes=1_000)


class Mailbox:
    """A session that takes messages, each within a second."""

    id = "raven"

    def __init__(self, *tools: rc.Tool) -> None:
        self.tools = SessionTools.of(tools)
        self.answered: list[str] = []

    async def send(self, message: ToLLM) -> Receipt:
        if isinstance(message, ToolResults):
            self.answered += [result.tool_use_id for result in message.results]
        await asyncio.sleep(1)
        return Receipt(seq=1, turn=None)


def batch(*ids: str, step: int) -> rc.ToolBatch:
    return rc.ToolBatch(turn=1, uses=tuple(rc.ToolUse(each, "look", {}) for each in ids), step=step)


def test_a_run_whose_batch_was_answered_by_others_ends_with_the_next_batch_and_holds_up_none_of_it() -> None:
    happened: list[str] = []

    @rc.tool
    async def look() -> str:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            happened.append("cancelled")
            raise
        return "two ravens"

    async def main() -> list[str]:
        session = Mailbox(look)
        tools = TurnTools(session, LIMITS, AbandonedTurns())
        tools.start(batch("a", "b", step=1), required=False)
        await asyncio.sleep(1)
        tools.start(batch("c", step=2), required=False)
        await asyncio.sleep(1)
        assert happened == ["cancelled"]
        await asyncio.sleep(10)
        assert not tools.running
        return session.answered

    assert virtual_time.run(main()) == ["c"]


def test_no_tool_starts_after_the_tools_are_cancelled_and_all_have_ended_when_they_are_stopped() -> None:
    happened: list[str] = []

    @rc.tool
    async def look() -> None:
        happened.append("starts")
        try:
            await asyncio.sleep(1 if len(happened) == 1 else 50)
        finally:
            happened.append("ends")

    async def main() -> None:
        tools = TurnTools(Mailbox(look), dataclasses.replace(LIMITS, max_parallel=2), AbandonedTurns())
        tools.start(batch("a", "b", "c", step=1), required=False)
        await asyncio.sleep(1.5)  # the first result is on its way
        await tools.stop()
        assert happened == ["starts", "starts", "ends", "ends"]
        await asyncio.sleep(100)

    virtual_time.run(main())
    assert len(happened) == 4
