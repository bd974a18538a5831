"""Compaction by the provider: what is sent to it, what it returns, and what happens where there is none."""

import asyncio
from collections.abc import Sequence

import pytest
from builders.compaction import LONG, assistant, compacted, step, total_tokens, turns, user

from rayconteur.compaction import DropThinking, Estimator, Layered, NativeCompaction, Summarize, Window
from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import IncompleteAnswer, InvalidConfig, Overloaded
from rayconteur.providers.schema.messages import Message, Origin, Role, StandsFor
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, estimated, reported

COMPACTION = Opaque(provider="scripted", type="compaction", json=b'{"summary":"in short"}')
ORIGIN = Origin(source="ours")
USAGE = Usage(input=reported(900), output=reported(50))


class Provider:
    """Compacts all messages to *content*, or raises *error*, and keeps what it was asked."""

    def __init__(self, *content: Block, error: Exception | None = None) -> None:
        self.content = content
        self.error = error
        self.requests: list[tuple[Sequence[Message], str | None]] = []

    async def compact(self, messages: Sequence[Message], instructions: str | None) -> Answer:
        self.requests.append((messages, instructions))
        if self.error:
            raise self.error
        return Answer(
            message_id="c1",
            model="scripted",
            content=self.content,
            stop_reason=StopReason.END_TURN,
            raw_stop_reason="compaction",
            usage=USAGE,
            origin=ORIGIN,
        )


def test_old_turns_are_replaced_by_one_message_that_only_the_provider_reads() -> None:
    history, provider = turns(8), Provider(COMPACTION)

    result = compacted(
        history, NativeCompaction(keep_recent_turns=2), total_tokens(history) - 1, natively=provider.compact
    )

    assert result.messages is not None
    summary, *kept = result.messages
    assert summary == Message(
        role=Role.ASSISTANT,
        content=(COMPACTION,),
        turn=6,
        stands_for=StandsFor(first_turn=1, last_turn=6, messages=12),
        origin=ORIGIN,
    )
    assert all(map(lambda one, other: one is other, kept, history[12:]))
    assert (result.report.usage, result.report.strategy) == (USAGE, "nativecompaction")
    assert (result.report.turns_compacted, result.report.turns_kept) == (6, 2)


def test_the_provider_gets_the_messages_and_the_instructions() -> None:
    history, provider = turns(4), Provider(COMPACTION)

    config = NativeCompaction(keep_recent_turns=1, instructions="Keep the names.")
    compacted(history, config, total_tokens(history) - 1, natively=provider.compact)

    assert provider.requests == [(tuple(history[:6]), "Keep the names.")]


def test_recent_turns_are_compacted_if_nothing_else_fits_but_never_the_last_one() -> None:
    history, provider = turns(3), Provider(COMPACTION)

    result = compacted(history, NativeCompaction(), 0, natively=provider.compact)

    assert [request[0] for request in provider.requests] == [tuple(history[:4])]
    assert result.messages is not None
    assert result.messages[1:] == tuple(history[4:])


def test_the_steps_of_the_running_turn_stay() -> None:
    history = [*turns(2), user(3, "Look."), *step(3, "a"), *step(3, "b")]
    provider = Provider(COMPACTION)

    result = compacted(history, NativeCompaction(), 0, natively=provider.compact)

    assert result.messages is not None
    assert result.messages[1:] == tuple(history[4:])


def test_a_turn_without_an_answer_is_not_the_last_one_that_is_compacted() -> None:
    """The API would merge the user's message with the first one that is kept."""
    history = [*turns(2), user(3, LONG), user(4, LONG), assistant(4, LONG)]
    provider = Provider(COMPACTION)

    compacted(history, NativeCompaction(), 0, natively=provider.compact)

    assert [request[0] for request in provider.requests] == [tuple(history[:4])]


def test_a_compacted_history_is_compacted_again_with_what_came_after_it() -> None:
    history, provider = turns(6), Provider(COMPACTION)
    once = compacted(history, NativeCompaction(), 0, natively=provider.compact).messages
    assert once is not None
    longer = [*once, user(7, LONG), assistant(7, LONG)]

    twice = compacted(longer, NativeCompaction(), 0, natively=provider.compact).messages

    assert provider.requests[-1][0] == tuple(longer[:3])
    assert twice is not None
    assert twice[0].stands_for == StandsFor(first_turn=1, last_turn=6, messages=12)


def test_applying_it_to_its_own_result_changes_nothing() -> None:
    provider = Provider(COMPACTION)
    once = compacted(turns(6), NativeCompaction(), 0, natively=provider.compact).messages
    assert once is not None

    assert compacted(once, NativeCompaction(), 0, natively=provider.compact).messages is None
    assert len(provider.requests) == 1


def test_a_provider_without_compaction_changes_nothing() -> None:
    result = compacted(turns(8), NativeCompaction(), 0)

    assert result.messages is None
    assert result.report.problem is not None


def test_among_layers_the_next_one_runs_where_there_is_none() -> None:
    result = compacted(turns(8), Layered(strategies=(NativeCompaction(), Window(keep_recent_turns=2))), 1_000)

    assert result.report.strategy == "window"


