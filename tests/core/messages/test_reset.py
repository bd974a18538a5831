"""Resetting a session: its history, its counters, or both."""

import pytest
from builders.conversation import (
    answered,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    received,
    user_message,
)

from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.usage import NONE_YET
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.figures.counters import Counters
from rayconteur.runtime.session.statuses import status_of, summary_of


def talk() -> Conversation:
    conversation = opened_conversation()
    for turn in (1, 2):
        conversation.handle(user_message())
        conversation.handle(answered(turn, "hello"))
    return conversation


@pytest.mark.parametrize(("history", "counters"), [(True, True), (True, False), (False, True)])
def test_each_part_is_reset_alone_or_with_the_other(history: bool, counters: bool) -> None:
    conversation = talk()
    before = status_of("s", conversation, False, 0), summary_of("s", conversation)

    cleared = emitted_events(conversation.handle(received(msg.Clear(history=history, counters=counters))))

    status, summary = status_of("s", conversation, False, 0), summary_of("s", conversation)
    assert cleared == [out.Cleared(history=history, counters=counters)]
    assert status.messages == summary.messages == (0 if history else 4)
    if counters:
        assert (status.turns, status.requests, status.usage) == (0, 0, NONE_YET)
        assert (summary.turns, summary.completed_turns, summary.requests, summary.usage) == (0, 0, 0, NONE_YET)
    else:
        assert (status.turns, status.requests, status.usage) == (before[0].turns, before[0].requests, before[0].usage)
        assert summary.completed_turns == before[1].completed_turns == 2


def test_what_follows_is_counted_from_0_and_turns_keep_their_numbers() -> None:
    conversation = talk()
    conversation.handle(received(msg.Clear(counters=True)))

    started = only_one(out.TurnStarted, emitted_events(conversation.handle(user_message("again"))))
    update = only_one(out.TokenUpdate, emitted_events(conversation.handle(answered(3, "hi"))))

    assert started.turn == conversation.turns == 3
    assert conversation.counters == Counters(turns=1, requests=1)
    assert conversation.tally.completed == 1
    assert update.of_session == update.of_turn
    assert Conversation.restore(conversation.snapshot()) == conversation


def test_a_reset_during_a_turn_waits_for_its_end_and_does_not_count_it() -> None:
    conversation = talk()
    conversation.handle(user_message("three"))
    conversation.handle(received(msg.Clear(counters=True)))
    conversation.handle(user_message("four"))

    emitted = emitted_events(conversation.handle(answered(3, "3")))

    kinds = [type(event) for event in emitted]
    assert kinds == [out.TokenUpdate, out.Completed, out.Cleared, out.TurnStarted]
    assert conversation.counters == Counters(turns=1, requests=1)
    assert (conversation.tally.completed, conversation.tally.running, conversation.usage) == (0, 4, NONE_YET)
    assert history_lines(conversation.history) == ["user: four"]


def test_nothing_can_not_be_reset() -> None:
    with pytest.raises(InvalidConfig, match="nothing to clear"):
        msg.Clear(history=False)
