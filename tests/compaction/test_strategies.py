"""What each strategy does to a history, and how they work together."""

import asyncio

import msgspec
import pytest
from builders.compaction import LONG, assistant, compacted, step, total_tokens, turns, user
from builders.histories import IMAGE, PDF, answer, count_tokens, send_summary

from rayconteur.compaction import (
    CompactionJob,
    DropImages,
    DropThinking,
    Layered,
    SideRequest,
    Summarize,
    Threshold,
    Window,
    compact,
)
from rayconteur.compaction.placeholders import result_placeholder
from rayconteur.providers.schema.content import Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import Overloaded
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.usage import NONE_YET

THINKING = Thinking(text=LONG, provider="anthropic", signature="c2ln")


def changed(messages: tuple[Message, ...] | None) -> tuple[Message, ...]:
    assert messages is not None
    return messages


def test_a_history_that_fits_is_left_unchanged() -> None:
    history = turns(3)

    result = compacted(history, Layered(), total_tokens(history))

    assert result.messages is None
    assert result.report.problem
    assert "fits already" in result.report.problem
    assert (result.report.turns_kept, result.report.turns_compacted) == (3, 0)


def test_an_old_tool_result_is_replaced_by_its_summary() -> None:
    history = [user(1, "look"), *step(1, "a", summary="three ravens"), assistant(1, "Done."), user(2, "And?")]

    after = changed(compacted(history, Threshold(keep_recent_turns=1), total_tokens(history) - 1).messages)

    result = after[2].content[0]
    assert isinstance(result, ToolResult)
    assert result.content == (Text("three ravens"),)
    assert [mine is its for mine, its in zip(after, history, strict=True)] == [True, True, False, True, True]


def test_a_tool_result_without_a_summary_is_replaced_by_a_placeholder() -> None:
    result = ToolResult("a", (Text(LONG), IMAGE, IMAGE), is_error=True)
    history = [user(1, "look"), step(1, "a")[0], user(1, result), user(2, "And?")]

    after = changed(compacted(history, Threshold(keep_recent_turns=1), 0).messages)

    text = result_placeholder(result)
    assert after[2].content == (ToolResult("a", (Text(text),), is_error=True, compact_summary=text),)


def test_redacted_results_reveal_neither_content_nor_summary() -> None:
    history = [user(1, "look"), *step(1, "a", summary="a secret"), user(2, "And?")]

    after = changed(compacted(history, Threshold(keep_recent_turns=1, tool_results="redact"), 0).messages)

    assert not any(text in _json(after) for text in ("a secret", "read_result"))


def test_a_result_shorter_than_its_summary_stays() -> None:
    history = [user(1, "look"), *step(1, "a", result="3", summary="three ravens"), user(2, "And?" * 100)]

    assert compacted(history, Threshold(keep_recent_turns=1), 0).messages is None


def test_a_result_shorter_than_its_placeholder_stays() -> None:
    result = ToolResult("a", (Text("3"), Text("4")))
    history = [user(1, "look"), step(1, "a")[0], user(1, result), user(2, "And?" * 100)]

    assert compacted(history, Threshold(keep_recent_turns=1), 0).messages is None


def test_of_two_results_in_a_message_only_the_long_one_is_replaced() -> None:
    uses = assistant(1, ToolUse("a", "look", {}), ToolUse("b", "look", {}))
    results = user(1, ToolResult("a", (Text("yes"),)), ToolResult("b", (Text(LONG),)))
    history = [user(1, "Look."), uses, results, assistant(1, "done"), user(2, "?")]

    after = changed(compacted(history, Threshold(keep_recent_turns=1), 1).messages)

    short, long = after[2].content
    assert short is results.content[0]
    assert long is not results.content[1]


def test_what_is_kept_unless_the_window_has_no_room_is_said() -> None:
    history = turns(3)
    tokens = total_tokens(history)

    result = compacted(history, Layered(strategies=(Threshold(),)), tokens - 1, recent_budget_tokens=tokens)

    assert result.messages is None
    assert result.report.problem == (
        "there is nothing to compact: its 3 turns are kept unless the context window has no room"
    )


def test_recent_results_are_replaced_only_if_old_ones_are_not_enough() -> None:
    history = [
        *[user(1, "look"), *step(1, "a"), assistant(1, "ok")],
        *[user(2, "look"), *step(2, "b"), *step(2, "c"), *step(2, "d")],
    ]
    config = Threshold(keep_recent_turns=1)

    def unchanged_results(budget_tokens: int) -> list[str]:
        after = compacted(history, config, budget_tokens).messages or history
        blocks = [block for message in after for block in message.content if isinstance(block, ToolResult)]
        return [block.tool_use_id for block in blocks if block.content == (Text(LONG),)]

    assert unchanged_results(total_tokens(history) - 1) == ["b", "c", "d"]
    assert unchanged_results(total_tokens(history) - 1_500) == ["c", "d"]
    assert unchanged_results(0) == ["d"], "the last step stays"


