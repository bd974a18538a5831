"""What each strategy does to a history, and how they go together."""

from builders.compaction import LONG, assistant, compacted, size, step, turns, user
from builders.histories import IMAGE, PDF, answer, sums_up

from rayconteur.compaction.config import CHEAPEST_FIRST, DropImages, DropThinking, Layered, Summarize, Threshold, Window
from rayconteur.compaction.task import Ask
from rayconteur.providers.schema.content import Text, Thinking, ToolResult
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import Overloaded
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.usage import NONE_YET

THOUGHT = Thinking(text=LONG, provider="anthropic", signature="c2ln")


def shorter(found: tuple[Message, ...] | None) -> tuple[Message, ...]:
    assert found is not None
    return found


def test_a_history_that_fits_stays_as_it_is() -> None:
    history = turns(3)

    done = compacted(history, Layered(), size(history))

    assert done.messages is None
    assert done.report.problem
    assert "fits already" in done.report.problem
    assert (done.report.turns_kept, done.report.turns_compacted) == (3, 0)


def test_an_old_result_becomes_the_summary_that_came_along() -> None:
    history = [user(1, "look"), *step(1, "a", summary="three ravens"), assistant(1, "Done."), user(2, "And?")]

    after = shorter(compacted(history, Threshold(keep_recent_turns=1), size(history) - 1).messages)

    result = after[2].content[0]
    assert isinstance(result, ToolResult)
    assert result.content == (Text("three ravens"),)
    assert [mine is its for mine, its in zip(after, history, strict=True)] == [True, True, False, True, True]


def test_a_result_without_a_summary_becomes_a_note_of_what_was_there() -> None:
    result = ToolResult("a", (Text(LONG), IMAGE, IMAGE), is_error=True)
    history = [user(1, "look"), step(1, "a")[0], user(1, result), user(2, "And?")]

    after = shorter(compacted(history, Threshold(keep_recent_turns=1), 0).messages)

    note = after[2].content[0]
    assert isinstance(note, ToolResult)
    assert note.content == (Text(f"[Result left out to save room: {len(LONG):,} characters of text, 2 images]"),)
    assert note.is_error


def test_redacted_results_tell_nothing_of_what_was_in_them() -> None:
    history = [user(1, "look"), *step(1, "a", summary="a secret"), user(2, "And?")]

    after = shorter(compacted(history, Threshold(keep_recent_turns=1, tool_results="redact"), 0).messages)

    assert "a secret" not in repr(after)


def test_short_results_stay() -> None:
    history = [user(1, "look"), *step(1, "a", result="3", summary="three ravens"), user(2, "And?" * 100)]

    assert compacted(history, Threshold(keep_recent_turns=1), 0).messages is None


def test_results_whose_note_would_be_longer_stay() -> None:
    result = ToolResult("a", (Text("3"), Text("4")))
    history = [user(1, "look"), step(1, "a")[0], user(1, result), user(2, "And?" * 100)]

    assert compacted(history, Threshold(keep_recent_turns=1), 0).messages is None


def test_recent_results_go_only_where_the_old_are_not_enough() -> None:
    history = [
        *[user(1, "look"), *step(1, "a"), assistant(1, "ok")],
        *[user(2, "look"), *step(2, "b"), *step(2, "c"), *step(2, "d")],
    ]
    config = Threshold(keep_recent_turns=1)

    def full(budget_tokens: int) -> list[str]:
        after = compacted(history, config, budget_tokens).messages or history
        blocks = [block for message in after for block in message.content if isinstance(block, ToolResult)]
        return [block.tool_use_id for block in blocks if block.content == (Text(LONG),)]

    assert full(size(history) - 1) == ["b", "c", "d"]
    assert full(size(history) - 1_500) == ["c", "d"]
    assert full(0) == ["d"], "the last step stays"


def test_old_thinking_goes_and_that_of_the_running_turn_stays() -> None:
    history = [
        *[user(1, "hm?"), assistant(1, THOUGHT, "So."), user(2, "look")],
        *[assistant(2, THOUGHT, *step(2, "a")[0].content), step(2, "a")[1], *step(2, "b")],
    ]

    after = shorter(compacted(history, DropThinking(keep_recent_turns=1), 0).messages)

    assert [THOUGHT in message.content for message in after] == [False] * 3 + [True] + [False] * 3


def test_a_message_of_nothing_but_thinking_is_not_emptied() -> None:
    history = [user(1, "hm?"), assistant(1, THOUGHT), user(2, "And?")]

    assert compacted(history, DropThinking(keep_recent_turns=1), 0).messages is None


