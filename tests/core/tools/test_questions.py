"""Questions to the user: the turn waits for the answer, which is the result of the tool use."""

from typing import Any

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    answered,
    assert_rejected,
    copy_of,
    effects,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    received,
    replayed,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.tools import Approval, Tool
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import EmptyMessage, NoQuestion, QuestionAnswered, UnknownToolUse
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.status import State
from rayconteur.runtime.api.tools.builtins import ASK_USER
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest, StartToolTimer
from rayconteur.runtime.core.tools.batch import NOBODY_REPLIED

LOOK = Tool(name="look")
ASKS = msgspec.structs.replace(DISCARD, tools=(LOOK, ASK_USER), approve=Approval.ALWAYS)


def question(use_id: str, text: str = "Which town?", **input_: Any) -> ToolUse:
    return ToolUse(id=use_id, name="ask_user", input={"question": text, **input_})


def answer(use_id: str, text: str = "Oslo") -> ev.Received:
    return received(msg.AnswerQuestion(tool_use_id=use_id, text=text))


def asked(*uses: ToolUse, config: SessionConfig = ASKS) -> Conversation:
    """A conversation in whose turn 1 the model asks for *uses*."""
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, *uses))
    return conversation


def test_a_question_is_an_event_and_its_answer_the_result() -> None:
    conversation = opened_conversation(ASKS)
    conversation.handle(user_message("hi"))

    events = emitted_events(conversation.handle(answered(1, question("a", choices=["Oslo", "Rome"]))))

    assert events[1:] == [
        out.ToolStarted(turn=1, tool_use_id="a", name="ask_user"),
        out.QuestionAsked(turn=1, tool_use_id="a", question="Which town?", choices=("Oslo", "Rome"), step=1),
    ]
    assert [use.id for use in conversation.open_questions] == ["a"]
    steps = conversation.handle(answer("a"))
    assert isinstance(steps[-1], SendRequest)
    assert [type(event) for event in emitted_events(steps)] == [out.ToolCompleted, out.StepCompleted]
    assert history_lines(conversation.history)[-1] == "user: a=Oslo"


def test_the_other_tools_of_the_answer_run_meanwhile_and_only_they_need_approval() -> None:
    conversation = opened_conversation(ASKS)
    conversation.handle(user_message("hi"))

    events = emitted_events(conversation.handle(answered(1, question("a"), ToolUse("b", "look", {}), question("c"))))

    assert only_one(out.ApprovalRequested, events).uses == (ToolUse("b", "look", {}),)
    assert not any(isinstance(event, out.ToolBatch) for event in events)
    batch = only_one(out.ToolBatch, emitted_events(conversation.handle(received(msg.Approve()))))
    assert [use.id for use in batch.uses] == ["b"]
    conversation.handle(answer("c", "Rome"))
    conversation.handle(tool_results("b"))
    assert conversation.state is State.TOOLS_OUT
    conversation.handle(answer("a"))
    assert history_lines(conversation.history)[-1] == "user: a=Oslo b=seen c=Rome"


@pytest.mark.parametrize(
    "given", [{}, {"question": 7}, {"question": "Which?", "choices": "Oslo"}], ids=["none", "a number", "one choice"]
)
def test_input_that_does_not_fit_is_an_error_for_the_model_and_asks_nobody(given: dict[str, Any]) -> None:
    conversation = opened_conversation(ASKS)
    conversation.handle(user_message("hi"))

    steps = conversation.handle(answered(1, ToolUse("a", "ask_user", given)))

    events = emitted_events(steps)
    assert only_one(out.ToolFailed, events).message.startswith("The input does not fit the schema of the tool: ")
    assert not any(isinstance(event, out.QuestionAsked) for event in events)
    assert isinstance(steps[-1], SendRequest)
    assert history_lines(conversation.history)[-1] == "user: a!"


def test_a_model_that_only_writes_input_that_does_not_fit_is_stopped_by_the_limit_of_steps() -> None:
    conversation = opened_conversation(msgspec.structs.replace(ASKS, max_steps=5))
    conversation.handle(user_message("hi"))

    for request in range(1, 5):
        assert conversation.state is State.REQUESTING
        conversation.handle(answered(request, ToolUse(str(request), "ask_user", {})))
    (end,) = turn_ends(conversation.handle(answered(5, ToolUse("last", "ask_user", {}))))

    assert isinstance(end, out.Completed)
    assert end.stop_reason == "max_steps"


