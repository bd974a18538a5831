"""Whatever a history holds and however it is shortened, what comes out can be sent, and nothing is out of place."""

import asyncio

from builders.histories import broken_rules, histories, sums_up, tokens
from hypothesis import given, settings
from hypothesis import strategies as st
from validators import history as rules

from rayconteur.compaction.compact import shorten
from rayconteur.compaction.config import (
    Compaction,
    DropImages,
    DropThinking,
    Layer,
    Layered,
    Shortened,
    Summarize,
    Threshold,
    Window,
)
from rayconteur.compaction.history import History
from rayconteur.compaction.task import Task
from rayconteur.providers.schema.content import Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message

_keep = st.integers(1, 4)
layers: st.SearchStrategy[Layer] = st.one_of(
    st.builds(Threshold, keep_recent_turns=_keep, tool_results=st.sampled_from(["summarize", "redact"])),
    st.builds(DropThinking, keep_recent_turns=_keep),
    st.builds(DropImages, keep_recent_turns=_keep),
    st.builds(Summarize, keep_recent_turns=_keep, max_summary_tokens=st.sampled_from([100, 2_000])),
    st.builds(Window, keep_recent_turns=_keep),
    st.builds(Window, max_tokens=st.sampled_from([1, 1_000, 5_000])),
)
configs: st.SearchStrategy[Compaction] = st.one_of(
    layers,
    st.just(Layered()),
    st.builds(Layered, strategies=st.lists(layers, min_size=1, max_size=4).map(tuple)),
)
budgets = st.one_of(st.integers(0, 3_000), st.integers(0, 60_000))
Talk = tuple[tuple[Message, ...], int | None]


def shortened(messages: tuple[Message, ...], running: int | None, budget_tokens: int, config: Compaction) -> Shortened:
    task = Task(messages=messages, budget_tokens=budget_tokens, tokens=tokens, ask=sums_up, running_turn=running)
    return asyncio.run(shorten(task, config))


def sizes(messages: tuple[Message, ...]) -> int:
    return sum(map(tokens, messages))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(talk=histories(), budget_tokens=budgets, config=configs)
def test_what_comes_out_can_be_sent_to_every_provider(talk: Talk, budget_tokens: int, config: Compaction) -> None:
    messages, running = talk
    assert rules.violations(messages) == []
    assert broken_rules(messages) == []

    after = shortened(messages, running, budget_tokens, config).messages

    if after is not None:
        assert rules.violations(after) == []
        assert broken_rules(after) == []


@settings(max_examples=400, deadline=None, derandomize=True)
@given(talk=histories(), budget_tokens=budgets, config=configs)
def test_it_fits_or_the_report_says_why_not(talk: Talk, budget_tokens: int, config: Compaction) -> None:
    messages, running = talk

    done = shortened(messages, running, budget_tokens, config)

    after = messages if done.messages is None else done.messages
    report = done.report
    assert (report.tokens_before, report.messages_before) == (sizes(messages), len(messages))
    assert (report.tokens_after, report.messages_after) == (sizes(after), len(after))
    assert report.tokens_after < report.tokens_before or done.messages is None
    assert report.tokens_after <= budget_tokens or report.problem
    assert report.turns_compacted + report.turns_kept == len(History.of(messages, tokens).turns)
    if done.messages is None:
        assert report.problem
        assert report.turns_compacted == 0


@settings(max_examples=400, deadline=None, derandomize=True)
@given(talk=histories(), budget_tokens=budgets, config=configs)
def test_done_again_it_changes_nothing(talk: Talk, budget_tokens: int, config: Compaction) -> None:
    messages, running = talk
    once = shortened(messages, running, budget_tokens, config).messages

    twice = shortened(once or messages, running, budget_tokens, config)

    assert twice.messages is None


@settings(max_examples=400, deadline=None, derandomize=True)
@given(talk=histories(), budget_tokens=budgets, config=configs)
def test_the_last_message_of_the_user_and_the_last_step_are_untouched(
    talk: Talk, budget_tokens: int, config: Compaction
) -> None:
    messages, running = talk
    before = History.of(messages, tokens)

    after = shortened(messages, running, budget_tokens, config).messages or messages

    last = messages[before.last_step :] if before.steps else ()
    assert any(message is messages[before.question] for message in after)
    assert all(mine is its for mine, its in zip(after[len(after) - len(last) :], last, strict=True))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(talk=histories(), budget_tokens=budgets, config=configs)
def test_order_is_kept_and_what_does_not_change_is_the_same_object(
    talk: Talk, budget_tokens: int, config: Compaction
) -> None:
    messages, running = talk
    places = {id(message): at for at, message in enumerate(messages)}

    after = shortened(messages, running, budget_tokens, config).messages or messages

    same = [places[id(message)] for message in after if id(message) in places]
    assert same == sorted(same)
    assert all(message not in messages for message in after if id(message) not in places)
    uses = [block.id for message in messages for block in message.content if isinstance(block, ToolUse)]
    left = [block.id for message in after for block in message.content if isinstance(block, ToolUse)]
    answered = [block.tool_use_id for message in after for block in message.content if isinstance(block, ToolResult)]
    assert left == answered == [use for use in uses if use in left]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(talk=histories(), budget_tokens=budgets, config=configs)
def test_the_thinking_of_the_running_turn_stays_as_long_as_its_step_does(
    talk: Talk, budget_tokens: int, config: Compaction
) -> None:
    messages, running = talk
    after = shortened(messages, running, budget_tokens, config).messages or messages

    def thinking(of: tuple[Message, ...]) -> dict[str, list[Thinking]]:
        """What was thought in the running turn, by the first tool use after it."""
        return {
            uses[0].id: [block for block in message.content if isinstance(block, Thinking)]
            for message in of
            if message.turn == running
            if (uses := [block for block in message.content if isinstance(block, ToolUse)])
        }

    before = thinking(messages)
    assert all(thought == before[use] for use, thought in thinking(after).items())
