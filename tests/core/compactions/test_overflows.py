"""How often a turn is repeated whose requests the provider rejects as too long, and what is learned from that."""

import msgspec
from builders.conversation import answered, emitted_events, only_one, opened_conversation, turn_ends, user_message

from rayconteur.compaction import Window
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Instruction, SendRequest, StartCompaction

CONFIG = SessionConfig(
    provider=Scripted(facts=ModelFacts(context_limit_tokens=None)), compaction=Window(keep_recent_turns=1)
)


def overflow(conversation: Conversation, message: str) -> list[Instruction]:
    """The running request is rejected as too long, with *message*."""
    failure = ev.Failure(code="context_overflow", message=message)
    return conversation.handle(ev.RequestFailed(request=conversation.requests, failure=failure))


def compact(conversation: Conversation, started: StartCompaction, messages: tuple[Message, ...] | None) -> None:
    conversation.handle(ev.CompactionEnded(compaction=started.number, messages=messages))


def says(limit: int) -> str:
    return f"This model's maximum context length is {limit} tokens."


def long_conversation() -> Conversation:
    conversation = opened_conversation(CONFIG)
    for request in range(1, 8):
        conversation.handle(user_message("A raven hides its food. " * 40))
        conversation.handle(answered(request, "yes"))
    conversation.handle(user_message("go on"))
    return conversation


def test_a_turn_is_compacted_four_times_at_most_and_only_for_news() -> None:
    conversation = long_conversation()
    compactions = 0
    for limit in (2_000, 1_900, 1_800, 1_700, 1_600):
        instructions = overflow(conversation, says(limit))
        if turn_ends(instructions):
            break
        compactions += 1
        compact(conversation, only_one(StartCompaction, instructions), conversation.history[2:])

    assert compactions == 4
    assert conversation.turn is None


def test_without_news_a_turn_is_compacted_once() -> None:
    conversation = long_conversation()
    started = only_one(StartCompaction, overflow(conversation, says(2_000)))
    compact(conversation, started, conversation.history[2:])

    [end] = turn_ends(overflow(conversation, says(2_000)))

    assert isinstance(end, out.Failed)
    assert end.code == "context_overflow"


def test_a_compaction_that_changed_nothing_ends_the_turn_with_the_provider_s_error() -> None:
    conversation = long_conversation()
    started = only_one(StartCompaction, overflow(conversation, says(2_000)))

    instructions = conversation.handle(ev.CompactionEnded(compaction=started.number, messages=None, problem="no"))

    compacted, failed = emitted_events(instructions)
    assert isinstance(compacted, out.Compacted)
    assert isinstance(failed, out.Failed)
    assert failed.message == says(2_000)


def test_a_window_is_learned_that_has_room_for_what_was_accepted_and_for_the_answer() -> None:
    conversation = opened_conversation(msgspec.structs.replace(CONFIG, max_output_tokens=500))
    for request in range(1, 4):
        conversation.handle(user_message("A raven hides its food. " * 40))
        conversation.handle(answered(request, "yes"))
    accepted = conversation.context.tokens
    assert accepted is not None
    conversation.handle(user_message("?"))

    overflow(conversation, "too long")

    assert conversation.context_limit_tokens == accepted + 500


def test_requests_of_the_turn_go_on_after_a_compaction() -> None:
    conversation = long_conversation()
    started = only_one(StartCompaction, overflow(conversation, says(2_000)))

    instructions = conversation.handle(ev.CompactionEnded(compaction=started.number, messages=conversation.history[2:]))

    assert only_one(SendRequest, instructions).turn == 8


def test_a_turn_that_is_discarded_after_a_compaction_without_result_leaves_what_was_reported_before_it() -> None:
    conversation = opened_conversation(msgspec.structs.replace(CONFIG, discard_refused=True))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "yes"))
    before, reported = conversation.history, conversation.fill

    conversation.handle(user_message("go on"))
    started = only_one(StartCompaction, overflow(conversation, "too long"))
    [failed] = turn_ends(conversation.handle(ev.CompactionEnded(compaction=started.number, problem="no summary")))

    assert isinstance(failed, out.Failed)
    assert (conversation.history, conversation.fill) == (before, reported)
