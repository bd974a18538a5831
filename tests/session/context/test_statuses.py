"""A status has every figure of its conversation."""

import msgspec
from builders.conversation import DISCARD, answered, opened_conversation, received, user_message

from rayconteur.providers.schema.content import ToolUse
from rayconteur.providers.schema.tools import Approval, Tool
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.status import ForkOrigin, SessionStatus, State
from rayconteur.runtime.api.tools.builtins import ASK_USER
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.session.statuses import status_of

ASKS = Tool(name="asks", approve=Approval.ALWAYS)
ORIGIN = ForkOrigin(session_id="s", epoch=1, turn=3)


def busy_conversation() -> Conversation:
    """A fork, whose oldest messages were dropped. Its turn waits for an approval and for the user's answer."""
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, tools=(ASKS, ASK_USER)))
    conversation.handle(user_message("hi"))
    question = {"question": "Which raven?"}
    conversation.handle(answered(1, ToolUse("use", "asks", {}), ToolUse("question", ASK_USER.name, question)))
    conversation.handle(received(msg.UserMessage.of("and then?")))
    return Conversation.restore(
        msgspec.structs.replace(conversation.snapshot(), created_at=1e9, dropped_messages=3, forked_from=ORIGIN)
    )


def test_no_figure_of_a_status_is_left_out() -> None:
    conversation = busy_conversation()

    status = status_of("raven", conversation, is_streaming=False, last_seq=7)

    fields = msgspec.structs.fields(SessionStatus)
    assert [field.name for field in fields if getattr(status, field.name) in (field.default, 0, (), None)] == []
    assert status.history_bytes == conversation.history_size.held_bytes
    assert (status.dropped_messages, status.forked_from, status.last_seq) == (3, ORIGIN, 7)
    assert (status.awaiting_approval, status.awaiting_answer) == (("use",), ("question",))
    assert (status.open_tool_use_ids, status.waiting) == (("use", "question"), 1)
    assert status.last_request == conversation.last_request
    assert status.state is State.TOOLS_OUT


def test_a_status_of_an_answer_that_has_begun_says_so() -> None:
    conversation = opened_conversation()
    conversation.handle(user_message("hi"))

    assert status_of("raven", conversation, is_streaming=True, last_seq=7).state is State.STREAMING
