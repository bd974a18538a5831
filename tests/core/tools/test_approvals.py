"""Approvals: what needs one does not run before it has it, and grants spare later uses the question."""

import datetime
from typing import Any

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    conversation_in,
    copy_of,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    received,
    tool_results,
    tool_use,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.tools import Approval, Tool
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import ApprovalNeeded, NoApprovalNeeded, ToolUseAnswered, UnknownToolUse
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.tools.approvals import MAX_GRANTS

CAREFUL = msgspec.structs.replace(DISCARD, approve=Approval.ALWAYS)
FREE, ASKS = Tool(name="free", approve=Approval.NEVER), Tool(name="asks", approve=Approval.ALWAYS)


def use(use_id: str, name: str = "look", at: int = 1) -> ToolUse:
    return ToolUse(id=use_id, name=name, input={"at": at})


def waiting(*uses: ToolUse, config: SessionConfig = CAREFUL) -> Conversation:
    """A conversation in whose turn 1 the model asks for *uses*."""
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, *uses))
    return conversation


def test_tool_uses_that_need_approval_come_in_a_batch_of_their_own_when_they_have_it() -> None:
    config = msgspec.structs.replace(DISCARD, tools=(FREE, ASKS))
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    free, asks = use("a", "free"), use("b", "asks")

    asked = emitted_events(conversation.handle(answered(1, asks, free)))
    approved = emitted_events(conversation.handle(received(msg.Approve(tool_use_ids=("b",)))))

    assert asked[-2:] == [
        out.ToolBatch(turn=1, uses=(free,), step=1),
        out.ApprovalRequested(turn=1, uses=(asks,), step=1),
    ]
    assert approved == [out.ToolBatch(turn=1, uses=(asks,), step=1)]
    conversation.handle(tool_results("a"))
    assert only_one(SendRequest, conversation.handle(tool_results("b"))).number == 2


@pytest.mark.parametrize(
    ("own", "session", "asks"),
    [
        (None, Approval.NEVER, False),
        (None, Approval.ALWAYS, True),
        (Approval.NEVER, Approval.ALWAYS, False),
        (Approval.ALWAYS, Approval.NEVER, True),
    ],
)
def test_a_tool_says_for_itself_whether_its_uses_need_approval(own: Approval, session: Approval, asks: bool) -> None:
    config = msgspec.structs.replace(DISCARD, tools=(Tool(name="look", approve=own),), approve=session)

    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    [*_, last] = emitted_events(conversation.handle(answered(1, use("a"))))

    assert isinstance(last, out.ApprovalRequested) is asks


def test_a_tool_that_is_not_declared_needs_approval_where_all_do() -> None:
    conversation = waiting(use("a", "rm"))

    with pytest.raises(ApprovalNeeded):
        conversation.handle(tool_results("a"))


def test_a_denied_tool_use_has_an_error_result_with_the_reason() -> None:
    conversation = waiting(use("a"))

    instructions = conversation.handle(received(msg.Deny(reason="not on a Sunday")))

    failed, completed = emitted_events(instructions)
    assert isinstance(failed, out.ToolFailed)
    assert failed.message == "The user denied this tool use, and nothing was run: not on a Sunday"
    assert isinstance(completed, out.StepCompleted)
    assert completed.results[0].is_error
    assert history_lines(only_one(SendRequest, instructions).messages)[-1] == "user: a!"


def test_an_edited_input_runs_and_the_model_is_told_of_it() -> None:
    conversation = waiting(use("a"))

    [batch] = emitted_events(conversation.handle(received(msg.Approve(inputs={"a": {"at": 7}}, tool_use_ids=("a",)))))
    sent = only_one(SendRequest, conversation.handle(tool_results("a")))

    assert batch == out.ToolBatch(turn=1, uses=(use("a", at=7),), step=1)
    *_, asked, results = sent.messages
    assert asked.content == (use("a"),)  # what the model wrote stays as it is
    [result] = results.content
    assert isinstance(result, ToolResult)
    assert result.content == (Text('[Before the tool ran, the user changed its input to {"at":7}]'), Text("seen"))


def test_an_edited_input_is_json_as_if_the_model_had_written_it() -> None:
    conversation = waiting(use("a"))
    day = datetime.date(2026, 7, 1)

    [batch] = emitted_events(conversation.handle(received(msg.Approve(inputs={"a": {"at": day, "to": (1, 2)}}))))

    assert isinstance(batch, out.ToolBatch)
    assert batch.uses[0].input == {"at": "2026-07-01", "to": [1, 2]}


@pytest.mark.parametrize("given", [{"at": {None: 1}}, {"at": msgspec.msgpack.Ext(5, b"?")}])
def test_an_edited_input_that_has_no_json_is_rejected(given: dict[str, Any]) -> None:
    conversation = waiting(use("a"))
    before = copy_of(conversation)

    with pytest.raises(InvalidConfig, match=r"^message\.inputs\['a'\]: [^'\"]") as caught:
        conversation.handle(received(msg.Approve(inputs={"a": given})))

    assert not str(caught.value).endswith(("'", '"')), "a sentence in quotes"
    assert conversation == before


