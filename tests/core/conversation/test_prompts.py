"""Prompts along the history: which system prompt and tools were in force for which answers."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    TOOL_USE,
    answered,
    conversation_in,
    only_one,
    opened_conversation,
    partial,
    received,
    replayed,
    request_failed,
    tool_results,
    user_message,
)

from rayconteur.compaction.summaries.summary_message import native_summary
from rayconteur.providers.schema.content import Opaque, Text
from rayconteur.providers.schema.messages import Message, Origin, Role
from rayconteur.providers.schema.request import Prompt
from rayconteur.providers.schema.tools import Tool
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest, StartCompaction
from rayconteur.runtime.core.past.snapshot import Snapshot

LOOK = Tool(name="look", description="Look.", input_schema={"type": "object"})
BASE = Prompt()
BRIEF = msg.Configure(system="be brief")
RHYME = msg.Configure(system="rhyme")
PLAIN = msg.Configure(system=None)
COMPACTED = (Message(role=Role.USER, content=(Text("in short"),), turn=1),)


def prompts_sent(conversation: Conversation, event: ev.Event) -> tuple[Prompt, ...]:
    """The prompts of the request that *event* leads to."""
    return only_one(SendRequest, conversation.handle(event)).prompts


def answered_once() -> Conversation:
    """An idle conversation with one complete turn: two messages."""
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello"))
    return conversation


def test_a_history_with_one_prompt_has_no_changes() -> None:
    conversation = answered_once()
    conversation.handle(received(msg.Configure(temperature=0.5)))

    assert prompts_sent(conversation, user_message()) == ()


@pytest.mark.parametrize("change", [BRIEF, msg.Configure(tools=(LOOK,)), msg.Configure(system="be brief", next="turn")])
def test_a_change_counts_from_the_next_user_message_on(change: msg.Configure) -> None:
    conversation = answered_once()
    conversation.handle(received(change))

    prompts = prompts_sent(conversation, user_message())

    config = conversation.config
    assert prompts == (BASE, Prompt(start=2, system=config.system, tools=config.tools))


def test_a_change_before_the_first_message_is_no_change() -> None:
    conversation = opened_conversation()
    conversation.handle(received(BRIEF))

    assert prompts_sent(conversation, user_message()) == ()


def test_a_change_before_the_first_answer_is_no_change() -> None:
    conversation = conversation_in(State.RETRYING)
    conversation.handle(received(BRIEF))

    assert prompts_sent(conversation, ev.BackoffEnded(request=1)) == ()


def test_several_changes_between_two_requests_are_one() -> None:
    conversation = answered_once()
    for change in (RHYME, msg.Configure(tools=(LOOK,)), BRIEF):
        conversation.handle(received(change))

    assert prompts_sent(conversation, user_message()) == (BASE, Prompt(start=2, system="be brief", tools=(LOOK,)))


def test_a_change_that_is_taken_back_is_none() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    conversation.handle(received(PLAIN))

    assert prompts_sent(conversation, user_message()) == ()


def test_the_old_prompt_may_come_back_after_an_answer_under_another() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    conversation.handle(user_message())
    conversation.handle(answered(2, "yes"))
    conversation.handle(received(PLAIN))

    assert prompts_sent(conversation, user_message()) == (
        BASE,
        Prompt(start=2, system="be brief"),
        Prompt(start=4),
    )


def test_the_answer_to_a_running_request_is_given_under_the_prompt_that_was_sent() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(BRIEF))
    conversation.handle(answered(1, TOOL_USE))

    prompts = prompts_sent(conversation, tool_results("a"))

    assert prompts == (BASE, Prompt(start=2, system="be brief"))


def test_a_change_while_tools_run_counts_from_their_results_on() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(received(BRIEF))

    assert prompts_sent(conversation, tool_results("a")) == (BASE, Prompt(start=2, system="be brief"))


def test_a_queued_change_counts_from_the_message_after_it() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("before"))
    conversation.handle(received(msg.Configure(system="be brief", next="turn")))
    conversation.handle(user_message("after"))

    before = prompts_sent(conversation, answered(1, "yes"))
    after = prompts_sent(conversation, answered(2, "yes"))

    assert (before, after) == ((), (BASE, Prompt(start=4, system="be brief")))


def test_a_change_during_a_backoff_replaces_the_prompt_that_got_no_answer() -> None:
    conversation = answered_once()
    conversation.handle(received(RHYME))
    conversation.handle(user_message())
    conversation.handle(request_failed(2, retryable=True))
    conversation.handle(received(BRIEF))

    assert prompts_sent(conversation, ev.BackoffEnded(request=2)) == (BASE, Prompt(start=2, system="be brief"))


def test_after_a_failed_turn_the_change_moves_to_the_next_message() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    conversation.handle(user_message())
    conversation.handle(request_failed(2))

    assert prompts_sent(conversation, user_message()) == (BASE, Prompt(start=3, system="be brief"))


def test_a_discarded_turn_takes_its_prompt_along() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    conversation.handle(user_message())
    conversation.handle(answered(2, TOOL_USE))
    conversation.handle(received(msg.Interrupt()))
    conversation.handle(received(RHYME))

    assert prompts_sent(conversation, user_message()) == (BASE, Prompt(start=2, system="rhyme"))


def test_a_change_in_a_discarded_first_turn_is_no_change() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(received(BRIEF))
    conversation.handle(received(msg.Interrupt()))

    assert prompts_sent(conversation, user_message()) == ()


def test_a_partial_answer_that_is_kept_was_given_under_the_prompt_that_was_sent() -> None:
    conversation = conversation_in(State.REQUESTING, KEEP)
    conversation.handle(received(BRIEF))
    conversation.handle(received(msg.Interrupt(), partial("half")))

    assert prompts_sent(conversation, user_message()) == (BASE, Prompt(start=2, system="be brief"))


def test_an_empty_history_begins_with_the_current_prompt() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    conversation.handle(received(msg.Clear()))

    assert prompts_sent(conversation, user_message()) == ()


def test_a_compacted_history_begins_with_the_current_prompt() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))
    conversation.handle(ev.CompactionEnded(compaction=started.number, messages=COMPACTED))

    assert prompts_sent(conversation, user_message()) == ()


def test_a_compaction_that_changes_nothing_leaves_the_prompts() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))
    conversation.handle(ev.CompactionEnded(compaction=started.number, problem="fits"))

    assert prompts_sent(conversation, user_message()) == (BASE, Prompt(start=2, system="be brief"))


def test_snapshots_and_replays_keep_the_prompts() -> None:
    conversation = opened_conversation(DISCARD)
    records: list[ev.Record] = [ev.Record(1, ev.Opened(config=DISCARD, created_at=0.0))]
    events = (user_message(), answered(1, "hello"), received(BRIEF), user_message(), answered(2, "yes"))
    records += [only_one(ev.Record, conversation.handle(event)) for event in events]
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(conversation.snapshot()), type=Snapshot)

    restored, rebuilt = Conversation.restore(stored), replayed(records)

    assert restored == conversation == rebuilt
    expected = (BASE, Prompt(start=2, system="be brief"))
    assert prompts_sent(restored, user_message()) == prompts_sent(rebuilt, user_message()) == expected


def test_a_prompt_that_stays_is_the_same_object_in_each_request() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    first = prompts_sent(conversation, user_message())
    conversation.handle(answered(2, "yes"))

    assert prompts_sent(conversation, user_message()) is first


def test_a_history_that_the_provider_compacted_keeps_its_first_prompt_and_repeats_the_current_one() -> None:
    conversation = answered_once()
    conversation.handle(received(BRIEF))
    conversation.handle(user_message())
    conversation.handle(answered(2, "yes"))
    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))
    content = (Opaque(provider="scripted", type="compaction", json=b"{}"),)
    summary = native_summary(started.messages[:2], content, Origin(source="ours"))
    compacted = (summary, *started.messages[2:])
    conversation.handle(ev.CompactionEnded(compaction=started.number, messages=compacted))

    assert started.prompts == (BASE, Prompt(start=2, system="be brief"))
    assert prompts_sent(conversation, user_message()) == (BASE, Prompt(start=3, system="be brief"))
