"""Which content of an early turn each strategy keeps: the user's text, the model's text or thinking, tool results."""

import re

import pytest
from builders.compaction import LONG, assistant, compacted, step, total_tokens, turns, user
from builders.histories import answer

from rayconteur.compaction import (
    Compaction,
    DropImages,
    DropThinking,
    Layered,
    SideRequest,
    Summarize,
    Threshold,
    Window,
)
from rayconteur.providers.schema.content import Image, Text, Thinking
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message

PLACES = ("question", "answer", "thinking", "tool result", "tool result's summary")
FACT = re.compile(r"FACT-[a-z' ]+=\d+")


def history_with_early_facts() -> list[Message]:
    """A turn with a fact in each place, and five later turns without any."""
    facts = {place: f"FACT-{place}={number}" for number, place in enumerate(PLACES)}
    picture = Image(data=b"\x89PNG" * 1_000, media_type="image/png")
    return [
        user(1, f"{facts['question']} {LONG}", picture),
        assistant(1, Thinking(text=f"{facts['thinking']} {LONG}", provider="anthropic", signature="s"), LONG),
        *step(1, "call", f"{facts['tool result']} {LONG}", facts["tool result's summary"]),
        assistant(1, f"{facts['answer']} {LONG}"),
        *(message for later in range(2, 7) for message in (user(later, LONG), assistant(later, LONG))),
    ]


async def summarize_facts(request: SideRequest) -> Answer:
    """A model whose summary is every fact in the conversation, and nothing else."""
    (block,) = request.messages[0].content
    assert isinstance(block, Text)
    return answer("\n".join(dict.fromkeys(FACT.findall(block.text))))


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        (Threshold(), {"question", "answer", "thinking", "tool result's summary"}),
        (Threshold(tool_results="redact"), {"question", "answer", "thinking"}),
        (DropThinking(), {"question", "answer", "tool result"}),
        (DropImages(), {"question", "answer", "thinking", "tool result"}),
        (Summarize(), {"question", "answer", "tool result's summary"}),  # the transcript has the result's summary
        (Window(keep_recent_turns=5), set[str]()),
        (Layered(), {"question", "answer", "thinking", "tool result's summary"}),  # the first strategy was enough
    ],
    ids=lambda value: repr(value) if not isinstance(value, set) else "",
)
def test_each_strategy_keeps_exactly_this_content_of_an_early_turn(config: Compaction, kept: set[str]) -> None:
    history = history_with_early_facts()
    # A result carries its summary from the start, but no model sees it there.
    visible = {place for place in PLACES if place != "tool result's summary"}

    result = compacted(history, config, total_tokens(history) - 300, summarize_facts)

    assert result.messages
    left = {place for place in PLACES if f"FACT-{place}=" in visible_text(result.messages)}
    assert visible <= {place for place in PLACES if f"FACT-{place}=" in visible_text(history)}
    assert left == kept


def visible_text(messages: tuple[Message, ...] | list[Message]) -> str:
    """*messages* without the summaries of tool results, which no model sees."""
    return re.sub(r"compact_summary=('[^']*'|\"[^\"]*\"|None)", "", repr(messages))


def test_the_history_has_as_many_later_turns_as_strategies_keep() -> None:
    assert len(history_with_early_facts()) - 5 == len(turns(5))
