"""What a compaction has left out of the history: the model reads it again, turn by turn."""

from typing import Any

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    emitted_events,
    only_one,
    opened_conversation,
    received,
    tool_results,
    tool_use,
    user_message,
)

from rayconteur.compaction.config import Layered
from rayconteur.compaction.strategies.tool_results import Threshold
from rayconteur.compaction.summaries.summary_message import summary_message
from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.tools import Tool
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.tools.builtins import READ_MESSAGES
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

READS = msgspec.structs.replace(DISCARD, tools=(Tool(name="look"), READ_MESSAGES))
LONG = "A raven is called Munin. " + "kraa " * 10_000


def compacted(config: SessionConfig = READS, summarized: bool = True) -> Conversation:
    """A conversation of three turns, of which requests hold a summary, or nothing, and the last; then a fourth."""
    conversation = opened_conversation(config)
    conversation.handle(user_message("Where   is\nthe nest?"))
    conversation.handle(answered(1, tool_use("a")))
    conversation.handle(tool_results("a"))
    conversation.handle(answered(2, "In the oak."))
    conversation.handle(user_message(LONG))
    conversation.handle(answered(3, "I see."))
    conversation.handle(user_message("And the eggs?"))
    conversation.handle(answered(4, "In the nest."))
    *old, question, answer = conversation.history
    summary = summary_message(old, "They spoke about ravens.", within_turn=False)
    conversation.handle(received(msg.Compact()))
    kept: tuple[Message, ...] = (summary, question, answer) if summarized else (question, answer)
    conversation.handle(ev.CompactionEnded(compaction=1, messages=kept))
    conversation.handle(user_message("What was it?"))
    return conversation


def read(conversation: Conversation, **given: Any) -> ToolResult:
    """The result that the model gets when it reads: no program is asked."""
    use = ToolUse(f"r{conversation.requests}", "read_messages", given)
    steps = conversation.handle(answered(conversation.requests, use))
    assert isinstance(steps[-1], SendRequest)
    assert not any(isinstance(event, out.ToolBatch) for event in emitted_events(steps))
    (result,) = only_one(out.StepCompleted, emitted_events(steps)).results
    return result


def text(result: ToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, Text))


def test_the_summary_says_which_turns_it_stands_for_and_the_model_reads_each() -> None:
    conversation = compacted()
    note = conversation.history[0].content[0]

    first = read(conversation, turn=1)

    assert isinstance(note, Text)
    assert "(turns 1 to 2)" in note.text
    assert text(first) == (
        '[user]\nWhere   is\nthe nest?\n\n[assistant uses the tool look]\n{"at":1}\n\n'
        "[result of the tool]\nseen\n\n[assistant]\nIn the oak."
    )


@pytest.mark.parametrize("summarized", [True, False])
def test_without_a_turn_the_model_sees_how_those_begin_that_are_left_out(summarized: bool) -> None:
    index = text(read(compacted(summarized=summarized)))

    assert index == f"turn 1: Where is the nest?\nturn 2: {LONG[:100]}"


def test_a_long_turn_is_read_in_parts() -> None:
    conversation = compacted()
    whole = f"[user]\n{LONG}\n\n[assistant]\nI see."

    first, note = text(read(conversation, turn=2)).split("\n[cut off here, after ")
    parts = [first]
    while len("".join(parts)) < len(whole):
        parts.append(text(read(conversation, turn=2, offset=len("".join(parts)))).split("\n[cut off here")[0])

    assert note == f"16,384 of {len(whole):,} characters: to read on, use the offset 16384]"
    assert "".join(parts) == whole
    assert max(map(len, parts)) == 16_384


def test_a_search_names_the_turn_and_the_place() -> None:
    conversation = compacted()

    assert text(read(conversation, search="the oak")).startswith("[turn 1, offset ")
    assert text(read(conversation, search="Munin")).startswith("[turn 2, offset 25] ")
    assert read(conversation, search="Munin", turn=1).is_error
    many = text(read(conversation, search="kraa"))
    assert many.count("[turn 2, offset ") == 20
    assert "[more of turn 2: search in it from the offset 132 on]" in many
    assert text(read(conversation, search="kraa", turn=2, offset=132)).startswith("[turn 2, offset 132] ")


def after_turns(turns: int, text: str) -> Conversation:
    """A conversation from which a compaction has removed so many turns; each says *text*."""
    conversation = opened_conversation(READS)
    for _ in range(turns):
        conversation.handle(user_message(text))
        conversation.handle(answered(conversation.requests, "Yes."))
    conversation.handle(received(msg.Compact()))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=()))
    conversation.handle(user_message("What was it?"))
    return conversation


@pytest.mark.parametrize(("turns", "last"), [(100, "turn 100: kraa"), (103, "[3 later turns]")])
def test_of_many_turns_the_first_hundred_are_shown(turns: int, last: str) -> None:
    lines = text(read(after_turns(turns, "kraa"))).splitlines()

    assert lines[99] == "turn 100: kraa"
    assert lines[-1] == last


def test_a_search_stops_after_the_turn_with_the_twentieth_place_and_says_where_to_go_on() -> None:
    many, few = after_turns(8, "kraa " * 5), after_turns(4, "kraa " * 5)

    found = text(read(many, search="kraa"))
    assert [found.count(f"[turn {turn}, offset ") for turn in range(1, 9)] == [5, 5, 5, 5, 0, 0, 0, 0]
    assert found.endswith("[turns after 4: search in each]")
    assert "search in" not in text(read(few, search="kraa"))


@pytest.mark.parametrize("given", [{"turn": 3}, {"turn": 9}, {"turn": 0}, {"turn": 1, "offset": 10_000}])
def test_what_can_t_be_read_is_an_error_that_names_what_can(given: dict[str, Any]) -> None:
    result = read(compacted(), **given)

    assert result.is_error
    assert given["turn"] not in (3, 9) or "Turns left out: 1 to 2." in text(result)


def test_nothing_can_be_read_before_a_compaction_or_if_results_are_redacted() -> None:
    redacting = Layered(strategies=(Threshold(tool_results="redact"),))
    fresh = opened_conversation(READS)
    fresh.handle(user_message("hi"))

    for conversation in (fresh, compacted(msgspec.structs.replace(READS, compaction=redacting))):
        assert (read(conversation).is_error, text(read(conversation))) == (True, "Nothing is left out.")


def test_results_are_read_whole_although_they_have_a_short_version() -> None:
    conversation = opened_conversation(READS)
    conversation.handle(user_message("Look."))
    conversation.handle(answered(1, tool_use("a")))
    long = msg.ToolResults(results=(ToolResult("a", (Text(LONG),)),), compact_summaries={"a": "ravens"})
    conversation.handle(received(long))
    conversation.handle(answered(2, "I see."))
    conversation.handle(received(msg.Compact()))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=()))
    conversation.handle(user_message("What was it?"))

    assert "called Munin" in text(read(conversation, turn=1))
    assert "kraa" in text(read(conversation, turn=1, offset=9_000))