def test_what_is_wrong_about_an_answer_is_said_and_nothing_changes() -> None:
    conversation = asked(question("a"), ToolUse("b", "look", {}), question("c"))
    conversation.handle(answer("a"))

    for error, event in (
        (QuestionAnswered, answer("a")),
        (NoQuestion, answer("b")),
        (NoQuestion, answer("x")),
        (EmptyMessage, answer("c", " \n")),
        (UnknownToolUse, tool_results("c")),
        (UnknownToolUse, received(msg.ToolUpdate(started=("c",)))),
        (UnknownToolUse, received(msg.RequestApproval(tool_use_ids=("c",)))),
    ):
        with assert_rejected(conversation, error):
            conversation.handle(event)


def test_an_answer_that_comes_after_the_turn_is_rejected() -> None:
    conversation = asked(question("a"))
    conversation.handle(answer("a"))
    conversation.handle(answered(2, "done"))

    with assert_rejected(conversation, QuestionAnswered):
        conversation.handle(answer("a"))
    with assert_rejected(conversation, NoQuestion):
        conversation.handle(answer("x"))


def test_an_interrupt_ends_the_wait() -> None:
    conversation = asked(question("a"), config=msgspec.structs.replace(KEEP, tools=(ASK_USER,)))

    (end,) = turn_ends(conversation.handle(received(msg.Interrupt())))

    assert isinstance(end, out.Interrupted)
    assert history_lines(conversation.history)[-1] == "user: a!"
    with assert_rejected(conversation, QuestionAnswered):
        conversation.handle(answer("a"))


def test_the_wait_has_the_time_limit_of_approvals_and_none_by_default() -> None:
    limited = msgspec.structs.replace(ASKS, approval_timeout_s=60.0, results_timeout_s=5.0)
    conversation = opened_conversation(limited)
    conversation.handle(user_message("hi"))

    timer = only_one(StartToolTimer, conversation.handle(answered(1, question("a"))))
    unlimited = opened_conversation(msgspec.structs.replace(ASKS, results_timeout_s=5.0))
    unlimited.handle(user_message("hi"))

    assert (timer.delay_s, timer.approval) == (60.0, True)
    assert not any(isinstance(step, StartToolTimer) for step in unlimited.handle(answered(1, question("a"))))
    steps = conversation.handle(ev.ToolsTimedOut(timer=timer.timer, approval=True))
    assert only_one(out.ToolFailed, emitted_events(steps)).message == NOBODY_REPLIED
    assert isinstance(steps[-1], SendRequest)


def test_a_question_may_end_the_turn_and_may_be_one_of_a_single_turn() -> None:
    ends = msgspec.structs.replace(ASK_USER, ends_turn=True)
    conversation = opened_conversation(DISCARD)
    settings = TurnSettings(tools=(ends,))
    conversation.handle(received(msg.UserMessage(content=(Text("hi"),), settings=settings)))
    conversation.handle(answered(1, question("a")))

    (end,) = turn_ends(conversation.handle(answer("a")))

    assert isinstance(end, out.Completed)
    assert end.stop_reason == "ended_by_tool"


def test_a_wait_for_an_answer_survives_its_process() -> None:
    conversation = opened_conversation(ASKS)
    records: list[ev.Record] = [ev.Record(1, ev.Opened(config=ASKS, created_at=0.0))]
    for event in (user_message("hi"), answered(1, question("a"), question("b")), answer("b")):
        record = conversation.handle(event)[0]
        assert isinstance(record, ev.Record)
        records.append(record)

    later = replayed(records)

    assert later == conversation
    assert [use.id for use in later.open_questions] == ["a"]
    assert isinstance(effects(later.handle(answer("a")))[-1], SendRequest)


def test_a_tool_of_the_programs_is_not_called_like_a_built_in_one_and_that_keeps_its_name() -> None:
    with pytest.raises(InvalidConfig, match="ask_user is a built-in tool; give your own another name"):
        msgspec.structs.replace(DISCARD, tools=(ASK_USER, Tool(name="ask_user")))
    with pytest.raises(InvalidConfig, match="keeps its name"):
        msgspec.structs.replace(ASK_USER, name="ask")
    own = msgspec.structs.replace(DISCARD, tools=(Tool(name="ask_user"),))  # without the built-in one, it may be
    conversation = opened_conversation(own)
    conversation.handle(user_message("hi"))
    batch = only_one(out.ToolBatch, emitted_events(conversation.handle(answered(1, question("a")))))
    assert [use.id for use in batch.uses] == ["a"]
    before = copy_of(conversation)
    with assert_rejected(conversation, NoQuestion):
        conversation.handle(answer("a"))
    assert before == conversation
    conversation.handle(received(msg.ToolResults(results=(ToolResult("a", (Text("Oslo"),)),))))
    assert history_lines(conversation.history)[-1] == "user: a=Oslo"
