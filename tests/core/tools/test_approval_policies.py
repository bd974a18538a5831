"""A session's own function that decides which tool uses need approval: none runs before it has decided."""

from collections.abc import Sequence

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    assert_rejected,
    effects,
    emitted_events,
    only_one,
    opened_conversation,
    received,
    tool_results,
    user_message,
)

from rayconteur.providers.schema.content import ToolUse
from rayconteur.providers.schema.tools import Approval, Tool, ToolStart
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import ApprovalNeeded, NoApprovalNeeded
from rayconteur.runtime.api.tools.approval_policy import ApprovalPolicy
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import DecideApproval, Instruction, SendRequest, StartToolTimer

POLICY = ApprovalPolicy(b"pickled")
DECIDES = msgspec.structs.replace(DISCARD, approve=POLICY, approval_timeout_s=600.0)


def use(use_id: str, name: str = "look") -> ToolUse:
    return ToolUse(id=use_id, name=name, input={"at": 1})


def asked(*uses: ToolUse, config: SessionConfig = DECIDES) -> tuple[Conversation, list[Instruction]]:
    """A conversation in whose turn 1 the model asks for *uses*, and what it does then."""
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    return conversation, conversation.handle(answered(1, *uses))


def decided(ids: Sequence[str], needing: Sequence[str] = ()) -> ev.ApprovalDecided:
    return ev.ApprovalDecided(tool_use_ids=tuple(ids), needing=tuple(needing))


def test_no_use_runs_before_the_function_has_decided_and_then_only_those_that_need_no_approval() -> None:
    conversation, instructions = asked(use("a"), use("b"), use("c"))

    assert only_one(DecideApproval, instructions) == DecideApproval((use("a"), use("b"), use("c")), POLICY)
    assert not any(isinstance(event, out.ToolBatch | out.ApprovalRequested) for event in emitted_events(instructions))
    with assert_rejected(conversation, ApprovalNeeded):
        conversation.handle(tool_results("a"))

    instructions = conversation.handle(decided("abc", "b"))

    assert emitted_events(instructions) == [
        out.ToolBatch(turn=1, uses=(use("a"), use("c")), step=1),
        out.ApprovalRequested(turn=1, uses=(use("b"),), step=1),
    ]
    assert [step.approval for step in instructions if isinstance(step, StartToolTimer)] == [False, True]
    assert conversation.unapproved_tool_uses == (use("b"),)
    conversation.handle(received(msg.Approve()))
    assert only_one(SendRequest, conversation.handle(tool_results("a", "b", "c"))).number == 2


def test_the_function_is_not_asked_where_the_tool_or_a_grant_says_it() -> None:
    own = (Tool(name="free", approve=Approval.NEVER), Tool(name="asks", approve=Approval.ALWAYS))
    conversation, instructions = asked(
        use("a", "free"), use("b", "asks"), use("c"), config=msgspec.structs.replace(DECIDES, tools=own)
    )

    assert only_one(DecideApproval, instructions).uses == (use("c"),)
    assert emitted_events(instructions)[-2:] == [
        out.ToolBatch(turn=1, uses=(use("a", "free"),), step=1),
        out.ApprovalRequested(turn=1, uses=(use("b", "asks"),), step=1),
    ]

    conversation.handle(decided("c", "c"))
    conversation.handle(received(msg.Approve(tool_use_ids=("b", "c"), grant="tool")))
    conversation.handle(tool_results("a", "b", "c"))
    batch = emitted_events(conversation.handle(answered(2, use("d"))))[-1]
    assert isinstance(batch, out.ToolBatch)
    assert batch.uses == (use("d"),)


def test_nobody_approves_what_is_being_decided() -> None:
    conversation, _ = asked(use("a"))

    for ids in ((), ("a",)):
        with assert_rejected(conversation, NoApprovalNeeded):
            conversation.handle(received(msg.Approve(tool_use_ids=ids)))
        with assert_rejected(conversation, NoApprovalNeeded):
            conversation.handle(received(msg.Deny(tool_use_ids=ids)))
    with assert_rejected(conversation, ApprovalNeeded):
        conversation.handle(received(msg.RequestApproval(tool_use_ids=("a",))))


@pytest.mark.parametrize("end", [msg.Interrupt(), msg.Close()], ids=lambda end: type(end).__name__)
def test_a_decision_after_the_end_of_its_turn_is_ignored(end: msg.ToLLM) -> None:
    conversation, _ = asked(use("a"))
    conversation.handle(received(end))

    assert conversation.handle(decided("a")) == []


def test_another_process_asks_again_the_function_that_was_in_force() -> None:
    conversation, instructions = asked(use("a"), use("b"))
    conversation.handle(received(msg.Configure(approve=Approval.NEVER)))

    [again] = effects(conversation.handle(ev.Recovered()))

    assert again == only_one(DecideApproval, instructions)
    assert conversation.handle(decided("a")) == []
    conversation.handle(decided("ab"))
    assert not any(isinstance(step, DecideApproval) for step in conversation.handle(ev.Recovered()))


def test_uses_that_are_decided_about_start_when_the_answer_is_complete() -> None:
    config = msgspec.structs.replace(DECIDES, tools=(Tool(name="look"),), start_tools=ToolStart.STREAMING)
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))

    assert emitted_events(conversation.handle(ev.ToolUseReady(request=1, use=use("a")))) == []
    assert only_one(DecideApproval, conversation.handle(answered(1, use("a")))).uses == (use("a"),)
