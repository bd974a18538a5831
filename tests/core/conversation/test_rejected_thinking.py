"""Thinking that the provider can't read any more: it is omitted once, and the conversation goes on."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    effects,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    partial,
    received,
    replayed,
    tool_results,
    tool_use,
    turn_ends,
    user_message,
)

from rayconteur.compaction.config import Layered
from rayconteur.compaction.summaries.summary_message import native_summary
from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking
from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import UNREADABLE, Origin
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import RetryPolicy
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest, StartCompaction
from rayconteur.runtime.core.past.snapshot import Snapshot

SIGNED = Thinking(text="hm", provider="scripted", signature="s")
SIGNATURE = Opaque(provider="scripted", type="thought_signature", json=b"{}")
OURS, THEIRS = Origin(source="ours"), Origin(source="theirs")
COMPACTION = Opaque(provider="scripted", type="compaction", json=b'{"summary":"in short"}')


def rejected(request: int, partial: Partial = ev.NOTHING) -> ev.RequestFailed:
    failure = ev.Failure(code="thinking_rejected", message="bound to a different conversation")
    return ev.RequestFailed(request=request, failure=failure, partial=partial)


def requesting(*answer: Block | str, config: SessionConfig = DISCARD) -> Conversation:
    """A conversation whose second turn has sent its first request, number 2, after a turn with *answer*."""
    conversation = opened_conversation(config)
    conversation.handle(user_message())
    conversation.handle(answered(1, *answer, origin=OURS))
    conversation.handle(user_message("go on"))
    return conversation


def compacted_natively(config: SessionConfig = DISCARD) -> Conversation:
    """An idle conversation of two turns, the first of which *OURS* has compacted."""
    conversation = Conversation()
    conversation.handle(ev.Opened(config=config, created_at=0.0, source=OURS.source))
    for request, text in enumerate(("one", "two"), start=1):
        conversation.handle(user_message(text))
        conversation.handle(answered(request, SIGNED, text, origin=OURS))
    history = conversation.history
    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))
    summary = native_summary(history[:2], (COMPACTION,), OURS)
    conversation.handle(ev.CompactionEnded(compaction=started.number, messages=(summary, *history[2:])))
    return conversation


def configured(change: msg.Configure, source: str) -> ev.Received:
    return ev.Received(message=change, source=source)


@pytest.mark.parametrize("sealed", [SIGNED, SIGNATURE], ids=["thinking", "opaque"])
def test_what_the_provider_can_not_read_is_omitted_and_the_request_repeated_at_once(sealed: Block) -> None:
    conversation = requesting(sealed, "yes")

    instructions = conversation.handle(rejected(2))

    sent = only_one(SendRequest, instructions)
    assert [message.origin for message in sent.messages] == [None, UNREADABLE, None]
    assert emitted_events(instructions) == [
        out.Retrying(
            turn=2, attempt=1, delay_s=0.0, code="thinking_rejected", message="bound to a different conversation"
        )
    ]
    assert (sent.number, sent.turn, sent.attempt) == (3, 2, 1)


def test_a_compaction_by_the_provider_that_it_can_not_read_is_undone_and_the_request_repeated() -> None:
    conversation = opened_conversation(DISCARD)
    conversation.handle(user_message("one"))
    conversation.handle(answered(1, "nothing sealed"))
    conversation.handle(user_message("two"))
    conversation.handle(answered(2, "nothing here"))
    history = conversation.history
    conversation.handle(received(msg.Compact()))
    summary = native_summary(history[:2], (COMPACTION,), OURS)
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(summary, *history[2:])))
    conversation.handle(user_message("three"))

    sent = only_one(SendRequest, conversation.handle(rejected(3)))

    assert tuple(sent.messages)[:4] == history


def test_readers_of_the_history_still_see_the_thinking() -> None:
    conversation = requesting(SIGNED, "yes")
    conversation.handle(rejected(2))

    answer = conversation.full_history[1]
    assert (answer.content, answer.origin) == ((SIGNED, Text("yes")), UNREADABLE)
    assert conversation.full_history[1] is conversation.history[1]


def test_the_repeated_request_has_all_attempts_of_the_retry_policy() -> None:
    config = msgspec.structs.replace(DISCARD, retry=RetryPolicy(max_attempts=1))
    conversation = requesting(SIGNED, "yes", config=config)

    sent = only_one(SendRequest, conversation.handle(rejected(2)))

    assert sent.attempt == 1


def test_thinking_of_each_answer_in_a_turn_is_omitted_once() -> None:
    conversation = requesting(SIGNED, "yes")
    conversation.handle(rejected(2))
    conversation.handle(answered(3, SIGNED, tool_use("a"), origin=OURS))
    conversation.handle(tool_results("a"))

    sent = only_one(SendRequest, conversation.handle(rejected(4)))
    [failed] = turn_ends(conversation.handle(rejected(5)))

    assert not any(message.is_sealed for message in sent.messages)
    assert isinstance(failed, out.Failed)
    assert (failed.code, failed.retryable) == ("thinking_rejected", False)
    assert not any(message.is_sealed for message in conversation.history), "the next turn need not omit it"


def test_a_rejection_with_nothing_to_omit_fails_the_turn() -> None:
    conversation = requesting(Thinking(text="hm", provider="scripted"), "yes")

    [failed] = turn_ends(conversation.handle(rejected(2)))

    assert isinstance(failed, out.Failed)


def test_later_turns_do_not_fail_because_of_thinking_that_was_rejected_once() -> None:
    conversation = requesting(SIGNED, "yes")
    conversation.handle(rejected(2))
    conversation.handle(answered(3, SIGNED, "better", origin=OURS))

    sent = only_one(SendRequest, conversation.handle(user_message()))

    assert [message.origin for message in sent.messages] == [None, UNREADABLE, None, OURS, None]


def test_each_turn_may_omit_what_was_thought_since() -> None:
    conversation = requesting(SIGNED, "yes")
    conversation.handle(rejected(2))
    conversation.handle(answered(3, SIGNED, "better", origin=OURS))
    conversation.handle(user_message())

    sent = only_one(SendRequest, conversation.handle(rejected(4)))

    assert [message.origin for message in sent.messages] == [None, UNREADABLE, None, UNREADABLE, None]


def test_text_that_readers_have_seen_is_not_requested_again() -> None:
    conversation = requesting(SIGNED, "yes")

    instructions = conversation.handle(rejected(2, partial("half")))

    assert [type(end) for end in turn_ends(instructions)] == [out.Failed]
    assert conversation.history[1].origin == UNREADABLE


def test_an_interrupted_turn_does_not_bring_omitted_thinking_back() -> None:
    conversation = requesting(SIGNED, "yes")
    conversation.handle(rejected(2))
    conversation.handle(received(msg.Interrupt()))

    assert [message.origin for message in conversation.history] == [None, UNREADABLE]


def test_prompts_begin_anew_when_thinking_is_omitted() -> None:
    conversation = opened_conversation()
    conversation.handle(user_message())
    conversation.handle(answered(1, SIGNED, "yes", origin=OURS))
    conversation.handle(received(msg.Configure(system="be brief")))
    conversation.handle(user_message())

    assert only_one(SendRequest, conversation.handle(rejected(2))).prompts == ()


def test_snapshots_and_replays_keep_what_was_omitted() -> None:
    conversation = opened_conversation()
    records: list[ev.Record] = [ev.Record(1, ev.Opened(config=DISCARD, created_at=0.0))]
    events = (user_message(), answered(1, SIGNED, "yes", origin=OURS), user_message(), rejected(2))
    records += [only_one(ev.Record, conversation.handle(event)) for event in events]
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(conversation.snapshot()), type=Snapshot)

    assert replayed(records) == Conversation.restore(stored) == conversation


def test_another_provider_gets_the_messages_that_a_native_compaction_stands_for() -> None:
    conversation = compacted_natively()
    conversation.handle(configured(msg.Configure(model="other"), THEIRS.source))

    sent = only_one(SendRequest, conversation.handle(user_message("three")))

    assert history_lines(sent.messages) == [
        "user: one",
        "assistant: Thinking one",
        "user: two",
        "assistant: Thinking two",
        "user: three",
    ]
    assert [message.origin for message in sent.messages] == [None, OURS, None, OURS, None]


def test_a_change_that_was_queued_before_another_of_the_model_leaves_that_model() -> None:
    conversation = compacted_natively()
    conversation.handle(user_message("three"))
    conversation.handle(configured(msg.Configure(temperature=0.5, next="turn"), OURS.source))
    conversation.handle(configured(msg.Configure(model="other"), THEIRS.source))
    conversation.handle(answered(3, "yes", origin=OURS))

    sent = only_one(SendRequest, conversation.handle(user_message("four")))

    assert history_lines(sent.messages)[0] == "user: one"


def test_settings_of_the_same_provider_leave_its_compaction() -> None:
    conversation = compacted_natively()
    conversation.handle(configured(msg.Configure(temperature=0.5), OURS.source))

    sent = only_one(SendRequest, conversation.handle(user_message("three")))

    assert history_lines(sent.messages) == ["assistant: Opaque", "user: two", "assistant: Thinking two", "user: three"]


def test_restored_messages_that_do_not_fit_are_compacted_before_they_are_sent() -> None:
    facts = ModelFacts(context_limit_tokens=20)
    conversation = compacted_natively(msgspec.structs.replace(DISCARD, compaction=Layered()))
    change = ev.Received(message=msg.Configure(model="small"), facts=facts, source=THEIRS.source)
    conversation.handle(change)

    started = only_one(StartCompaction, conversation.handle(user_message("three")))

    assert history_lines(started.messages)[0] == "user: one"


def test_compacting_by_hand_after_a_change_of_provider_starts_from_the_original_messages() -> None:
    conversation = compacted_natively()
    conversation.handle(configured(msg.Configure(provider=Scripted(model="other")), THEIRS.source))

    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))

    assert len(started.messages) == 4


def test_a_compaction_of_the_provider_before_is_undone_when_it_ends_after_the_change() -> None:
    conversation = compacted_natively()
    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))
    conversation.handle(user_message("three"))
    conversation.handle(configured(msg.Configure(model="other"), THEIRS.source))
    summary = native_summary(started.messages, (COMPACTION,), OURS)

    instructions = conversation.handle(ev.CompactionEnded(compaction=started.number, messages=(summary,)))

    sent = only_one(SendRequest, instructions)
    assert history_lines(sent.messages)[0] == "user: one"
    assert len(sent.messages) == 5


def test_messages_that_come_back_too_late_for_a_compaction_are_compacted_again() -> None:
    narrow = ModelFacts(context_limit_tokens=60)
    config = SessionConfig(provider=Scripted(facts=narrow), compaction=Layered())
    conversation = Conversation()
    conversation.handle(ev.Opened(config=config, created_at=0.0, source=OURS.source))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "yes", origin=OURS))
    started = only_one(StartCompaction, conversation.handle(user_message("a long message " * 12)))
    change = ev.Received(message=msg.Configure(model="other"), facts=narrow, source=THEIRS.source)
    conversation.handle(change)
    compacted = (native_summary(started.messages[:2], (COMPACTION,), OURS), *started.messages[2:])

    again = only_one(
        StartCompaction, conversation.handle(ev.CompactionEnded(compaction=started.number, messages=compacted))
    )

    assert again.messages == started.messages


def test_a_rejected_native_compaction_is_replaced_by_the_original_messages() -> None:
    conversation = compacted_natively()
    conversation.handle(user_message("three"))

    sent = only_one(SendRequest, conversation.handle(rejected(3)))

    assert history_lines(sent.messages)[0] == "user: one"
    assert [message.origin for message in sent.messages] == [None, UNREADABLE, None, UNREADABLE, None]


def test_what_was_omitted_stays_so_when_a_later_compaction_is_undone() -> None:
    conversation = requesting(SIGNED, "yes")
    conversation.handle(rejected(2))
    conversation.handle(answered(3, "better", origin=OURS))
    history = conversation.history
    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))
    summary = native_summary(history[:2], (COMPACTION,), OURS)
    conversation.handle(ev.CompactionEnded(compaction=started.number, messages=(summary, *history[2:])))
    conversation.handle(configured(msg.Configure(model="other"), THEIRS.source))
    conversation.handle(configured(msg.Configure(model="scripted"), OURS.source))
    conversation.handle(configured(msg.Configure(model="other"), THEIRS.source))

    sent = only_one(SendRequest, conversation.handle(user_message()))

    assert [message.origin for message in sent.messages] == [None, UNREADABLE, None, OURS, None]


def test_restored_messages_are_those_of_the_full_history() -> None:
    conversation = compacted_natively()
    before = conversation.full_history
    conversation.handle(configured(msg.Configure(model="other"), THEIRS.source))
    conversation.handle(user_message("three"))

    assert all(map(lambda one, other: one is other, conversation.history, before))
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(conversation.snapshot()), type=Snapshot)
    assert Conversation.restore(stored) == conversation


def test_interrupting_the_turn_that_restored_the_messages_keeps_them_and_their_estimate() -> None:
    conversation = compacted_natively()
    conversation.handle(configured(msg.Configure(model="other"), THEIRS.source))
    conversation.handle(user_message("three"))
    assert effects(conversation.handle(received(msg.Interrupt())))

    assert len(conversation.history) == conversation.fill.messages == 4