def test_old_thinking_is_dropped_and_that_of_the_running_turn_stays() -> None:
    history = [
        *[user(1, "hm?"), assistant(1, THINKING, "So."), user(2, "look")],
        *[assistant(2, THINKING, *step(2, "a")[0].content), step(2, "a")[1], *step(2, "b")],
    ]

    after = changed(compacted(history, DropThinking(keep_recent_turns=1), 0).messages)

    assert [THINKING in message.content for message in after] == [False] * 3 + [True] + [False] * 3


def test_thinking_is_dropped_without_gaps() -> None:
    """What costs nothing is dropped, too: the model rejects thinking whose predecessor is missing."""
    unseen = Thinking(text="", provider="anthropic", signature=None)
    history = [
        *[user(1, "hm?"), assistant(1, THINKING, "So."), user(2, "hm?"), assistant(2, unseen, "So.")],
        *[user(3, "hm?"), assistant(3, THINKING, "So."), user(4, "hm?"), assistant(4, THINKING, "So.")],
    ]

    after = changed(compacted(history, DropThinking(keep_recent_turns=1), 0).messages)

    assert [len(message.content) for message in after[1::2]] == [1, 1, 1, 2]


def test_the_thinking_of_a_turn_that_may_be_requested_again_stays() -> None:
    history = [
        *[user(1, "hm?"), assistant(1, THINKING, "So."), user(2, "look")],
        *[assistant(2, THINKING, *step(2, "a")[0].content), step(2, "a")[1], *step(2, "b")],
    ]
    job = CompactionJob(messages=history, budget_tokens=0, count_tokens=count_tokens, send=send_summary)

    result = asyncio.run(compact(job, DropThinking(keep_recent_turns=1)))

    assert [THINKING in message.content for message in changed(result.messages)] == [False] * 3 + [True] + [False] * 3


def test_an_answer_without_its_thinking_keeps_its_origin() -> None:
    origin = Origin(source="ours", prefix="p")
    thought = msgspec.structs.replace(assistant(1, THINKING, "So."), origin=origin)

    after = changed(
        compacted([user(1, "hm?"), thought, user(2, "And?")], DropThinking(keep_recent_turns=1), 0).messages
    )

    assert after[1] == msgspec.structs.replace(assistant(1, "So."), origin=origin)


def test_a_message_with_nothing_but_thinking_stays() -> None:
    history = [user(1, "hm?"), assistant(1, THINKING), user(2, "And?")]

    assert compacted(history, DropThinking(keep_recent_turns=1), 0).messages is None


def test_old_media_are_replaced_in_user_messages_and_in_tool_results() -> None:
    tool_result = user(1, ToolResult("a", (Text("this"), IMAGE)))
    history = [
        user(1, "look", IMAGE, PDF),
        step(1, "a")[0],
        tool_result,
        assistant(1, "ok"),
        user(2, "and this?", IMAGE),
    ]

    after = changed(compacted(history, DropImages(keep_recent_turns=1), 0).messages)

    assert after[0].content[0] == Text("look")
    assert after[0].content[1] == Text("[Image left out to save room: image/png, 504 bytes]")
    assert after[0].content[2] == Text("[Document 'ravens.pdf' left out to save room: application/pdf, 2,004 bytes]")
    assert isinstance(replaced := after[2].content[0], ToolResult)
    assert replaced.content[0] == Text("this")
    assert replaced.content[1] == after[0].content[1]
    assert after[4] is history[4], "the last user message is untouched"


def test_a_window_keeps_the_last_turns() -> None:
    history = turns(10)

    result = compacted(history, Window(keep_recent_turns=3), total_tokens(history) - 1)

    assert changed(result.messages) == tuple(history[-6:])
    assert (result.report.turns_compacted, result.report.turns_kept) == (7, 3)


def test_a_window_keeps_the_last_tokens_in_whole_turns() -> None:
    history = turns(10)
    turn_tokens = total_tokens(history[:2])

    result = compacted(history, Window(max_tokens=3 * turn_tokens + 10), total_tokens(history) - 1)

    assert changed(result.messages) == tuple(history[-6:])


def test_a_window_that_is_too_large_shrinks_down_to_the_last_step() -> None:
    running = [user(11, "look"), *step(11, "a"), *step(11, "b"), *step(11, "c")]
    history = [*turns(10), *running]

    result = compacted(history, Window(keep_recent_turns=5), total_tokens(running) - 1)

    assert changed(result.messages) == (running[0], *running[3:])
    assert result.report.problem is None


