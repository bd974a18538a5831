"""The original messages come back when what a provider's own compaction made of them can't stay."""

from collections.abc import Callable

import msgspec
import pytest
from builders.conversation import DISCARD, answered, opened_conversation, received, request_failed, user_message

from rayconteur.compaction.summaries.summary_message import native_summary, summary_message
from rayconteur.providers.schema.content import Opaque
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.changes.continuation import is_prompt
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest, StartCompaction

OTHER_MODEL = msgspec.structs.replace(received(msg.Configure(model="another")), source="another")


def natively(messages: tuple[Message, ...]) -> Message:
    content = (Opaque(provider="scripted", type="compaction", json=b"{}"),)
    summary = native_summary(messages, content, Origin(source="one"))
    return msgspec.structs.replace(summary, id=f"native {len(messages)}")


def in_words(messages: tuple[Message, ...]) -> Message:
    summary = summary_message(messages, "It said yes.", within_turn=False)
    return msgspec.structs.replace(summary, id=f"in words {len(messages)}")


def continuing() -> Conversation:
    """A conversation in turn 2, whose answer was cut off, and whose next request is rejected as too long."""
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, auto_continue=3))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "yes"))
    conversation.handle(user_message("go on"))
    cut_off_and_too_long(conversation)
    return conversation


def cut_off_and_too_long(conversation: Conversation) -> None:
    conversation.handle(answered(conversation.requests, "half", stop=StopReason.MAX_TOKENS))
    failure = ev.Failure(code="context_overflow", message="long")
    conversation.handle(ev.RequestFailed(request=conversation.requests, failure=failure))
    assert is_prompt(conversation.history[-1])


def compacted(conversation: Conversation, messages: tuple[Message, ...]) -> None:
    number = conversation.snapshot().compactions
    conversation.handle(ev.CompactionEnded(compaction=number, messages=messages))
    assert conversation.history == messages


def test_the_prompt_for_the_rest_of_a_compacted_answer_stays_the_only_one() -> None:
    conversation = continuing()
    before = conversation.history
    compacted(conversation, (natively(before[:-1]), before[-1]))

    conversation.handle(OTHER_MODEL)
    conversation.handle(answered(conversation.requests, "half", stop=StopReason.MAX_TOKENS))

    assert conversation.history == conversation.full_history
    assert conversation.history[:-2] == before
    assert sum(map(is_prompt, conversation.history)) == 2


def test_all_of_an_answer_that_was_compacted_part_by_part_is_back_once() -> None:
    conversation = continuing()
    before = conversation.history
    compacted(conversation, (natively(before[:-1]), before[-1]))
    cut_off_and_too_long(conversation)
    again = conversation.history
    assert is_prompt(again[1])
    compacted(conversation, (natively(again[:-1]), again[-1]))

    conversation.handle(OTHER_MODEL)
    conversation.handle(answered(conversation.requests, "end", stop=StopReason.MAX_TOKENS))

    assert conversation.history == conversation.full_history
    assert conversation.history[: len(before) + 2] == (*before, *again[2:])
    assert sum(map(is_prompt, conversation.history)) == 3


@pytest.mark.parametrize("message", [OTHER_MODEL, received(msg.Rewind())])
def test_a_summary_in_words_of_the_rest_of_an_answer_stays_or_gives_way_to_just_that(message: ev.Received) -> None:
    conversation = continuing()
    before = conversation.history
    native = natively(before[:-1])
    compacted(conversation, (native, before[-1]))
    conversation.handle(answered(conversation.requests, "end"))
    conversation.handle(received(msg.Configure(model="larger")))
    conversation.handle(user_message("and then?"))
    conversation.handle(answered(conversation.requests, "that"))
    full = conversation.history[1:]
    conversation.handle(received(msg.Compact()))
    summary = in_words(full[:2] if message is OTHER_MODEL else full)
    compacted(conversation, (native, summary, *(full[2:] if message is OTHER_MODEL else ())))

    conversation.handle(message)
    conversation.handle(user_message("well"))

    if message is OTHER_MODEL:
        assert conversation.history[:-1] == (*before[:-1], summary, *full[2:])
    else:
        assert conversation.history[:-1] == (native, *full[:2])


@pytest.mark.parametrize("changes_meanwhile", [False, True])
def test_a_compaction_with_a_key_that_a_queued_change_has_brought_stays_unless_the_provider_changes_meanwhile(
    changes_meanwhile: bool,
) -> None:
    conversation = opened_conversation()
    conversation.handle(OTHER_MODEL)  # its source is not that of the compaction
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "yes"))
    conversation.handle(user_message("go on"))
    before = conversation.history
    conversation.handle(ev.RequestFailed(request=2, failure=ev.Failure(code="context_overflow", message="long")))
    if changes_meanwhile:
        conversation.handle(msgspec.structs.replace(OTHER_MODEL, source="a third one"))

    compaction = (natively(before[:-1]), before[-1])
    instructions = conversation.handle(ev.CompactionEnded(compaction=1, messages=compaction))

    assert type(instructions[-1]) is (StartCompaction if changes_meanwhile else SendRequest)
    assert conversation.history == (before if changes_meanwhile else compaction)


@pytest.mark.parametrize("summary", [natively, in_words])
@pytest.mark.parametrize("message", [msg.Interrupt(), msg.Rewind()])
def test_a_summary_of_a_part_of_the_turn_that_leaves_gives_way_to_the_turns_before(
    summary: Callable[[tuple[Message, ...]], Message], message: msg.ToLLM
) -> None:
    conversation = continuing()
    before = conversation.history
    compacted(conversation, (summary(before[:-1]), before[-1]))

    conversation.handle(received(message))
    conversation.handle(request_failed(conversation.requests))

    assert conversation.history == conversation.full_history == before[:2]
    assert conversation.fill.messages == 2
