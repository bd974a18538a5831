"""Answers that were cut off or paused: they are continued, by a message or automatically, and become one answer."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    TOOL_USE,
    USAGE,
    answered,
    assert_rejected,
    copy_of,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    partial,
    received,
    request_failed,
    tool_results,
    turn_ends,
    user_message,
)
from hypothesis import given
from hypothesis import strategies as st
from validators import history as rules

from rayconteur.compaction.summaries.summary_message import native_summary
from rayconteur.providers.schema.content import Citation, Opaque, Text, Thinking
from rayconteur.providers.schema.messages import Origin
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.errors import MailboxError, NothingToContinue, NothingToRetry, SessionBusy
from rayconteur.runtime.api.settings.policies import RetryPolicy
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.changes.continuation import PROMPT, joined_content
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

AUTO = msgspec.structs.replace(DISCARD, auto_continue=2)
PAUSED = answered(1, "", stop=StopReason.PAUSED)
CUT = [StopReason.MAX_TOKENS, StopReason.PAUSED]


def cut_off(reason: StopReason = StopReason.MAX_TOKENS, text: str = "They hide ") -> Conversation:
    """A conversation whose only answer was cut off."""
    conversation = opened_conversation(DISCARD)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, text, stop=reason))
    return conversation


def test_an_answer_that_was_completed_can_not_be_continued_again() -> None:
    conversation = cut_off(text="Yes, ")
    conversation.handle(received(msg.Continue()))
    conversation.handle(answered(2, "it is."))

    with pytest.raises(NothingToContinue):
        conversation.handle(received(msg.Continue()))


@pytest.mark.parametrize("reason", CUT)
def test_continue_requests_the_rest_of_the_answer(reason: StopReason) -> None:
    conversation = cut_off(reason)

    instructions = conversation.handle(received(msg.Continue()))

    sent = only_one(SendRequest, instructions)
    assert history_lines(sent.messages) == ["user: hi", "assistant: They hide ", f"user: {PROMPT}"]
    assert emitted_events(instructions) == [
        out.TurnStarted(turn=2),
        out.Continuing(turn=2, stop_reason=reason, text="They hide "),
    ]


@pytest.mark.parametrize(("provider", "asks"), [("scripted", False), ("another", True)])
def test_an_answer_paused_in_a_tool_of_the_provider_is_sent_back_as_it_is(provider: str, asks: bool) -> None:
    conversation = opened_conversation(AUTO)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "Hello."))
    conversation.handle(user_message("Search."))
    search = Opaque(provider=provider, type="server_tool_use", json=b"{}")
    paused = ev.Answered(
        request=2, answer=msgspec.structs.replace(PAUSED.answer, content=(Text("Let me see."), search))
    )

    sent = only_one(SendRequest, conversation.handle(paused))
    conversation.handle(answered(3, "There."))

    assert (len(sent.messages) == 5) == asks
    assert history_lines(conversation.history)[2:] == ["user: Search.", "assistant: Let me see. Opaque There."]


@pytest.mark.parametrize("reason", CUT)
def test_the_parts_become_one_answer_in_both_histories(reason: StopReason) -> None:
    conversation = cut_off(reason)
    conversation.handle(received(msg.Continue()))

    conversation.handle(answered(2, "food."))

    assert history_lines(conversation.history) == ["user: hi", "assistant: They hide food."]
    assert conversation.history == conversation.full_history
    assert conversation.fill.messages == 2
    assert conversation.history_size == cut_off(text="They hide food.").history_size


@pytest.mark.parametrize("reason", CUT)
def test_an_answer_is_continued_automatically_up_to_the_limit(reason: StopReason) -> None:
    conversation = opened_conversation(AUTO)
    conversation.handle(user_message("hi"))

    first = conversation.handle(answered(1, "They ", stop=reason))
    second = conversation.handle(answered(2, "hide ", stop=reason))
    third = conversation.handle(answered(3, "food", stop=reason))

    assert [only_one(SendRequest, steps).number for steps in (first, second)] == [2, 3]
    assert turn_ends([*first, *second]) == []
    [end] = turn_ends(third)
    assert isinstance(end, out.Completed)
    assert (end.turn, end.requests, end.stop_reason, end.usage) == (1, 3, reason, USAGE + USAGE + USAGE)
    assert history_lines(conversation.history) == ["user: hi", "assistant: They hide food"]


def test_what_is_left_after_the_limit_can_be_continued_by_a_message() -> None:
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, auto_continue=1))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "They ", stop=StopReason.MAX_TOKENS))
    conversation.handle(answered(2, "hide ", stop=StopReason.MAX_TOKENS))

    continuing = only_one(out.Continuing, emitted_events(conversation.handle(received(msg.Continue()))))
    conversation.handle(answered(3, "food."))

    assert continuing.text == "They hide "
    assert history_lines(conversation.history) == ["user: hi", "assistant: They hide food."]


def test_an_answer_without_anything_to_continue_is_not_continued() -> None:
    conversation = opened_conversation(AUTO)
    conversation.handle(user_message("hi"))
    thinking = Thinking(text="hm", provider="scripted", signature="s")

    instructions = conversation.handle(answered(1, stop=StopReason.MAX_TOKENS))
    assert isinstance(turn_ends(instructions)[0], out.Completed)
    conversation.handle(user_message("hi again"))
    conversation.handle(answered(2, thinking, stop=StopReason.MAX_TOKENS))

    with assert_rejected(conversation, NothingToContinue):
        conversation.handle(received(msg.Continue()))


def test_tools_may_follow_in_the_continued_answer() -> None:
    conversation = opened_conversation(AUTO)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "Let me ", stop=StopReason.MAX_TOKENS))

    conversation.handle(answered(2, "look.", TOOL_USE))
    conversation.handle(tool_results("a"))
    conversation.handle(answered(3, "There."))

    assert history_lines(conversation.history) == [
        "user: hi",
        "assistant: Let me look. <look a>",
        "user: a=seen",
        "assistant: There.",
    ]


@pytest.mark.parametrize("reason", [reason for reason in StopReason if reason not in CUT])
def test_only_answers_that_were_cut_off_or_paused_can_be_continued(reason: StopReason) -> None:
    conversation = opened_conversation(AUTO)
    conversation.handle(user_message("hi"))
    assert turn_ends(conversation.handle(answered(1, "Yes.", stop=reason)))

    with assert_rejected(conversation, NothingToContinue):
        conversation.handle(received(msg.Continue()))


@pytest.mark.parametrize("event", [user_message("next"), received(msg.Clear()), received(msg.Rewind())])
def test_an_answer_can_be_continued_until_something_else_happens(event: ev.Received) -> None:
    conversation = cut_off()
    conversation.handle(event)
    if conversation.turn:
        with assert_rejected(conversation, SessionBusy):
            conversation.handle(received(msg.Continue()))
        conversation.handle(answered(2, "Yes."))

    with assert_rejected(conversation, NothingToContinue):
        conversation.handle(received(msg.Continue()))


@pytest.mark.parametrize("reason", CUT)
def test_a_continuation_that_fails_leaves_the_answer_so_far_and_can_be_repeated(reason: StopReason) -> None:
    conversation = cut_off(reason)
    conversation.handle(received(msg.Continue()))

    conversation.handle(request_failed(2))

    assert history_lines(conversation.history) == ["user: hi", "assistant: They hide "]
    with assert_rejected(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))
    again = only_one(out.Continuing, emitted_events(conversation.handle(received(msg.Continue()))))
    assert again.stop_reason is reason


def test_an_interrupted_continuation_leaves_the_answer_so_far() -> None:
    conversation = cut_off()
    conversation.handle(received(msg.Continue()))

    conversation.handle(received(msg.Interrupt(), partial("fo")))

    assert history_lines(conversation.history) == ["user: hi", "assistant: They hide "]


def test_an_interrupted_continuation_keeps_what_came_if_that_is_wanted() -> None:
    conversation = opened_conversation(msgspec.structs.replace(KEEP, auto_continue=1))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "They hide ", stop=StopReason.MAX_TOKENS))
    empty = copy_of(conversation)

    conversation.handle(received(msg.Interrupt(), partial("fo")))
    empty.handle(received(msg.Interrupt()))

    assert history_lines(conversation.history) == ["user: hi", "assistant: They hide fo"]
    assert history_lines(empty.history) == ["user: hi", "assistant: They hide "]


def test_an_answer_that_grew_by_another_part_is_another_revision_of_the_history() -> None:
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, auto_continue=1))
    conversation.handle(user_message("hi"))
    search = Opaque(provider="scripted", type="search", json=b"{}")
    conversation.handle(answered(1, search, stop=StopReason.PAUSED))
    before = conversation.view(full=False), conversation.view(full=True)

    conversation.handle(answered(2, "Found it."))

    after = conversation.view(full=False), conversation.view(full=True)
    assert all(one.revision < other.revision for one, other in zip(before, after, strict=True))
    assert [len(view) for view in after] == [2, 2]


def test_a_continuation_that_adds_nothing_leaves_the_answer_in_its_own_turn() -> None:
    conversation = opened_conversation(msgspec.structs.replace(KEEP, retry=RetryPolicy(max_attempts=2)))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "They hide ", stop=StopReason.MAX_TOKENS))
    before = conversation.history
    conversation.handle(received(msg.Continue()))
    conversation.handle(request_failed(2, retryable=True))

    conversation.handle(received(msg.Interrupt()))  # while it waits for the next attempt

    assert conversation.history == before


def test_the_rest_of_an_answer_that_a_compaction_has_removed_meanwhile_answers_the_message_that_asked_for_it() -> None:
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, auto_continue=1))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "Yes, ", stop=StopReason.MAX_TOKENS))
    prompt = conversation.history[-1]
    conversation.handle(ev.RequestFailed(request=2, failure=ev.Failure(code="context_overflow", message="too long")))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(prompt,)))

    conversation.handle(answered(3, "it is."))

    assert history_lines(conversation.history) == [f"user: {PROMPT}", "assistant: it is."]


def test_the_rest_of_an_answer_that_the_provider_has_compacted_meanwhile_is_an_answer_of_its_own() -> None:
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, auto_continue=1))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, "Yes, ", stop=StopReason.MAX_TOKENS))
    question, cut, prompt = conversation.history
    failure = ev.Failure(code="context_overflow", message="too long")
    conversation.handle(ev.RequestFailed(request=2, failure=failure))
    content = (Opaque(provider="scripted", type="compaction", json=b"{}"),)
    summary = native_summary((question, cut), content, Origin(source="ours"))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(summary, prompt)))

    conversation.handle(answered(3, "it is."))

    assert conversation.history[:2] == (msgspec.structs.replace(summary, id="c1.1"), prompt)
    assert conversation.history[2].content == (Text("it is."),)
    assert conversation.full_history[:2] == (question, cut)


def test_tool_uses_of_a_continuation_leave_with_it() -> None:
    conversation = cut_off()
    conversation.handle(received(msg.Continue()))
    conversation.handle(answered(2, "food. Look:", TOOL_USE))

    conversation.handle(received(msg.Interrupt()))

    assert history_lines(conversation.history) == ["user: hi"]
    assert rules.violations(conversation.history) == []


def test_citations_keep_their_places_and_signed_thinking_of_a_later_part_is_left_out() -> None:
    first = (Text("ab", (Citation(start=0, end=2),)),)
    rest = (
        Thinking(text="hm", provider="scripted", signature="s"),
        Text("cd", (Citation(start=0, end=1), Citation(title="t"))),
    )

    [text] = joined_content(first, rest)

    assert isinstance(text, Text)
    assert text.text == "abcd"
    assert [(citation.start, citation.end) for citation in text.citations] == [(0, 2), (2, 3), (None, None)]


# Whatever happens


def _steps() -> st.SearchStrategy[list[str]]:
    kinds = ["ask", "answer", "cut", "pause", "tool", "result", "fail", "interrupt", "continue", "rewind", "clear"]
    return st.lists(st.sampled_from(kinds), max_size=25)


@given(steps=_steps(), keeps=st.booleans(), auto=st.integers(0, 2))
def test_the_history_is_valid_and_restorable_whatever_is_continued_interrupted_or_rewound(
    steps: list[str], keeps: bool, auto: int
) -> None:
    conversation = opened_conversation(msgspec.structs.replace(KEEP if keeps else DISCARD, auto_continue=auto))

    for step in steps:
        number = conversation.requests
        events: dict[str, ev.Event] = {
            "ask": user_message("hi"),
            "answer": answered(number, "Yes."),
            "cut": answered(number, "Yes, ", stop=StopReason.MAX_TOKENS),
            "pause": answered(number, "Yes, ", stop=StopReason.PAUSED),
            "tool": answered(number, "Look:", TOOL_USE),
            "result": tool_results(*(use.id for use in conversation.open_tool_uses)),
            "fail": request_failed(number),
            "interrupt": received(msg.Interrupt(), partial("half")),
            "continue": received(msg.Continue()),
            "rewind": received(msg.Rewind()),
            "clear": received(msg.Clear()),
        }
        try:
            conversation.handle(events[step])
        except MailboxError:
            continue
        assert Conversation.restore(conversation.snapshot()) == conversation
        history = conversation._state.history  # pyright: ignore[reportPrivateUsage]
        assert history.turn_count == sum(message.starts_turn for message in history.messages)
        if conversation.turn is None:
            assert rules.violations(conversation.history) == []
            assert PROMPT not in repr(conversation.history)