def test_a_window_that_cannot_fit_its_budget_reports_it() -> None:
    result = compacted([*turns(2), user(3, LONG * 10)], Window(keep_recent_turns=1), 1_000)

    assert len(changed(result.messages)) == 1
    assert result.report.problem
    assert "over its budget of 1,000" in result.report.problem


def test_a_retried_turn_is_dropped_together_with_the_one_that_failed() -> None:
    history = [user(1, LONG), assistant(2, LONG), user(3, "And?")]

    result = compacted(history, Window(keep_recent_turns=1), 100)

    assert changed(result.messages) == (history[2],)


def test_later_strategies_do_not_run_once_the_history_fits() -> None:
    history = [user(1, "look"), *step(1, "a"), *turns(7)[2:], user(8, "And?")]

    result = compacted(history, Layered(), total_tokens(history) - 900)

    assert result.report.strategy == "threshold"
    assert result.report.usage == NONE_YET
    assert result.report.problem is None


async def overloaded(request: SideRequest) -> Answer:
    raise Overloaded("come back later")


def test_turns_are_dropped_only_to_make_the_request_fit_when_the_summary_fails() -> None:
    history = turns(30)

    result = compacted(history, Layered(), 6_000, overloaded, window_tokens=10_000)

    kept = changed(result.messages)
    assert result.report.strategy == "window"
    assert kept == tuple(history[-len(kept) :])
    assert 10_000 - total_tokens(history[:2]) < total_tokens(kept) <= 10_000


def test_the_history_stays_when_the_summary_fails_and_the_request_fits() -> None:
    requests: list[SideRequest] = []

    async def fail(request: SideRequest) -> Answer:
        requests.append(request)
        raise Overloaded("come back later")

    result = compacted(turns(30), Layered(), 6_000, fail, window_tokens=total_tokens(turns(30)))

    assert result.messages is None
    assert len(requests) == 1
    assert "summarize: the request for a summary failed: overloaded: come back later" in (result.report.problem or "")


def test_a_summary_just_written_is_not_dropped_to_reach_the_budget() -> None:
    history = turns(30)

    kept = changed(compacted(history, Layered(), 100, window_tokens=3_000).messages)

    assert kept[0].stands_for
    assert kept[0].stands_for.messages == 58


def test_a_window_alone_drops_turns_down_to_the_budget() -> None:
    kept = changed(compacted(turns(30), Window(keep_recent_turns=20), 6_000).messages)

    assert total_tokens(kept) <= 6_000


@pytest.mark.parametrize(("number", "kept"), [(4, 4), (5, 2)])
def test_a_window_with_more_turns_than_it_may_have_keeps_the_recent_ones(number: int, kept: int) -> None:
    window = Window(keep_recent_turns=2, max_turns=4)

    result = compacted(turns(number), window, 1_000_000, turns_since=number)

    assert (result.messages or tuple(turns(number))) == tuple(turns(number)[-2 * kept :])


def test_a_window_keeps_a_summary_that_just_fits() -> None:
    history = [*turns(10), user(11, "And?")]
    summarized = changed(compacted(history, Summarize(keep_recent_turns=3), total_tokens(history) - 1).messages)
    kept = (summarized[0], history[-1])

    exactly = compacted(summarized, Window(keep_recent_turns=1), total_tokens(kept))
    one_less = compacted(summarized, Window(keep_recent_turns=1), total_tokens(kept) - 1)

    assert exactly.messages == kept
    assert one_less.messages == (history[-1],)


def test_a_window_drops_summaries_last() -> None:
    history = [*turns(10), user(11, "And?")]
    summarized = changed(compacted(history, Summarize(keep_recent_turns=3), total_tokens(history) - 1).messages)
    assert summarized[0].stands_for

    after = changed(compacted(summarized, Window(keep_recent_turns=1), 500).messages)
    nothing_fits = changed(compacted(summarized, Window(keep_recent_turns=1), 1).messages)

    assert after == (summarized[0], history[-1])
    assert nothing_fits == (history[-1],)


def test_the_default_strategies_leave_recent_turns_alone_if_old_ones_are_enough() -> None:
    history = [*turns(20), user(21, "look"), *step(21, "a"), *step(21, "b")]

    async def summarize_briefly(request: SideRequest) -> Answer:
        return await send_summary(request) if request.messages else answer("")

    result = compacted(history, Layered(), total_tokens(history[-13:]) + 500, summarize_briefly)

    assert changed(result.messages)[1:] == tuple(history[-13:])
    assert result.report.strategy == "summarize"


def _json(value: object) -> str:
    """All of *value*: a repr is cut."""
    return msgspec.json.encode(value).decode()
