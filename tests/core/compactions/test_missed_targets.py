"""What follows from a compaction that missed its target, or changed nothing, through the events of a conversation."""

import msgspec
import pytest
from builders.conversation import answered, only_one, opened_conversation, received, user_message

from rayconteur.compaction import Layered
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest, StartCompaction

CONFIG = SessionConfig(
    provider=Scripted(facts=ModelFacts(context_limit_tokens=4_000)), compaction=Layered(), max_output_tokens=100
)
LONG = "They hide food and remember where. " * 130
"""A thousand tokens: three of them need a compaction, and a fourth one is too much."""


def full_conversation() -> Conversation:
    """A conversation whose next request needs a compaction."""
    conversation = opened_conversation(CONFIG)
    conversation.handle(user_message(LONG))
    conversation.handle(answered(1, LONG))
    return conversation


def test_no_later_request_is_compacted_before_the_history_has_grown() -> None:
    conversation = full_conversation()
    conversation.handle(user_message(LONG))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=None, problem="nothing helped"))
    assert conversation.snapshot().floor_tokens > 0
    conversation.handle(answered(2, "yes"))

    assert only_one(SendRequest, conversation.handle(user_message("?")))
    conversation.handle(answered(3, "yes"))
    assert only_one(StartCompaction, conversation.handle(user_message(LONG)))


@pytest.mark.parametrize("is_changed", [True, False])
def test_the_context_after_an_interrupt_is_what_was_reported_unless_a_compaction_changed_the_history(
    is_changed: bool,
) -> None:
    conversation = full_conversation()
    reported = conversation.context
    conversation.handle(user_message(LONG))
    messages = conversation.history[-1:] if is_changed else None
    conversation.handle(ev.CompactionEnded(compaction=1, messages=messages, problem=None))

    conversation.handle(received(msg.Interrupt()))

    assert (conversation.context == reported) is not is_changed
    assert not is_changed or conversation.context.tokens == 0


def test_nor_is_it_if_a_compaction_made_messages_shorter_and_removed_none() -> None:
    conversation = full_conversation()
    reported = conversation.context.tokens or 0
    conversation.handle(user_message(LONG))
    first, *others = conversation.history
    shorter = Message.of_user("hi")
    conversation.handle(
        ev.CompactionEnded(compaction=1, messages=(msgspec.structs.replace(shorter, turn=first.turn), *others))
    )

    conversation.handle(received(msg.Interrupt()))

    assert 0 < (conversation.context.tokens or 0) < reported


def test_a_budget_is_never_negative() -> None:
    settings = SessionConfig(provider=Scripted(facts=ModelFacts(context_limit_tokens=None)), system=LONG * 10)
    conversation = opened_conversation(settings)
    conversation.handle(user_message("hi"))

    failure = ev.Failure(code="context_overflow", message="This model's maximum context length is 1000 tokens.")
    started = only_one(StartCompaction, conversation.handle(ev.RequestFailed(request=1, failure=failure)))

    assert (started.budget_tokens, started.window_tokens, started.limit_tokens) == (0, 0, 1_000)
