"""What counts for the context window: reported figures as long as they are plausible, and the settings in force."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
import pytest
from builders.conversation import answered, only_one, opened_conversation, received, user_message

from rayconteur.compaction import Layered
from rayconteur.compaction.estimate.estimator import Learned
from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.errors import ContextOverflow
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.tools import ProviderTool, Tool
from rayconteur.providers.schema.usage import Provenance, Usage, estimated, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.context_meter import ContextMeter
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

CONFIG = SessionConfig(provider=Scripted(), compaction=None)
TEXT = "A raven hides its food, and hides it again if another one was watching. " * 10
TEXT_TOKENS = 165


def talk(report: Callable[[int], int | None], turns: int = 8, config: SessionConfig = CONFIG) -> Conversation:
    """A conversation whose provider reports what *report* makes of the bytes of a request, divided by four."""
    conversation = opened_conversation(config)
    for _ in range(turns):
        sent = only_one(SendRequest, conversation.handle(user_message(TEXT)))
        size_bytes = sum(
            len(block.text) for message in sent.messages for block in message.content if isinstance(block, Text)
        )
        usage = Usage(input=reported(report(size_bytes // 4)), output=reported(len(TEXT) // 4))
        conversation.handle(answered(sent.number, TEXT, usage=usage))
    return conversation


LIES: dict[str, Callable[[int], int | None]] = {
    "zero": lambda _: 0,
    "a constant": lambda _: 400,
    "one": lambda _: 1,
    "a tenth": lambda tokens: tokens // 10,
    "ten times as much": lambda tokens: tokens * 10,
    "a huge number": lambda _: 10**12,
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("lie", LIES)
def test_the_estimate_is_used_where_a_reported_figure_is_implausible_and_the_provenance_says_so(lie: str) -> None:
    conversation = talk(LIES[lie])

    assert conversation.context.provenance is Provenance.ESTIMATED
    assert conversation.context.tokens == pytest.approx(16 * TEXT_TOKENS, rel=0.1)


def test_plausible_figures_are_used_and_teach_the_estimator() -> None:
    conversation = talk(lambda tokens: tokens + 30)

    assert conversation.context.provenance is Provenance.REPORTED
    assert conversation.snapshot().learned != talk(lambda _: 0).snapshot().learned


@pytest.mark.parametrize("lie", ["zero", "a constant", "a huge number"])
def test_the_totals_are_what_the_provider_reported(lie: str) -> None:
    assert talk(LIES[lie]).usage.input == reported((LIES[lie](0) or 0) * 8)


@pytest.mark.parametrize("output", [0, 10**9])
def test_an_implausible_figure_for_an_answer_does_not_count_for_the_context(output: int) -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(user_message(TEXT))

    conversation.handle(answered(1, TEXT, usage=Usage(input=reported(TEXT_TOKENS), output=reported(output))))

    assert conversation.context.provenance is Provenance.ESTIMATED
    assert conversation.context.tokens == pytest.approx(2 * TEXT_TOKENS, rel=0.1)


def test_tools_that_the_provider_runs_may_find_more_than_was_sent() -> None:
    config = msgspec.structs.replace(CONFIG, tools=(ProviderTool("scripted", {"type": "web_search"}),))

    assert talk(lambda tokens: tokens + 50_000, turns=1, config=config).context.provenance is Provenance.REPORTED


def test_a_restored_conversation_judges_the_next_figure_alike() -> None:
    conversation = talk(lambda _: 400, turns=2)
    restored = Conversation.restore(conversation.snapshot())

    for each in (conversation, restored):
        each.handle(user_message("hm"))
        each.handle(answered(3, "yes", usage=Usage(input=reported(400), output=reported(1))))

    assert restored == conversation
    assert restored.context.provenance is Provenance.ESTIMATED


# Settings


@pytest.mark.parametrize(
    "change", [msg.Configure(system=TEXT * 4), msg.Configure(tools=(Tool(name="look", description=TEXT * 4),))]
)
def test_the_fill_is_recomputed_when_the_settings_change(change: msg.Configure) -> None:
    conversation = talk(lambda tokens: tokens)
    before = conversation.context.tokens or 0

    conversation.handle(received(change))

    assert (conversation.context.tokens or 0) - before == pytest.approx(4 * TEXT_TOKENS, rel=0.2)
    assert conversation.context.provenance is Provenance.ESTIMATED


def test_settings_that_are_not_sent_leave_the_fill() -> None:
    conversation = talk(lambda tokens: tokens)
    before = conversation.context

    conversation.handle(received(msg.Configure(temperature=0.5, on_interrupt=conversation.config.on_interrupt)))

    assert conversation.context == before


def test_a_fill_from_before_a_change_of_settings_counts_with_the_new_ones() -> None:
    """As after a turn that is discarded: the fill is that of the turn before, under the settings of that time."""
    meter, history = ContextMeter(), [Message(role=Role.USER, content=(Text(TEXT),), turn=1)]
    meter.count(Partial(), history, CONFIG)
    before = meter.fill
    long = msgspec.structs.replace(CONFIG, system=TEXT * 4)

    meter.change_settings(long)
    changed = meter.request_tokens(history, long)
    meter.fill = before

    assert meter.request_tokens(history, long) == changed > meter.request_tokens(history, CONFIG) + 600


@pytest.mark.parametrize("next_", ["request", "turn"])
@pytest.mark.parametrize("change", [{"system": TEXT * 4}, {"provider": OpenAI(model="gpt-5")}])
def test_a_discarded_turn_leaves_the_fill_as_if_the_settings_had_changed_without_it(
    change: dict[str, Any], next_: Literal["request", "turn"]
) -> None:
    conversation, other = talk(lambda tokens: tokens), talk(lambda tokens: tokens)
    configure = received(msg.Configure(**change, next=next_))

    conversation.handle(user_message(TEXT))
    conversation.handle(configure)
    conversation.handle(received(msg.Interrupt()))
    before = other.fill
    other.handle(configure)

    assert conversation.fill == other.fill != before


# What the estimator learns from


def test_the_estimator_does_not_learn_from_estimates() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(user_message(TEXT))
    before = conversation.snapshot().learned

    conversation.handle(answered(1, TEXT, usage=Usage(input=estimated(300), output=estimated(300))))

    assert conversation.snapshot().learned == before


@pytest.mark.parametrize(("provider", "stays"), [(Scripted(model="another"), True), (OpenAI(model="gpt-5"), False)])
def test_what_was_learned_about_a_provider_applies_to_its_other_models_and_to_no_other_provider(
    provider: Scripted | OpenAI, stays: bool
) -> None:
    conversation = talk(lambda tokens: tokens + 200)
    learned = conversation.snapshot().learned
    assert learned.fixed > 20

    conversation.handle(received(msg.Configure(provider=provider)))

    assert (conversation.snapshot().learned == learned) == stays
    assert stays or conversation.snapshot().learned == Learned()


@pytest.mark.parametrize(
    ("before", "after"),
    [(CONFIG.provider, OpenAI(model="gpt-5")), (OpenAI(model="gpt-5"), Scripted(model="another"))],
)
def test_the_fill_is_estimated_anew_when_another_provider_counts(
    before: ProviderConfig, after: Scripted | OpenAI
) -> None:
    conversation = talk(lambda tokens: tokens + 200, config=msgspec.structs.replace(CONFIG, provider=before))

    conversation.handle(received(msg.Configure(provider=after)))

    assert conversation.context.provenance is Provenance.ESTIMATED
    assert conversation.context.tokens == pytest.approx(16 * TEXT_TOKENS, rel=0.1)


@pytest.mark.parametrize(("reported_tokens", "teaches"), [(TEXT_TOKENS - 10, True), (TEXT_TOKENS // 2 + 15, False)])
def test_a_figure_that_only_the_smallness_of_a_request_excuses_teaches_nothing(
    reported_tokens: int, teaches: bool
) -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(user_message(TEXT))

    conversation.handle(answered(1, "yes", usage=Usage(input=reported(reported_tokens), output=reported(1))))

    assert conversation.context.provenance is Provenance.REPORTED
    assert (conversation.snapshot().learned != Learned()) == teaches


def test_the_tokens_of_a_refused_request_are_learned_from_the_error() -> None:
    conversation = opened_conversation(msgspec.structs.replace(CONFIG, compaction=Layered()))
    conversation.handle(user_message(TEXT))
    words = "This model's maximum context length is 200 tokens. However, your messages resulted in 250 tokens."
    refused = ev.RequestFailed(request=1, failure=ev.Failure(code=ContextOverflow.code, message=words))

    conversation.handle(refused)

    assert conversation.context == estimated(250)
    assert conversation.context_limit_tokens == 200
    assert conversation.snapshot().learned != Learned()
