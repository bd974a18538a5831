"""Rewinding: turns leave the history, and a turn that the provider rejects for good can do so by itself."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    TOOL_USE,
    answered,
    conversation_in,
    copy_of,
    effects,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    received,
    request_failed,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.compaction.summaries.summary_message import native_summary, summary_message
from rayconteur.providers.schema.content import Opaque
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidConfig,
    InvalidRequest,
    UnknownModel,
    UnsupportedContent,
)
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.errors import UnknownTurn
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.changes.rewinding import rewound as rewound_histories
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

REJECTING = msgspec.structs.replace(DISCARD, compaction=None)
DISCARDING = msgspec.structs.replace(REJECTING, discard_refused=True)


def talk(turns: int) -> Conversation:
    conversation = opened_conversation(REJECTING)
    for turn in range(1, turns + 1):
        conversation.handle(user_message(f"question {turn}"))
        conversation.handle(answered(turn, f"answer {turn}"))
    return conversation


def rewound(conversation: Conversation, turns: int = 1) -> out.Rewound:
    return only_one(out.Rewound, emitted_events(conversation.handle(received(msg.Rewind(turns=turns)))))


@pytest.mark.parametrize(("turns", "left"), [(1, 4), (2, 2), (3, 0), (9, 0)])
def test_the_last_turns_leave_both_histories(turns: int, left: int) -> None:
    conversation = talk(3)
    before = conversation.history

    event = rewound(conversation, turns)

    assert conversation.history == conversation.full_history == before[:left]
    assert (event.messages, event.turns) == (6 - left, tuple(range(left // 2 + 1, 4)))


@pytest.mark.parametrize("to", [0, 1, 2, 3])
def test_what_follows_a_turn_leaves_both_histories(to: int) -> None:
    conversation = talk(3)
    before, usage = conversation.history, conversation.usage

    event = only_one(out.Rewound, emitted_events(conversation.handle(received(msg.Rewind(to=to)))))

    assert conversation.history == conversation.full_history == before[: 2 * to]
    assert event.turns == tuple(range(to + 1, 4))
    assert (conversation.usage, conversation.turns) == (usage, 3)


def test_a_turn_that_has_left_nothing_is_a_place_to_go_back_to_all_the_same() -> None:
    conversation = talk(1)
    conversation.handle(user_message("question 2"))
    conversation.handle(received(msg.Interrupt()))
    conversation.handle(user_message("question 3"))
    conversation.handle(answered(3, "answer 3"))

    conversation.handle(received(msg.Rewind(to=2)))

    assert history_lines(conversation.history) == ["user: question 1", "assistant: answer 1"]


def test_there_is_no_way_back_to_a_turn_that_never_was() -> None:
    conversation = talk(2)
    before = copy_of(conversation)

    with pytest.raises(UnknownTurn, match="no turn 3"):
        conversation.handle(received(msg.Rewind(to=3)))
    with pytest.raises(InvalidConfig, match=r"message\.to"):
        msg.Rewind(turns=2, to=1)

    assert conversation == before


def test_an_empty_history_is_rewound_to_itself() -> None:
    conversation = talk(0)

    assert rewound(conversation) == out.Rewound(turns=(), messages=0)
    assert conversation.history == ()


def test_a_turn_with_tools_leaves_whole_and_so_does_a_repeated_turn() -> None:
    conversation = talk(1)
    conversation.handle(user_message("look"))
    conversation.handle(answered(2, TOOL_USE))
    conversation.handle(tool_results("a"))
    conversation.handle(request_failed(3))
    conversation.handle(received(msg.Retry()))
    conversation.handle(answered(4, "there"))

    assert rewound(conversation).turns == (2, 3)
    assert history_lines(conversation.history) == ["user: question 1", "assistant: answer 1"]


def test_a_turn_that_ran_before_one_that_was_queued_earlier_stays() -> None:
    conversation = talk(1)
    conversation.handle(user_message("question 2"))
    conversation.handle(user_message("question 3"))
    conversation.handle(user_message("question 4", when_busy=WhenBusy.INTERRUPT))
    conversation.handle(answered(3, "answer 4"))
    conversation.handle(answered(4, "answer 3"))
    before = conversation.history

    assert rewound(conversation).turns == (3,)
    assert conversation.history == conversation.full_history == before[:4]


@pytest.mark.parametrize("turns", [(1, 1, 1, 1), (1, 1, 2, 2, 2, 2)], ids=["the only one", "the second one"])
def test_a_turn_of_an_initial_history_may_lose_the_last_of_its_messages(turns: tuple[int, ...]) -> None:
    words = [Message.of_user("one"), Message.of_assistant("yes")] * (len(turns) // 2)
    messages = tuple(msgspec.structs.replace(message, turn=turn) for message, turn in zip(words, turns, strict=True))
    conversation = opened_conversation(REJECTING)
    conversation.handle(ev.Imported(messages=messages))

    rewound(conversation)

    assert history_lines(conversation.history) == ["user: one", "assistant: yes"] * (len(turns) // 2 - 1)


def test_the_next_request_has_nothing_of_what_left() -> None:
    conversation = talk(2)
    rewound(conversation)

    sent = only_one(SendRequest, conversation.handle(user_message("again")))

    assert history_lines(sent.messages) == ["user: question 1", "assistant: answer 1", "user: again"]
    assert sent.turn == 3


def test_a_rewind_during_a_turn_waits_for_its_end() -> None:
    conversation = talk(1)
    conversation.handle(user_message("question 2"))

    assert effects(conversation.handle(received(msg.Rewind()))) == []
    instructions = conversation.handle(answered(2, "answer 2"))

    assert only_one(out.Rewound, emitted_events(instructions)).turns == (2,)
    assert len(conversation.history) == 2


def compacted(kept_turns: int, natively: bool = False) -> Conversation:
    """A conversation of four turns, of which a summary replaces all but the last *kept_turns*."""
    conversation = talk(4)
    conversation.handle(received(msg.Compact()))
    old = conversation.history[: -2 * kept_turns]
    content = (Opaque(provider="scripted", type="compaction", json=b"{}"),)
    summary = (
        native_summary(old, content, Origin(source=""))
        if natively
        else summary_message(old, "short", within_turn=False)
    )
    ended = ev.CompactionEnded(compaction=1, messages=(summary, *conversation.history[-2 * kept_turns :]))
    conversation.handle(ended)
    assert len(conversation.history) == 1 + 2 * kept_turns
    return conversation


@pytest.mark.parametrize("natively", [False, True])
def test_a_summary_of_earlier_turns_stays(natively: bool) -> None:
    conversation = compacted(2, natively)

    rewound(conversation, 2)

    [summary] = conversation.history
    assert summary.stands_for
    assert len(conversation.full_history) == 4


@pytest.mark.parametrize("natively", [False, True])
def test_a_summary_of_a_removed_turn_gives_way_to_the_turns_that_stay(natively: bool) -> None:
    conversation = compacted(2, natively)

    rewound(conversation, 3)

    assert history_lines(conversation.history) == ["user: question 1", "assistant: answer 1"]
    assert conversation.history == conversation.full_history


def test_rewinding_replays_and_leaves_room_for_the_bytes_that_left() -> None:
    conversation = talk(3)
    size = talk(2).history_size

    rewound(conversation)

    assert conversation.history_size == size
    assert Conversation.restore(conversation.snapshot()) == conversation


@pytest.mark.parametrize(("turns", "restored"), [(1, False), (2, False), (3, True)])
def test_the_prompts_are_those_of_other_messages_if_replaced_ones_are_back(turns: int, restored: bool) -> None:
    history = compacted(2)
    full, messages = list(history.full_history), list(history.history)

    assert rewound_histories(full, messages, turns).restored == restored


# Turns that the provider rejects


def failed(conversation: Conversation, code: str) -> out.Failed:
    failure = ev.RequestFailed(request=conversation.requests, failure=ev.Failure(code=code, message="no"))
    [end] = turn_ends(conversation.handle(failure))
    assert isinstance(end, out.Failed)
    return end


@pytest.mark.parametrize("code", [InvalidRequest.code, UnsupportedContent.code, ContextOverflow.code])
def test_failed_says_that_the_message_stays_or_that_it_was_discarded(code: str) -> None:
    stays, leaves = conversation_in(State.REQUESTING, REJECTING), conversation_in(State.REQUESTING, DISCARDING)

    assert failed(stays, code).message_stays
    assert not failed(leaves, code).message_stays
    assert (len(stays.history), len(leaves.history)) == (1, 0)


@pytest.mark.parametrize("code", [AuthenticationFailed.code, UnknownModel.code, "overloaded", "internal"])
def test_a_failure_that_another_key_model_or_time_may_resolve_discards_nothing(code: str) -> None:
    conversation = conversation_in(State.REQUESTING, DISCARDING)

    assert failed(conversation, code).message_stays
    assert len(conversation.history) == 1


@pytest.mark.parametrize("reason", [StopReason.REFUSAL, StopReason.CONTENT_FILTER])
def test_a_refused_turn_is_discarded(reason: StopReason) -> None:
    conversation = conversation_in(State.REQUESTING, DISCARDING)

    conversation.handle(answered(1, "I can't.", stop=reason))

    assert conversation.history == ()


def test_a_discarded_message_is_in_no_later_request() -> None:
    conversation = conversation_in(State.REQUESTING, DISCARDING)
    failed(conversation, InvalidRequest.code)

    sent = only_one(SendRequest, conversation.handle(user_message("hello")))

    assert history_lines(sent.messages) == ["user: hello"]


def test_a_summary_of_what_stays_stays_and_one_of_more_gives_way_to_the_originals() -> None:
    conversation, originals = compacted(kept_turns=2), talk(4).history
    summary = conversation.history[0]

    conversation.handle(received(msg.Rewind(to=2)))
    assert conversation.history == (summary,)
    conversation.handle(received(msg.Rewind(to=1)))

    assert history_lines(conversation.history) == history_lines(originals[:2])
