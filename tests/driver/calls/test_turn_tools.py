"""The tools of a turn, batch by batch."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
from fixtures import virtual_time

import rayconteur as rc
from rayconteur.runtime import ToolCompleted, ToolFailed
from rayconteur.runtime.api.errors import ApprovalNeeded, MessageTooLarge, NoApprovalNeeded
from rayconteur.runtime.api.messages import Interrupt, Receipt, RequestApproval, ToLLM, ToolResults, ToolUpdate
from rayconteur.runtime.api.options import OnToolError
from rayconteur.runtime.driver.calls.abandoned_turns import AbandonedTurns
from rayconteur.runtime.driver.calls.tool_runs import SessionTools, ToolLimits, TurnTools
from rayconteur.runtime.tools.runs import ToolRun

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


def test_a_run_ends_when_its_tool_use_has_a_result_and_holds_up_none_of_the_others() -> None:
    happened: list[str] = []

    @rc.tool
    async def look() -> None:
        happened.append("starts")
        try:
            await asyncio.sleep(50 if len(happened) == 1 else 1)
        finally:
            happened.append("ends")

    async def main() -> list[str]:
        session = Mailbox(look)
        tools = TurnTools(session, LIMITS, AbandonedTurns())
        tools.start(batch("a", "b", "c", step=1), required=False)
        await asyncio.sleep(5)
        tools.note(ToolFailed(tool_use_id="a", name="look", message="nobody answered"))
        tools.note(ToolCompleted(tool_use_id="b", name="look"))
        await asyncio.sleep(10)
        assert not tools.running
        return session.answered

    assert virtual_time.run(main()) == ["c"]
    assert happened == ["starts", "ends"] * 2


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


class CarefulMailbox(Mailbox):
    """A session that takes messages at once, and keeps them. *refuses* are errors for some kinds."""

    def __init__(self, *tools: rc.Tool, refuses: Exception | None = None) -> None:
        super().__init__(*tools)
        self.messages: list[ToLLM] = []
        self._refuses = refuses

    async def send(self, message: ToLLM) -> Receipt:
        self.messages.append(message)
        if isinstance(message, RequestApproval) and self._refuses:
            raise self._refuses
        return Receipt(seq=1, turn=None)


def asks_about(use: rc.ToolUse) -> bool:
    return use.id.startswith("careful")


def messages_about(*ids: str, refuses: Exception | None = None) -> list[ToLLM]:
    """What a program sends whose tool asks for approval of some of the tool uses *ids*."""

    @rc.tool(approve=asks_about)
    async def look() -> str:
        return "two ravens"

    async def main() -> list[ToLLM]:
        session = CarefulMailbox(look, refuses=refuses)
        tools = TurnTools(session, LIMITS, AbandonedTurns())
        tools.start(batch(*ids, step=1), required=True)
        await asyncio.sleep(1)
        return session.messages

    return virtual_time.run(main())


def test_a_tool_use_waits_for_approval_if_its_function_says_so() -> None:
    asked, results = messages_about("careful", "free")

    assert asked == RequestApproval(tool_use_ids=("careful",))
    assert isinstance(results, ToolResults)
    assert [result.tool_use_id for result in results.results] == ["free"]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("parallel", "first"), [(True, ["b"]), (False, [])])
def test_a_function_that_takes_long_to_tell_of_approval_holds_up_no_other_use_unless_one_runs_alone(
    parallel: bool, first: list[str], together: bool
) -> None:
    async def takes_long(use: rc.ToolUse) -> bool:
        await asyncio.sleep(50)
        return False

    @rc.tool(approve=takes_long)
    async def careful() -> None: ...

    @rc.tool(parallel=parallel)
    async def look() -> None: ...

    async def main() -> tuple[list[str], list[str]]:
        session = Mailbox(careful, look)
        tools = TurnTools(session, dataclasses.replace(LIMITS, max_parallel=5), AbandonedTurns())
        uses = (rc.ToolUse("a", "careful", {}), rc.ToolUse("b", "look", {}))
        for batched in (uses,) if together else ((use,) for use in uses):
            tools.start(rc.ToolBatch(turn=1, uses=batched, step=1), required=False)
        await asyncio.sleep(10)
        before = [*session.answered]
        await asyncio.sleep(100)
        assert not tools.running
        return before, session.answered

    assert virtual_time.run(main()) == (first, ["b", "a"] if parallel else ["a", "b"])


def test_a_tool_use_that_has_its_approval_runs() -> None:
    _, results = messages_about("careful", refuses=NoApprovalNeeded("approved before"))

    assert isinstance(results, ToolResults)


def test_a_tool_use_for_which_another_program_asked_waits() -> None:
    assert len(messages_about("careful", refuses=ApprovalNeeded("asked before"))) == 1


def test_an_approved_tool_use_comes_again_and_is_not_asked_about_twice() -> None:
    @rc.tool(approve=asks_about)
    async def look() -> str:
        return "two ravens"

    async def main() -> list[ToLLM]:
        session = CarefulMailbox(look)
        tools = TurnTools(session, LIMITS, AbandonedTurns())
        tools.start(batch("careful", step=1), required=True)
        await asyncio.sleep(1)
        tools.start(batch("careful", step=1), required=True)
        await asyncio.sleep(1)
        return session.messages

    asked, results = virtual_time.run(main())
    assert isinstance(asked, RequestApproval)
    assert isinstance(results, ToolResults)


@pytest.mark.parametrize("error", [KeyError("eur"), asyncio.CancelledError(), SystemExit(1)], ids=repr)
def test_approval_is_asked_for_if_the_function_that_tells_it_fails(error: BaseException) -> None:
    def fails(use: rc.ToolUse) -> bool:
        raise error

    async def main() -> bool:
        use = rc.ToolUse("a", "look", {})
        return await ToolRun(use, print, dict, None, 1_000, approval=fails).needs_approval()

    assert asyncio.run(main())


def test_an_approval_in_the_middle_of_a_step_does_not_cancel_what_runs() -> None:
    @rc.tool
    async def look() -> str:
        await asyncio.sleep(5)
        return "two ravens"

    async def main() -> list[str]:
        session = Mailbox(look)
        tools = TurnTools(session, LIMITS, AbandonedTurns())
        tools.start(batch("a", step=1), required=False)
        await asyncio.sleep(1)
        tools.start(batch("b", step=1), required=False)
        await asyncio.sleep(20)
        return session.answered

    assert virtual_time.run(main()) == ["a", "b"]


def test_the_error_of_a_tool_is_raised_and_its_turn_interrupted_if_the_program_wants_that() -> None:
    @rc.tool
    async def look() -> str:
        raise LookupError("no raven")

    async def main() -> tuple[list[ToLLM], Exception | None]:
        session = CarefulMailbox(look)
        limits = dataclasses.replace(LIMITS, on_error=OnToolError.RAISE)
        tools = TurnTools(session, limits, AbandonedTurns())
        tools.start(batch("a", step=1), required=True)
        await asyncio.sleep(1)
        return session.messages, tools.error

    messages, error = virtual_time.run(main())
    assert messages == [Interrupt(turn=1)]
    assert isinstance(error, LookupError)


def test_tools_that_may_run_later_share_the_limits_with_those_of_their_answer() -> None:
    happened: list[str] = []

    async def look(at: str) -> str:
        happened.append(f"{at} starts")
        await asyncio.sleep(5)
        happened.append(f"{at} ends")
        return "two ravens"

    def with_input(at: str) -> rc.ToolBatch:
        return rc.ToolBatch(turn=1, uses=(rc.ToolUse(at, "look", {"at": at}),), step=1)

    async def main(limits: ToolLimits, parallel: bool) -> None:
        happened.clear()
        tools = TurnTools(CarefulMailbox(rc.tool(parallel=parallel)(look)), limits, AbandonedTurns())
        for each in ("a", "b", "c"):
            tools.start(with_input(each), required=True)
            await asyncio.sleep(1)
        await asyncio.sleep(20)
        assert not tools.running

    two = dataclasses.replace(LIMITS, max_parallel=2)
    virtual_time.run(main(two, parallel=False))
    assert happened == ["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]
    virtual_time.run(main(two, parallel=True))
    assert happened[:4] == ["a starts", "b starts", "a ends", "c starts"]


def test_a_tool_that_takes_long_is_said_to_go_on_every_minute() -> None:
    @rc.tool(timeout_s=None)
    async def look() -> str:
        await asyncio.sleep(150)
        return "two ravens"

    async def main() -> list[ToLLM]:
        session = CarefulMailbox(look)
        tools = TurnTools(session, LIMITS, AbandonedTurns())
        tools.start(batch("a", step=1), required=True)
        await asyncio.sleep(200)
        return session.messages

    *updates, results = virtual_time.run(main())
    assert updates == [ToolUpdate(started=("a",))] * 3
    assert isinstance(results, ToolResults)


def test_progress_that_the_session_rejects_is_no_reason_to_end_the_turn() -> None:
    class SmallMailbox(CarefulMailbox):
        async def send(self, message: ToLLM) -> Receipt:
            if isinstance(message, ToolUpdate):
                raise MessageTooLarge("it is too large")
            return await super().send(message)

    @rc.tool
    async def look() -> AsyncIterator[str]:
        yield "half " * 100
        await asyncio.sleep(5)
        yield "two ravens"

    async def main() -> list[ToLLM]:
        session = SmallMailbox(look)
        tools = TurnTools(session, LIMITS, AbandonedTurns())
        tools.start(batch("a", step=1), required=True)
        await asyncio.sleep(10)
        return session.messages

    [results] = virtual_time.run(main())
    assert isinstance(results, ToolResults)
