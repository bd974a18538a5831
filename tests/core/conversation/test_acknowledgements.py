"""The acknowledgement of a message names the turn that the message started, continued or ended."""

from typing import get_args

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    conversation_in,
    copy_of,
    received,
    request_failed,
    tool_result,
    user_message,
)

from rayconteur.providers.schema.content import ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.api.tools.builtins import ASK_USER
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge

HI = msg.UserMessage.of("hi")
RESULTS = msg.ToolResults(results=(tool_result("a"),))

CASES: list[tuple[State, msg.ToLLM, int | None]] = [
    (State.IDLE, HI, 1),
    (State.REQUESTING, HI, 2),
    (State.REQUESTING, msg.UserMessage(content=HI.content, when_busy=WhenBusy.INTERRUPT), 2),
    (State.IDLE, msg.AddMessages(messages=(Message.of_user("hi"),)), 1),
    (State.REQUESTING, msg.AddMessages(messages=(Message.of_user("hi"), Message.of_user("ho"))), 2),
    (State.TOOLS_OUT, msg.UserMessage(content=HI.content, when_busy=WhenBusy.STEER), 2),
    (State.TOOLS_OUT, RESULTS, 1),
    (State.TOOLS_OUT, msg.ToolUpdate(started=("a",)), 1),
    (State.TOOLS_OUT, msg.RequestApproval(tool_use_ids=("a",)), 1),
    (State.REQUESTING, msg.Interrupt(), 1),
    (State.TOOLS_OUT, msg.Interrupt(turn=1), 1),
    (State.IDLE, msg.Interrupt(), None),
    (State.COMPACTING, msg.Interrupt(), None),
    (State.REQUESTING, msg.Interrupt(turn=7), None),
    (State.IDLE, msg.Compact(), None),
    (State.REQUESTING, msg.Compact(), None),
    (State.IDLE, msg.Clear(), None),
    (State.REQUESTING, msg.Clear(), None),
    (State.IDLE, msg.Rewind(), None),
    (State.REQUESTING, msg.Rewind(), None),
    (State.REQUESTING, msg.Configure(system="be brief"), None),
    (State.REQUESTING, msg.Configure(system="be brief", next="turn"), None),
    (State.IDLE, msg.Close(), None),
    (State.REQUESTING, msg.Close(), 1),
    (State.REQUESTING, msg.Close(drain=True), None),
]


def acknowledged_turn(conversation: Conversation, message: msg.ToLLM) -> int | None:
    record, acknowledgement, *_ = conversation.handle(received(message))
    assert isinstance(record, ev.Record)
    assert isinstance(acknowledgement, Acknowledge)
    return acknowledgement.turn


@pytest.mark.parametrize(("state", "message", "turn"), CASES)
def test_a_message_is_acknowledged_with_its_turn(state: State, message: msg.ToLLM, turn: int | None) -> None:
    assert acknowledged_turn(conversation_in(state), message) == turn


def test_a_retry_is_acknowledged_with_its_new_turn() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(request_failed(1))

    assert acknowledged_turn(conversation, msg.Retry()) == 2


def test_a_continuation_is_acknowledged_with_its_new_turn() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "They ", stop=StopReason.MAX_TOKENS))

    assert acknowledged_turn(conversation, msg.Continue()) == 2


def test_an_interrupt_of_a_queued_turn_is_acknowledged_with_that_turn() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message())

    assert acknowledged_turn(conversation, msg.Interrupt(turn=2)) == 2


ELSEWHERE = {msg.Retry, msg.Continue, msg.Approve, msg.Deny, msg.AnswerQuestion}
"""What no state of ``CASES`` accepts."""


def test_approvals_and_denials_are_acknowledged_with_their_turn() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(received(msg.RequestApproval(tool_use_ids=("a",))))
    denied = copy_of(conversation)

    assert acknowledged_turn(conversation, msg.Approve()) == 1
    assert acknowledged_turn(denied, msg.Deny()) == 1


def test_an_answer_to_a_question_is_acknowledged_with_its_turn() -> None:
    conversation = conversation_in(State.REQUESTING, msgspec.structs.replace(DISCARD, tools=(ASK_USER,)))
    conversation.handle(answered(1, ToolUse(id="a", name="ask_user", input={"question": "Which?"})))

    assert acknowledged_turn(conversation, msg.AnswerQuestion(tool_use_id="a", text="Oslo")) == 1


def test_every_kind_of_message_is_covered() -> None:
    assert {type(message) for _, message, _ in CASES} | ELSEWHERE == set(get_args(msg.ToLLM))
