"""Figures of the provider that nothing has confirmed: they start compactions, but cost no turn."""

from builders.conversation import answered, only_one, opened_conversation, user_message

from rayconteur.compaction import Layered
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import StartCompaction

CONFIG = SessionConfig(
    provider=Scripted(facts=ModelFacts(context_limit_tokens=4_000)),
    compaction=Layered(),
    system="You know ravens. " * 400,
    max_output_tokens=100,
)
LONG = "They hide food and remember where. " * 40


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


def room(conversation: Conversation) -> int:
    """What a request may have of the history of *conversation*: only turns beyond that are dropped."""
    started = only_one(StartCompaction, conversation.handle(user_message(LONG * 4)))
    return started.window_tokens


def test_a_first_figure_above_our_count_leaves_the_history_the_room_that_it_has_by_our_count() -> None:
    exact, doubtful = room(conversation_of(1, 1.0)), room(conversation_of(1, 1.5))

    assert doubtful >= exact > 1_000


def test_figures_that_confirm_each_other_take_their_part_of_the_room() -> None:
    assert room(conversation_of(2, 1.3)) < room(conversation_of(2, 1.0)) * 0.9


def test_once_a_request_was_rejected_the_figures_count() -> None:
    conversation = conversation_of(1, 1.5)
    conversation.handle(user_message("go on"))
    failure = ev.Failure(code="context_overflow", message="This model's maximum context length is 4000 tokens.")
    overflow = only_one(
        StartCompaction, conversation.handle(ev.RequestFailed(request=conversation.requests, failure=failure))
    )

    assert overflow.window_tokens < room(conversation_of(1, 1.0)) * 0.8
