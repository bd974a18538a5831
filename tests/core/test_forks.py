"""A fork of a conversation that was compacted: it has what requests hold, and what the compaction removed."""

from collections.abc import Sequence

import msgspec
import pytest
from builders.conversation import DISCARD, answered, history_lines, opened_conversation, received, user_message
from checkers.history_counters import check_counters

from rayconteur.compaction.summaries.summary_message import summary_message
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.messages import Message
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.status import ForkOrigin
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.past.forks import forked
from rayconteur.runtime.core.past.turns import past_of

ORIGIN = ForkOrigin(session_id="s", epoch=1, turn=3)


def compacted(kept: int, shortens: bool = False) -> Conversation:
    """Three turns, of which all but the last *kept* messages are in a summary; if it *shortens*, these are shorter."""
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, compaction=None))
    for turn in (1, 2, 3):
        conversation.handle(user_message(f"question {turn}"))
        conversation.handle(answered(turn, f"answer {turn}"))
    conversation.handle(received(msg.Compact()))
    history = conversation.history
    summary = summary_message(history[: len(history) - kept], "short", within_turn=False)
    rest = [shortened(message) if shortens else message for message in history[len(history) - kept :]]
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(summary, *rest)))
    return conversation


def shortened(message: Message) -> Message:
    return msgspec.structs.replace(message, content=(Text("..."),), id="")


def fork_of(conversation: Conversation, turn: int | None = None) -> Conversation:
    fork = Conversation()
    events: Sequence[ev.Event] = (
        ev.Opened(config=DISCARD, created_at=1e9),
        *forked(past_of(conversation, turn), ORIGIN),
    )
    for event in events:
        fork.handle(event)
    check_counters(fork)
    return fork


@pytest.mark.parametrize("shortens", [False, True])
@pytest.mark.parametrize("kept", [0, 2, 4])
def test_it_has_both_histories(kept: int, shortens: bool) -> None:
    conversation = compacted(kept, shortens)

    fork = fork_of(conversation)

    assert fork.history == conversation.history
    assert fork.full_history == conversation.full_history
    assert (fork.forked_from, fork.turns, fork.counters.compactions) == (ORIGIN, 3, 0)


def test_before_a_summary_the_originals_are_there() -> None:
    fork = fork_of(compacted(kept=2), turn=1)

    assert history_lines(fork.history) == ["user: question 1", "assistant: answer 1"]
    assert fork.full_history == fork.history