def test_what_is_wrong_about_an_approval_is_said_and_nothing_changes() -> None:
    conversation = waiting(use("a"), use("b"))
    conversation.handle(received(msg.Approve(tool_use_ids=("a",))))
    conversation.handle(tool_results("a"))
    before = copy_of(conversation)

    for message, error in (
        (msg.Approve(tool_use_ids=("a",)), NoApprovalNeeded),
        (msg.Deny(tool_use_ids=("a",)), NoApprovalNeeded),
        (msg.Approve(tool_use_ids=("x",)), UnknownToolUse),
        (msg.Approve(tool_use_ids=("b",), inputs={"a": {}}), UnknownToolUse),
        (msg.RequestApproval(tool_use_ids=("b",)), ApprovalNeeded),
        (msg.RequestApproval(tool_use_ids=("a",)), ToolUseAnswered),
        (msg.ToolUpdate(started=("b",)), ApprovalNeeded),
        (msg.ToolUpdate(progress={"a": "half"}), ToolUseAnswered),
    ):
        with pytest.raises(error):
            conversation.handle(received(message))
    assert conversation == before


def test_an_approval_when_nothing_waits_is_rejected() -> None:
    conversation = conversation_in(State.TOOLS_OUT)

    with pytest.raises(NoApprovalNeeded):
        conversation.handle(received(msg.Approve()))


def test_an_interrupt_ends_the_wait_for_approval() -> None:
    conversation = waiting(use("a"))

    [end] = turn_ends(conversation.handle(received(msg.Interrupt())))

    assert isinstance(end, out.Interrupted)
    with pytest.raises(UnknownToolUse):
        conversation.handle(received(msg.Approve(tool_use_ids=("a",))))


def test_a_program_can_ask_for_approval_of_a_tool_that_does_not_always_need_it() -> None:
    conversation = conversation_in(State.TOOLS_OUT)

    [asked] = emitted_events(conversation.handle(received(msg.RequestApproval(tool_use_ids=("a",)))))

    assert asked == out.ApprovalRequested(turn=1, uses=(tool_use("a"),), step=1)
    with pytest.raises(ApprovalNeeded):
        conversation.handle(tool_results("a"))


def asks_again(message: msg.Approve, later: ToolUse, at: float) -> bool:
    """Whether *later* needs approval at that time, after *message* approved a use of ``look`` at the time 100."""
    conversation = waiting(use("a"))
    conversation.handle(msgspec.structs.replace(received(message), at=100.0))
    conversation.handle(tool_results("a"))
    [*_, last] = emitted_events(conversation.handle(msgspec.structs.replace(answered(2, later), at=at)))
    return isinstance(last, out.ApprovalRequested)


def test_a_grant_covers_later_uses_in_its_scope_until_it_expires() -> None:
    same, other_input, other_tool = use("b"), use("b", at=2), use("b", "rm")
    once, arguments, tool = (msg.Approve(grant=scope) for scope in ("use", "arguments", "tool"))
    for_a_minute = msg.Approve(grant="tool", grant_s=60)

    assert asks_again(once, same, 101)
    assert not asks_again(arguments, same, 101)
    assert asks_again(arguments, other_input, 101)
    assert not asks_again(tool, other_input, 1e12)
    assert asks_again(tool, other_tool, 101)
    assert not asks_again(for_a_minute, same, 159.9)
    assert asks_again(for_a_minute, same, 160.0)


def test_the_number_of_grants_is_limited() -> None:
    conversation = opened_conversation(CAREFUL)
    conversation.handle(user_message("hi"))
    uses = [use(str(number), at=number) for number in range(MAX_GRANTS + 5)]
    conversation.handle(answered(1, *uses))

    conversation.handle(received(msg.Approve(grant="arguments")))

    grants = conversation.snapshot().grants
    assert isinstance(grants, tuple)
    assert len(grants) == MAX_GRANTS
    conversation.handle(tool_results(*(each.id for each in uses)))
    [*_, batch, asked] = emitted_events(conversation.handle(answered(2, use("x", at=4), use("y", at=5))))
    assert isinstance(batch, out.ToolBatch)
    assert isinstance(asked, out.ApprovalRequested)
    assert [each.input["at"] for each in (*asked.uses, *batch.uses)] == [4, 5]


@pytest.mark.parametrize(("later", "asks"), [(1, False), (True, True), (1.0, True), ("1", True)])
def test_a_grant_of_arguments_covers_equal_ones_of_the_same_types(later: object, asks: bool) -> None:
    conversation = waiting(use("a", at=1))
    conversation.handle(received(msg.Approve(grant="arguments")))
    conversation.handle(tool_results("a"))

    again = ToolUse(id="b", name="look", input={"at": later})
    [*_, last] = emitted_events(conversation.handle(answered(2, again)))

    assert isinstance(last, out.ApprovalRequested) is asks


def test_a_grant_does_not_keep_the_arguments() -> None:
    conversation = waiting(ToolUse(id="a", name="look", input={"at": "x" * 100_000}))

    conversation.handle(received(msg.Approve(grant="arguments")))

    assert len(msgspec.msgpack.encode(conversation.snapshot().grants)) < 1_000
