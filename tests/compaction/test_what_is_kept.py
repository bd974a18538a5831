"""What each strategy keeps of what was said early, by where: in the user's words, the model's, or a tool's."""

import re

import pytest
from builders.compaction import LONG, assistant, compacted, size, step, turns, user
from builders.histories import answer

from rayconteur.compaction.config import Compaction, DropImages, DropThinking, Layered, Summarize, Threshold, Window
from rayconteur.compaction.task import Ask
from rayconteur.providers.schema.content import Image, Text, Thinking
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message

TOLD = ("asked", "answered", "thought", "tool", "tool's summary")
FACT = re.compile(r"FACT-[a-z' ]+=\d+")


def early() -> list[Message]:
    """A turn with a fact in each place, and five later ones without any."""
    facts = {place: f"FACT-{place}={number}" for number, place in enumerate(TOLD)}
    picture = Image(data=b"\x89PNG" * 1_000, media_type="image/png")
    return [
        user(1, f"{facts['asked']} {LONG}", picture),
        assistant(1, Thinking(text=f"{facts['thought']} {LONG}", provider="anthropic", signature="s"), LONG),
        *step(1, "call", f"{facts['tool']} {LONG}", facts["tool's summary"]),
        assistant(1, f"{facts['answered']} {LONG}"),
        *(message for later in range(2, 7) for message in (user(later, LONG), assistant(later, LONG))),
    ]


async def keeps_facts(ask: Ask) -> Answer:
    """A model that keeps each fact that it is given, and nothing else."""
    (block,) = ask.messages[0].content
    assert isinstance(block, Text)
    return answer("\n".join(dict.fromkeys(FACT.findall(block.text))))


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        (Threshold(), {"asked", "answered", "thought", "tool's summary"}),
        (Threshold(tool_results="redact"), {"asked", "answered", "thought"}),
        (DropThinking(), {"asked", "answered", "tool"}),
        (DropImages(), {"asked", "answered", "thought", "tool"}),
        (Summarize(), {"asked", "answered", "tool's summary"}),  # the model is shown what stands for a result
        (Window(keep_recent_turns=5), set[str]()),
        (Layered(), {"asked", "answered", "thought", "tool's summary"}),  # the first layer was enough
    ],
    ids=lambda it: repr(it) if not isinstance(it, set) else "",
)
def test_what_is_left_of_an_early_turn(config: Compaction, kept: set[str]) -> None:
    history = early()
    # The summaries stand beside the results from the start, but no model sees them there.
    seen = {place for place in TOLD if place != "tool's summary"}

    done = compacted(history, config, size(history) - 300, keeps_facts)

    assert done.messages
    left = {place for place in TOLD if f"FACT-{place}=" in shown(done.messages)}
    assert seen <= {place for place in TOLD if f"FACT-{place}=" in shown(history)}
    assert left == kept


def shown(messages: tuple[Message, ...] | list[Message]) -> str:
    """What a model sees of *messages*."""
    return re.sub(r"compact_summary=('[^']*'|\"[^\"]*\"|None)", "", repr(messages))


def test_there_are_later_turns_enough_to_leave_alone() -> None:
    assert len(early()) - 5 == len(turns(5))
