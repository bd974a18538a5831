"""Which tool uses of an answer are ready before its end."""

import pytest

from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    BlocksWithdrawn,
    Delta,
    OpaqueReceived,
    TextDelta,
    ToolInputDelta,
    ToolUseStarted,
)
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.stop_reasons import StopReason

STARTED = AnswerStarted("m1", "raven-1")
ENDED = AnswerEnded(StopReason.TOOL_USE, "tool")


def draft_of(*deltas: Delta) -> Draft:
    draft = Draft("rookery")
    draft.add(deltas)
    return draft


def use_of(index: int, json: str = '{"far":true}', use_id: str = "a") -> list[Delta]:
    return [ToolUseStarted(index, use_id, "fly"), ToolInputDelta(index, json)]


TEXT, CALL, SEARCH = TextDelta(1, "and"), ToolUseStarted(1, "b", "fly"), OpaqueReceived(1, "search", b"{}")


@pytest.mark.parametrize(
    ("deltas", "is_ready"),
    [
        ([*use_of(0)], False),
        ([*use_of(0), BlockEnded(0)], True),
        ([*use_of(0), BlockEnded(0, rewritten=True)], False),
        ([*use_of(0), BlockEnded(0, rewritten=True), TEXT], True),
        ([*use_of(0), CALL], True),
        ([*use_of(0), SEARCH], False),
        ([*use_of(0, '{"far":'), CALL], False),
        ([*use_of(0, '{"far":'), BlockEnded(0)], True),
        ([*use_of(0, "{}"), BlockEnded(0)], False),
        ([*use_of(0, "{}"), BlockEnded(0), CALL], True),
        ([*use_of(0, "{}"), CALL], False),
        ([*use_of(0), BlockEnded(0), BlocksWithdrawn((0,))], False),
    ],
)
def test_a_tool_use_is_ready_when_its_input_can_not_change_any_more(deltas: list[Delta], is_ready: bool) -> None:
    assert bool(list(draft_of(STARTED, *deltas).ready_tool_uses(after=-1))) is is_ready


def test_tool_uses_are_ready_in_order_each_once_and_as_they_are_in_the_answer() -> None:
    first, second, third = (use_of(index, f'{{"n":{index}}}') for index in range(3))
    draft = draft_of(STARTED, *first, *second, BlockEnded(1), BlockEnded(0), *third)

    ready = list(draft.ready_tool_uses(after=-1))
    later = list(draft.ready_tool_uses(after=0))
    draft.add([ENDED])

    assert [block for block, _ in ready] == [0, 1]
    assert later == ready[1:]
    assert draft.finish().content[:2] == tuple(use for _, use in ready)
    assert [use.id for _, use in ready] == ["a", "a-2"]
