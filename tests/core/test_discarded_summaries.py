"""Which summaries leave the history together with a turn that is discarded."""

import msgspec
import pytest
from builders.conversation import TOOL_USE, answered, opened_conversation, received, tool_results, user_message

from rayconteur.compaction.summaries.summary_message import summary_message
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation

TURN = 1_000
"""A number that Python does not keep one object of."""


def interrupted_after_a_summary_of_steps() -> Conversation:
    conversation = opened_conversation()
    for request in range(1, TURN):
        conversation.handle(received(msg.Clear()))
        conversation.handle(user_message("hi"))
        conversation.handle(answered(request, "yes"))
    conversation.handle(user_message("look"))
    conversation.handle(answered(TURN, TOOL_USE))
    conversation.handle(tool_results("a"))
    conversation.handle(ev.RequestFailed(request=TURN + 1, failure=ev.Failure(code="context_overflow", message="long")))
    *before, question, use, results = conversation.history
    summary = summary_message([use, results], "It looked.", within_turn=True)
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(*before, question, summary)))
    return conversation


def test_a_summary_of_steps_leaves_with_its_turn() -> None:
    conversation = interrupted_after_a_summary_of_steps()
    assert conversation.history[-1].stands_for

    conversation.handle(received(msg.Interrupt()))

    assert [message.turn for message in conversation.history] == [TURN - 1, TURN - 1]


@pytest.mark.parametrize("turns", [1, 2])
def test_a_summary_of_earlier_turns_stays(turns: int) -> None:
    conversation = opened_conversation()
    for request in range(1, 3):
        conversation.handle(user_message("hi"))
        conversation.handle(answered(request, "yes"))
    conversation.handle(user_message("go on"))
    conversation.handle(ev.RequestFailed(request=3, failure=ev.Failure(code="context_overflow", message="long")))
    history = conversation.history
    summary = summary_message(history[: 2 * turns], "It said yes.", within_turn=False)
    summary = msgspec.structs.replace(summary, id="c1.1")
    kept = (summary, *history[2 * turns :])
    conversation.handle(ev.CompactionEnded(compaction=1, messages=kept))

    conversation.handle(received(msg.Interrupt()))

    assert conversation.history == kept[:-1]