def test_old_media_become_notes_wherever_they_are() -> None:
    shown = user(1, ToolResult("a", (Text("this"), IMAGE)))
    history = [user(1, "look", IMAGE, PDF), step(1, "a")[0], shown, assistant(1, "ok"), user(2, "and this?", IMAGE)]

    after = shorter(compacted(history, DropImages(keep_recent_turns=1), 0).messages)

    assert after[0].content[0] == Text("look")
    assert after[0].content[1] == Text("[Image left out to save room: image/png, 504 bytes]")
    assert after[0].content[2] == Text("[Document 'ravens.pdf' left out to save room: application/pdf, 2,004 bytes]")
    assert isinstance(result := after[2].content[0], ToolResult)
    assert result.content[0] == Text("this")
    assert result.content[1] == after[0].content[1]
    assert after[4] is history[4], "the last message of the user is untouched"


def test_a_window_keeps_the_last_turns() -> None:
    history = turns(10)

    done = compacted(history, Window(keep_recent_turns=3), size(history) - 1)

    assert shorter(done.messages) == tuple(history[-6:])
    assert (done.report.turns_compacted, done.report.turns_kept) == (7, 3)


def test_a_window_keeps_the_last_tokens_in_whole_turns() -> None:
    history = turns(10)
    turn_tokens = size(history[:2])

    done = compacted(history, Window(max_tokens=3 * turn_tokens + 10), size(history) - 1)

    assert shorter(done.messages) == tuple(history[-6:])


def test_a_window_that_is_too_wide_closes_down_to_the_last_step() -> None:
    running = [user(11, "look"), *step(11, "a"), *step(11, "b"), *step(11, "c")]
    history = [*turns(10), *running]

    done = compacted(history, Window(keep_recent_turns=5), size(running) - 1)

    assert shorter(done.messages) == (running[0], *running[3:])
    assert done.report.problem is None


def test_a_window_that_is_never_small_enough_says_so() -> None:
    done = compacted([*turns(2), user(3, LONG * 10)], Window(keep_recent_turns=1), 1_000)

    assert len(shorter(done.messages)) == 1
    assert done.report.problem
    assert "may have 1,000" in done.report.problem


def test_a_retried_turn_goes_with_the_one_that_failed() -> None:
    history = [user(1, LONG), assistant(2, LONG), user(3, "And?")]

    done = compacted(history, Window(keep_recent_turns=1), 100)

    assert shorter(done.messages) == (history[2],)


def test_layers_stop_when_it_fits() -> None:
    history = [user(1, "look"), *step(1, "a"), *turns(7)[2:], user(8, "And?")]

    done = compacted(history, Layered(), size(history) - 900)

    assert done.report.strategy == "threshold"
    assert done.report.usage == NONE_YET
    assert done.report.problem is None


def test_the_next_layer_gets_its_chance_when_the_summary_fails_and_it_is_not_asked_again() -> None:
    asked: list[Ask] = []

    async def fails(ask: Ask) -> Answer:
        asked.append(ask)
        raise Overloaded("come back later")

    history = turns(10)

    done = compacted(history, Layered(), 6_000, fails)

    assert len(asked) == 1
    assert done.report.strategy == "window"
    assert done.report.problem == "summarize: no summary: overloaded: come back later"
    assert shorter(done.messages) == tuple(history[-len(shorter(done.messages)) :])


def test_summaries_go_last_of_all() -> None:
    history = [*turns(10), user(11, "And?")]
    summed_up = shorter(compacted(history, Summarize(keep_recent_turns=3), size(history) - 1).messages)
    assert summed_up[0].stands_for

    after = shorter(compacted(summed_up, Window(keep_recent_turns=1), 500).messages)
    nothing_fits = shorter(compacted(summed_up, Window(keep_recent_turns=1), 1).messages)

    assert after == (summed_up[0], history[-1])
    assert nothing_fits == (history[-1],)


def test_the_usual_layers_leave_recent_turns_alone_where_that_is_enough() -> None:
    history = [*turns(20), user(21, "look"), *step(21, "a"), *step(21, "b")]

    async def in_few_words(ask: Ask) -> Answer:
        return await sums_up(ask) if ask.messages else answer("")

    done = compacted(history, Layered(strategies=CHEAPEST_FIRST), size(history[-13:]) + 500, in_few_words)

    assert shorter(done.messages)[1:] == tuple(history[-13:])
    assert done.report.strategy == "summarize"
