"""Properties of every compacted history, for random histories, configs and budgets."""

import asyncio

from builders.histories import broken_rules, compact_natively, count_tokens, histories, send_summary
from hypothesis import given, settings
from hypothesis import strategies as st
from validators import history as rules

from rayconteur.compaction import (
    Compaction,
    CompactionJob,
    CompactionResult,
    DropImages,
    DropThinking,
    Layered,
    NativeCompaction,
    Summarize,
    Threshold,
    Window,
    compact,
)
from rayconteur.compaction.config import AnyStrategy
from rayconteur.compaction.sized_history import SizedHistory
from rayconteur.providers.schema.content import Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message

_kept_turns = st.integers(1, 4)
single_strategies: st.SearchStrategy[AnyStrategy] = st.one_of(
    st.builds(NativeCompaction, keep_recent_turns=_kept_turns),
    st.builds(Threshold, keep_recent_turns=_kept_turns, tool_results=st.sampled_from(["summarize", "redact"])),
    st.builds(DropThinking, keep_recent_turns=_kept_turns),
    st.builds(DropImages, keep_recent_turns=_kept_turns),
    st.builds(Summarize, keep_recent_turns=_kept_turns, max_summary_tokens=st.sampled_from([100, 2_000])),
    st.builds(Window, keep_recent_turns=_kept_turns),
    st.builds(Window, max_tokens=st.sampled_from([1, 1_000, 5_000])),
)
configs: st.SearchStrategy[Compaction] = st.one_of(
    single_strategies,
    st.just(Layered()),
    st.builds(Layered, strategies=st.lists(single_strategies, min_size=1, max_size=4).map(tuple)),
)
budgets = st.one_of(st.integers(0, 3_000), st.integers(0, 60_000))
Conversation = tuple[tuple[Message, ...], int | None]


def compacted(conversation: Conversation, budget_tokens: int, config: Compaction) -> CompactionResult:
    messages, running_turn = conversation
    job = CompactionJob(
        messages=messages,
        budget_tokens=budget_tokens,
        count_tokens=count_tokens,
        send=send_summary,
        compact_natively=compact_natively,
        running_turn=running_turn,
    )
    return asyncio.run(compact(job, config))


def total_tokens(messages: tuple[Message, ...]) -> int:
    return sum(map(count_tokens, messages))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(conversation=histories(), budget_tokens=budgets, config=configs)
def test_a_compacted_history_breaks_no_provider_s_rules(
    conversation: Conversation, budget_tokens: int, config: Compaction
) -> None:
    messages, _ = conversation
    assert rules.violations(messages) == []
    assert broken_rules(messages) == []

    after = compacted(conversation, budget_tokens, config).messages

    if after is not None:
        assert rules.violations(after) == []
        assert broken_rules(after) == []


@settings(max_examples=400, deadline=None, derandomize=True)
@given(conversation=histories(), budget_tokens=budgets, config=configs)
def test_the_result_fits_its_budget_or_the_report_says_why_not(
    conversation: Conversation, budget_tokens: int, config: Compaction
) -> None:
    messages, _ = conversation

    result = compacted(conversation, budget_tokens, config)

    after = messages if result.messages is None else result.messages
    report = result.report
    assert (report.tokens_before, report.messages_before) == (total_tokens(messages), len(messages))
    assert (report.tokens_after, report.messages_after) == (total_tokens(after), len(after))
    assert report.tokens_after < report.tokens_before or result.messages is None
    assert report.tokens_after <= budget_tokens or report.problem
    assert report.turns_compacted + report.turns_kept == len(SizedHistory.of(messages, count_tokens).turn_starts)
    if result.messages is None:
        assert report.problem
        assert report.turns_compacted == 0


@settings(max_examples=400, deadline=None, derandomize=True)
@given(conversation=histories(), budget_tokens=budgets, config=configs)
def test_compacting_a_compacted_history_changes_nothing(
    conversation: Conversation, budget_tokens: int, config: Compaction
) -> None:
    messages, running_turn = conversation
    once = compacted(conversation, budget_tokens, config)

    twice = compacted((once.messages or messages, running_turn), budget_tokens, config)

    failed = "summarize:" in (once.report.problem or "")  # what could not be summarized may be smaller now
    assert twice.messages is None or failed


@settings(max_examples=400, deadline=None, derandomize=True)
@given(conversation=histories(), budget_tokens=budgets, config=configs)
def test_the_last_user_message_and_the_last_step_are_untouched(
    conversation: Conversation, budget_tokens: int, config: Compaction
) -> None:
    messages, _ = conversation
    before = SizedHistory.of(messages, count_tokens)

    after = compacted(conversation, budget_tokens, config).messages or messages

    last_step = messages[before.last_step_start :] if before.step_starts else ()
    assert any(message is messages[before.last_turn_start] for message in after)
    assert all(mine is its for mine, its in zip(after[len(after) - len(last_step) :], last_step, strict=True))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(conversation=histories(), budget_tokens=budgets, config=configs)
def test_order_is_kept_and_unchanged_messages_are_the_same_objects(
    conversation: Conversation, budget_tokens: int, config: Compaction
) -> None:
    messages, _ = conversation
    index_of = {id(message): index for index, message in enumerate(messages)}

    after = compacted(conversation, budget_tokens, config).messages or messages

    unchanged = [index_of[id(message)] for message in after if id(message) in index_of]
    assert unchanged == sorted(unchanged)
    assert all(message not in messages for message in after if id(message) not in index_of)
    uses = [block.id for message in messages for block in message.content if isinstance(block, ToolUse)]
    kept = [block.id for message in after for block in message.content if isinstance(block, ToolUse)]
    with_results = [
        block.tool_use_id for message in after for block in message.content if isinstance(block, ToolResult)
    ]
    assert kept == with_results == [use for use in uses if use in kept]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(conversation=histories(), budget_tokens=budgets, config=configs)
def test_the_thinking_of_the_running_turn_stays_as_long_as_its_step(
    conversation: Conversation, budget_tokens: int, config: Compaction
) -> None:
    messages, running_turn = conversation
    after = compacted(conversation, budget_tokens, config).messages or messages

    def thinking(of: tuple[Message, ...]) -> dict[str, list[Thinking]]:
        """The thinking of the running turn, by the id of the first tool use after it."""
        return {
            uses[0].id: [block for block in message.content if isinstance(block, Thinking)]
            for message in of
            if message.turn == running_turn
            if (uses := [block for block in message.content if isinstance(block, ToolUse)])
        }

    before = thinking(messages)
    assert all(blocks == before[use] for use, blocks in thinking(after).items())
