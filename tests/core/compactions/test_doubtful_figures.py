"""Figures of the provider that differ from our own count: they make no request too long, and cost no turn."""

from bisect import bisect

import pytest
from builders.conversation import answered, only_one, opened_conversation, user_message

from rayconteur.compaction import Layered
from rayconteur.compaction.estimate.estimator import new_estimator
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.compaction_policy import ContextWindow
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import StartCompaction

CONFIG = SessionConfig(
    provider=Scripted(facts=ModelFacts(context_limit_tokens=4_000)),
    compaction=Layered(),
    system="You know ravens. " * 400,
    max_output_tokens=100,
)
LONG = "They hide food and remember where. " * 40
LOW = 0.76
"""About the least share of our own count that is believed."""


def conversation_of(requests: int, share: float) -> Conversation:
    """A conversation of so many requests, each reported to have *share* of what it has by our count."""
    conversation = opened_conversation(CONFIG)
    for request in range(1, requests + 1):
        conversation.handle(user_message(LONG))
        sent = 1_650 + 310 * request
        conversation.handle(
            answered(request, "yes", usage=Usage(input=reported(int(sent * share)), output=reported(1)))
        )
    return conversation


def compaction_before(text: str, requests: int, share: float) -> StartCompaction | None:
    """The compaction that a message of *text* needs first, if it does, in the conversation above."""
    instructions = conversation_of(requests, share).handle(user_message(text))
    return next((step for step in instructions if isinstance(step, StartCompaction)), None)


def room(requests: int, share: float) -> int:
    """What a request may have of the history: only turns beyond that are dropped."""
    started = compaction_before(LONG * 4, requests, share)
    assert started
    return started.window_tokens


@pytest.mark.parametrize(("requests", "share"), [(1, 1.5), (2, 1.2)])
def test_figures_above_our_count_leave_the_history_the_room_that_it_has_by_our_count(
    requests: int, share: float
) -> None:
    exact, doubtful = room(requests, 1.0), room(requests, share)

    assert doubtful >= exact > 1_000


def test_figures_below_our_count_let_no_request_be_longer_by_our_count_than_it_may_be() -> None:
    text, estimator = LONG * 10, new_estimator("scripted")
    settings_tokens = estimator.counted_settings(CONFIG)

    longest = bisect(range(len(text)), False, key=lambda chars: compaction_before(text[:chars], 1, LOW) is not None) - 1
    conversation = conversation_of(1, LOW)
    conversation.handle(user_message(text[:longest]))

    counted = estimator.sizes(conversation.history, CONFIG).tokens
    assert counted == ContextWindow.of(CONFIG, settings_tokens).request_tokens
    assert int(counted * LOW) < ContextWindow.of(CONFIG, int(settings_tokens * LOW)).threshold_tokens


def test_what_is_too_long_by_our_count_is_compacted_to_what_that_leaves_room_for() -> None:
    by_figures, by_count = compaction_before(LONG * 5, 1, 1.0), compaction_before(LONG * 5, 1, LOW)

    assert by_figures
    assert by_count
    assert by_count.budget_tokens < by_figures.budget_tokens


def refused(words: str, share: float = 1.0) -> StartCompaction:
    """The compaction after a request that the provider rejects with *words*."""
    conversation = conversation_of(1, share)
    conversation.handle(user_message("go on"))
    failure = ev.Failure(code="context_overflow", message=words)
    return only_one(
        StartCompaction, conversation.handle(ev.RequestFailed(request=conversation.requests, failure=failure))
    )


def test_once_a_request_was_rejected_the_figures_count() -> None:
    overflow = refused("This model's maximum context length is 4000 tokens.", share=1.5)

    assert overflow.window_tokens < room(1, 1.0) * 0.8


def history_tokens(started: StartCompaction) -> int:
    return sum(map(started.estimator.tokens, started.messages))


@pytest.mark.parametrize("limit", [4_000, 1_000_000])
def test_of_a_history_that_was_rejected_a_fifth_must_go_whatever_the_estimates_say(limit: int) -> None:
    overflow = refused(f"This model's maximum context length is {limit} tokens.")

    assert overflow.window_tokens == int(history_tokens(overflow) * 0.8)


def test_what_the_provider_counts_beyond_the_history_takes_room_from_it() -> None:
    words = "This model's maximum context length is 4000 tokens. However, your messages resulted in 3950 tokens"

    overflow = refused(words)

    settings_tokens = 3_950 - history_tokens(overflow)
    window = ContextWindow.of(CONFIG, settings_tokens)
    assert overflow.window_tokens == window.request_tokens - settings_tokens < history_tokens(overflow) * 0.8


def test_an_answer_without_content_may_have_no_tokens() -> None:
    conversation = opened_conversation(SessionConfig(provider=Scripted()))
    conversation.handle(user_message("hi"))

    conversation.handle(answered(1, usage=Usage(input=reported(10), output=reported(0))))

    assert conversation.context == reported(10)
