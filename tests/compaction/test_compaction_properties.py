"""Properties of every compacted history, for random histories, configs and budgets."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from builders.histories import broken_rules, compact_natively, count_tokens, histories, send_summary
from checkers.examples import examples
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


@dataclass(frozen=True)
class Case:
    """A compaction of a history, and its result."""

    messages: tuple[Message, ...]
    running_turn: int | None
    budget_tokens: int
    config: Compaction
    result: CompactionResult

    @property
    def after(self) -> tuple[Message, ...]:
        """The history afterwards."""
        return self.messages if self.result.messages is None else self.result.messages


def compacted(
    messages: tuple[Message, ...], running_turn: int | None, budget_tokens: int, config: Compaction
) -> CompactionResult:
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


def breaks_no_provider_s_rules(case: Case) -> None:
    assert rules.violations(case.messages) == []
    assert broken_rules(case.messages) == []
    if case.result.messages is not None:
        assert rules.violations(case.result.messages) == []
        assert broken_rules(case.result.messages) == []


def fits_its_budget_or_the_report_says_why_not(case: Case) -> None:
    messages, after, report = case.messages, case.after, case.result.report
    assert (report.tokens_before, report.messages_before) == (total_tokens(messages), len(messages))
    assert (report.tokens_after, report.messages_after) == (total_tokens(after), len(after))
    assert report.tokens_after < report.tokens_before or case.result.messages is None
    assert report.tokens_after <= case.budget_tokens or report.problem
    assert report.turns_compacted + report.turns_kept == len(SizedHistory.of(messages, count_tokens).turn_starts)
    if case.result.messages is None:
        assert report.problem
        assert report.turns_compacted == 0


def changes_nothing_when_compacted_again(case: Case) -> None:
    twice = compacted(case.result.messages or case.messages, case.running_turn, case.budget_tokens, case.config)

    failed = "summarize:" in (case.result.report.problem or "")  # what could not be summarized may be smaller now
    assert twice.messages is None or failed


def leaves_the_last_user_message_and_the_last_step_untouched(case: Case) -> None:
    before = SizedHistory.of(case.messages, count_tokens)
    after = case.result.messages or case.messages

    last_step = case.messages[before.last_step_start :] if before.step_starts else ()
    assert any(message is case.messages[before.last_turn_start] for message in after)
    assert all(mine is its for mine, its in zip(after[len(after) - len(last_step) :], last_step, strict=True))


def keeps_the_order_and_unchanged_messages_are_the_same_objects(case: Case) -> None:
    messages, after = case.messages, case.result.messages or case.messages
    index_of = {id(message): index for index, message in enumerate(messages)}

    unchanged = [index_of[id(message)] for message in after if id(message) in index_of]
    assert unchanged == sorted(unchanged)
    assert all(message not in messages for message in after if id(message) not in index_of)
    uses = [block.id for message in messages for block in message.content if isinstance(block, ToolUse)]
    kept = [block.id for message in after for block in message.content if isinstance(block, ToolUse)]
    with_results = [
        block.tool_use_id for message in after for block in message.content if isinstance(block, ToolResult)
    ]
    assert kept == with_results == [use for use in uses if use in kept]


def keeps_the_thinking_of_the_running_turn_as_long_as_its_step(case: Case) -> None:
    def thinking(of: tuple[Message, ...]) -> dict[str, list[Thinking]]:
        """The thinking of the running turn, by the id of the first tool use after it."""
        return {
            uses[0].id: [block for block in message.content if isinstance(block, Thinking)]
            for message in of
            if message.turn == case.running_turn
            if (uses := [block for block in message.content if isinstance(block, ToolUse)])
        }

    before = thinking(case.messages)
    assert all(blocks == before[use] for use, blocks in thinking(case.result.messages or case.messages).items())


GUARANTEES: list[Callable[[Case], None]] = [
    breaks_no_provider_s_rules,
    fits_its_budget_or_the_report_says_why_not,
    changes_nothing_when_compacted_again,
    leaves_the_last_user_message_and_the_last_step_untouched,
    keeps_the_order_and_unchanged_messages_are_the_same_objects,
    keeps_the_thinking_of_the_running_turn_as_long_as_its_step,
]


@settings(max_examples=examples(250, 600), deadline=None, derandomize=True)
@given(conversation=histories(), budget_tokens=budgets, config=configs)
def test_a_compaction_keeps_all_its_guarantees(
    conversation: tuple[tuple[Message, ...], int | None], budget_tokens: int, config: Compaction
) -> None:
    case = Case(*conversation, budget_tokens, config, compacted(*conversation, budget_tokens, config))

    for holds in GUARANTEES:  # of one history: making it takes as long as all of them
        holds(case)
