"""Clear, Compact, Configure and Close: now, or in their order among the messages."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    asked,
    blocks,
    emitted,
    failed,
    in_state,
    only,
    refused,
    returned,
    said,
)

from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import Limits, WhenBusy
from rayconteur.runtime.api.errors import MailboxFull, MessageTooLarge, SessionClosed
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation

SHORT = (Message(role=Role.USER, content=blocks(["in short"]), turn=1),)


def configure(change: say.Configure) -> ev.ConfigureAsked:
    return ev.ConfigureAsked(change=change)


def kinds(instructions: list[do.Instruction]) -> list[type[say.FromLLM]]:
    return [type(event) for event in emitted(instructions)]


@pytest.mark.parametrize("wish", [ev.ClearAsked(), configure(say.Configure(system="short", next="turn"))])
def test_what_changes_the_conversation_keeps_its_place_among_the_messages(wish: ev.Event) -> None:
    talk = in_state(State.STREAMING)
    talk.handle(asked("before"))
    assert talk.handle(wish) == [do.Record(wish)]
    talk.handle(asked("after"))

    first = talk.handle(answered(1, "done"))
    second = talk.handle(answered(2, "done"))

    assert kinds(first)[-1] is say.TurnStarted
    assert kinds(second)[2:] == [say.Cleared if wish == ev.ClearAsked() else say.Configured, say.TurnStarted]


def test_clearing_an_idle_conversation_forgets_the_history_at_once() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(answered(1, "hello"))

    assert emitted(talk.handle(ev.ClearAsked())) == [say.Cleared()]
    assert talk.history == []


def test_a_message_after_a_clear_begins_with_an_empty_history() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(ev.ClearAsked())
    talk.handle(asked("anew"))

    sent = only(do.Send, talk.handle(answered(1, "hello")))

    assert said(sent.messages) == ["user: anew"]
    assert sent.turn == 2


def test_settings_for_the_next_request_hold_from_there_in_mid_turn() -> None:
    talk = in_state(State.TOOLS_OUT)

    instructions = talk.handle(configure(say.Configure(system="short", max_output_tokens=9)))
    sent = only(do.Send, talk.handle(returned("a")))

    assert emitted(instructions) == [say.Configured(turn=1, fields=("system", "max_output_tokens"), model="scripted")]
    assert (sent.config.system, sent.config.max_output_tokens) == ("short", 9)


def test_settings_for_the_next_turn_leave_the_running_one_alone() -> None:
    talk = in_state(State.TOOLS_OUT)
    talk.handle(configure(say.Configure(system="short", next="turn")))
    talk.handle(asked("next"))

    same_turn = only(do.Send, talk.handle(returned("a")))
    next_turn = only(do.Send, talk.handle(answered(2, "done")))

    assert same_turn.config.system is None
    assert next_turn.config.system == "short"


def test_a_retry_after_the_pause_takes_the_new_provider() -> None:
    talk = in_state(State.RETRYING)
    talk.handle(configure(say.Configure(provider=OpenAI(model="gpt-5"))))

    sent = only(do.Send, talk.handle(ev.BackoffEnded(request=1)))

    assert sent.config.provider == OpenAI(model="gpt-5")


@pytest.mark.parametrize("change", [say.Configure(model=""), say.Configure(model="", next="turn")])
@pytest.mark.parametrize("state", [State.IDLE, State.STREAMING])
def test_a_model_without_a_name_is_refused_when_it_comes(state: State, change: say.Configure) -> None:
    talk = in_state(state)

    with refused(talk, InvalidConfig):
        talk.handle(configure(change))


def test_compaction_hands_out_the_history_and_takes_the_shorter_one() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(answered(1, "hello"))

    shorten = only(do.Shorten, talk.handle(ev.CompactAsked()))
    instructions = talk.handle(ev.CompactionEnded(compaction=shorten.number, messages=SHORT))

    assert said(shorten.messages) == ["user: hi", "assistant: hello"]
    assert emitted(instructions) == [say.Compacted(messages_before=2, messages_after=1)]
    assert talk.history == list(SHORT)


def test_a_compaction_that_failed_leaves_the_history_and_says_why() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(ev.CompactAsked())
    talk.handle(answered(1, "hello"))

    instructions = talk.handle(ev.CompactionEnded(compaction=1, problem="no strategy"))

    assert emitted(instructions) == [say.Compacted(messages_before=2, messages_after=2, problem="no strategy")]
    assert talk.state is State.IDLE


def test_messages_wait_for_a_compaction_and_go_on_from_it() -> None:
    talk = in_state(State.COMPACTING)
    talk.handle(asked("next"))

    sent = only(do.Send, talk.handle(ev.CompactionEnded(compaction=1, messages=SHORT)))

    assert said(sent.messages) == ["user: in short", "user: next"]


def test_the_late_end_of_an_abandoned_compaction_does_not_end_the_next_one() -> None:
    talk = in_state(State.COMPACTING)
    talk.handle(ev.InterruptAsked())
    talk.handle(asked())
    talk.handle(answered(1, "hello"))
    talk.handle(ev.CompactAsked())

    assert talk.handle(ev.CompactionEnded(compaction=1, messages=())) == []
    assert said(talk.history) == ["user: hi", "assistant: hello"]
    assert talk.state is State.COMPACTING


@pytest.mark.parametrize("state", [State.REQUESTING, State.STREAMING, State.RETRYING, State.TOOLS_OUT])
def test_closing_ends_what_runs_and_what_waits_and_then_the_session(state: State) -> None:
    talk = in_state(state)
    for wish in (asked("two"), ev.ClearAsked(), asked("three")):
        talk.handle(wish)

    instructions = talk.handle(ev.CloseAsked())

    interrupted = [say.Interrupted(turn=turn) for turn in (1, 2, 3)]
    assert emitted(instructions) == [*interrupted, say.Closed()]
    assert instructions[-1] == do.End()
    assert talk.state is State.CLOSED


def test_closing_an_idle_session_ends_it_at_once_with_drain_or_without() -> None:
    for drain in (False, True):
        talk = in_state(State.IDLE)

        assert talk.handle(ev.CloseAsked(drain=drain))[1:] == [do.Emit(say.Closed()), do.End()]


def test_closing_in_mid_compaction_abandons_it() -> None:
    talk = in_state(State.COMPACTING)

    instructions = talk.handle(ev.CloseAsked())

    assert [type(step) for step in instructions] == [do.Record, do.Abandon, do.Emit, do.Emit, do.End]
    assert kinds(instructions) == [say.Compacted, say.Closed]


def test_draining_sees_the_messages_through_that_wait_already() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(asked("two"))
    assert talk.handle(ev.CloseAsked(drain=True)) == [do.Record(ev.CloseAsked(drain=True))]

    talk.handle(answered(1, "done"))
    instructions = talk.handle(answered(2, "done"))

    assert kinds(instructions)[-2:] == [say.Completed, say.Closed]
    assert talk.state is State.CLOSED


def test_a_draining_session_takes_nothing_new_but_what_ends_its_turns() -> None:
    talk = in_state(State.TOOLS_OUT)
    talk.handle(ev.CloseAsked(drain=True))

    for wish in (asked(), asked(when_busy=WhenBusy.INTERRUPT), ev.ClearAsked(), ev.CloseAsked(drain=True)):
        with refused(talk, SessionClosed):
            talk.handle(wish)
    talk.handle(returned("a"))

    assert kinds(talk.handle(failed(2)))[-1] is say.Closed


def test_a_draining_session_can_be_closed_now() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(asked("two"))
    talk.handle(ev.CloseAsked(drain=True))

    instructions = talk.handle(ev.CloseAsked())

    assert kinds(instructions) == [say.Interrupted, say.Interrupted, say.Closed]


def test_a_full_mailbox_refuses_and_keeps_what_it_has() -> None:
    talk = in_state(State.STREAMING, msgspec.structs.replace(DISCARD, limits=Limits(waiting_messages=2)))
    talk.handle(asked("one"))
    talk.handle(ev.ClearAsked())

    for wish in (asked("more"), ev.CompactAsked()):
        with refused(talk, MailboxFull):
            talk.handle(wish)

    talk.handle(answered(1, "done"))
    talk.handle(asked("more"))
    assert len(talk.mailbox) == 2


def test_a_message_that_is_too_large_is_refused_in_every_state() -> None:
    config = msgspec.structs.replace(DISCARD, limits=Limits(message_bytes=10))

    for state in (State.IDLE, State.STREAMING, State.COMPACTING):
        talk = in_state(state, config)
        with refused(talk, MessageTooLarge):
            talk.handle(asked("hi", when_busy=WhenBusy.INTERRUPT, size_bytes=11))


def test_a_message_that_interrupts_needs_no_room_in_the_mailbox() -> None:
    talk = in_state(State.STREAMING, msgspec.structs.replace(DISCARD, limits=Limits(waiting_messages=1)))
    talk.handle(asked("waits"))

    sent = only(do.Send, talk.handle(asked("urgent", when_busy=WhenBusy.INTERRUPT)))

    assert said(sent.messages) == ["user: urgent"]


def test_a_model_alone_keeps_the_provider() -> None:
    talk = Conversation(msgspec.structs.replace(DISCARD, provider=OpenAI(model="gpt-5", base_url="http://localhost")))

    talk.handle(configure(say.Configure(model="gpt-6")))

    assert talk.config.provider == OpenAI(model="gpt-6", base_url="http://localhost")