@pytest.mark.parametrize(
    ("provider", "problem"),
    [
        (Provider(error=Overloaded("too much to do", "scripted")), "overloaded: too much to do"),
        (Provider(error=InvalidConfig("compaction", "is not offered")), "is not offered"),
        (Provider(), "no summary"),
        (Provider(Text("in short")), "no summary"),
        (Provider(Opaque(provider="scripted", type="compaction", json=b"x" * 100_000)), "no shorter"),
    ],
    ids=["overloaded", "invalid", "empty", "text", "long"],
)
def test_a_failure_costs_no_history_as_long_as_the_request_fits(provider: Provider, problem: str) -> None:
    layers = (NativeCompaction(keep_recent_turns=2), Window(keep_recent_turns=2))
    requests = len(provider.requests)

    result = compacted(turns(8), Layered(strategies=layers), 1_000, natively=provider.compact)

    assert result.messages is None
    assert result.report.problem is not None
    assert problem in result.report.problem
    assert len(provider.requests) == requests + 1


@pytest.mark.parametrize(("fewer", "is_shorter"), [(0, False), (1, True)])
def test_a_summary_has_fewer_tokens_than_what_it_stands_for(fewer: int, is_shorter: bool) -> None:
    history = turns(8)
    tokens = total_tokens(history[:12]) - fewer
    provider = Provider(Opaque(provider="scripted", type="compaction", json=b"x" * (tokens - total_tokens([user(1)]))))

    budget = total_tokens(history) - 1
    result = compacted(history, NativeCompaction(keep_recent_turns=2), budget, natively=provider.compact)

    assert (result.messages is not None) == is_shorter


def test_after_a_failure_the_next_layer_drops_no_more_than_a_request_has_no_room_for() -> None:
    history, provider = turns(8), Provider(error=Overloaded("busy", "scripted"))
    layers = (NativeCompaction(keep_recent_turns=2), Window(keep_recent_turns=2))
    room = total_tokens(history[2:])

    exactly = compacted(history, Layered(strategies=layers), 100, natively=provider.compact, window_tokens=room)
    less = compacted(history, Layered(strategies=layers), 100, natively=provider.compact, window_tokens=room - 1)

    assert exactly.messages == tuple(history[2:])
    assert less.messages == tuple(history[4:])


def test_a_compaction_that_takes_too_long_is_given_up_and_counted() -> None:
    async def hang(messages: Sequence[Message], instructions: str | None) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError(messages, instructions)

    history = turns(3)
    result = compacted(history, NativeCompaction(timeout_s=0.01), 0, natively=hang)

    assert "took longer than 0.01 s" in (result.report.problem or "")
    assert result.report.usage.input == estimated(total_tokens(history[:4]))


def test_the_cost_of_an_answer_that_broke_off_is_estimated() -> None:
    provider = Provider(error=IncompleteAnswer("broke off", "scripted"))

    result = compacted(turns(3), NativeCompaction(), 0, natively=provider.compact)

    assert result.report.usage.input == estimated(total_tokens(turns(3)[:4]))


def test_more_than_the_model_takes_is_not_sent() -> None:
    history = [*turns(1, "a raven " * 15_000), *turns(3)[2:]]
    provider = Provider(COMPACTION)

    compacted(history, NativeCompaction(), 0, natively=provider.compact)

    assert provider.requests == []


@pytest.mark.parametrize("config", [Summarize(keep_recent_turns=1), DropThinking(keep_recent_turns=1)])
def test_other_strategies_leave_the_provider_s_summary_alone(config: Summarize | DropThinking) -> None:
    provider = Provider(COMPACTION)
    once = compacted(turns(6), NativeCompaction(keep_recent_turns=1), 0, natively=provider.compact).messages
    assert once is not None
    thought = [assistant(7, Thinking(text=LONG, provider="scripted", signature="s"), "yes")]
    longer = [*once, user(7, LONG), *thought, user(8, LONG), assistant(8, LONG)]

    result = compacted(longer, config, 0)

    assert result.messages is not None
    assert result.messages[0] is once[0]


def test_a_window_drops_the_provider_s_summary_last() -> None:
    provider = Provider(COMPACTION)
    once = compacted(turns(6), NativeCompaction(keep_recent_turns=3), 9_000, natively=provider.compact).messages
    assert once is not None

    roomy = compacted(once, Window(keep_recent_turns=1), total_tokens(once) - 1)
    narrow = compacted(once, Window(keep_recent_turns=1), 0)

    assert roomy.messages == (once[0], *once[-2:])
    assert narrow.messages == once[-2:]


def test_the_size_of_the_provider_s_summary_is_estimated_by_its_text() -> None:
    text = LONG * 20
    summary = Message(
        role=Role.ASSISTANT,
        content=(Opaque(provider="anthropic", type="compaction", json=text.encode()),),
        turn=1,
        stands_for=StandsFor(first_turn=1, last_turn=1, messages=2),
    )
    estimate = Estimator("anthropic").tokens(summary)

    as_text = Estimator("anthropic").tokens(assistant(1, text))
    assert as_text / 1.5 < estimate < as_text * 1.5
