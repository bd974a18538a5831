"""Clear, Compact, Configure and Close: now, or in their order among the messages."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    asked,
    blocks,
    effects,
    emitted,
    failed,
    history_lines,
    in_state,
    only,
    opened,
    received,
    refused,
    returned,
)

from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import Limits, WhenBusy
from rayconteur.runtime.api.errors import MailboxFull, MessageTooLarge, SessionClosed
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do

SHORT = (Message(role=Role.USER, content=blocks(["in short"]), turn=1),)


def configure(change: msg.Configure) -> ev.Received:
    return received(change)


def kinds(instructions: list[do.Instruction]) -> list[type[msg.FromLLM]]:
    return [type(event) for event in emitted(instructions)]


@pytest.mark.parametrize("wish", [received(msg.Clear()), configure(msg.Configure(system="short", next="turn"))])
def test_what_changes_the_conversation_keeps_its_place_among_the_messages(wish: ev.Event) -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(asked("before"))
    assert effects(conversation.handle(wish)) == []
    conversation.handle(asked("after"))

    first = conversation.handle(answered(1, "done"))
    second = conversation.handle(answered(2, "done"))

    assert kinds(first)[-1] is msg.TurnStarted
    assert kinds(second)[2:] == [msg.Cleared if wish == received(msg.Clear()) else msg.Configured, msg.TurnStarted]


def test_clearing_an_idle_conversation_forgets_the_history_at_once() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, "hello"))

    assert emitted(conversation.handle(received(msg.Clear()))) == [msg.Cleared()]
    assert conversation.history == ()


def test_a_message_after_a_clear_begins_with_an_empty_history() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(received(msg.Clear()))
    conversation.handle(asked("anew"))

    sent = only(do.SendRequest, conversation.handle(answered(1, "hello")))

    assert history_lines(sent.messages) == ["user: anew"]
    assert sent.turn == 2


def test_settings_for_the_next_request_hold_from_there_in_mid_turn() -> None:
    conversation = in_state(State.TOOLS_OUT)

    instructions = conversation.handle(configure(msg.Configure(system="short", max_output_tokens=9)))
    sent = only(do.SendRequest, conversation.handle(returned("a")))

    assert emitted(instructions) == [msg.Configured(turn=1, fields=("system", "max_output_tokens"), model="scripted")]
    assert (sent.config.system, sent.config.max_output_tokens) == ("short", 9)


def test_settings_for_the_next_turn_leave_the_running_one_alone() -> None:
    conversation = in_state(State.TOOLS_OUT)
    conversation.handle(configure(msg.Configure(system="short", next="turn")))
    conversation.handle(asked("next"))

    same_turn = only(do.SendRequest, conversation.handle(returned("a")))
    next_turn = only(do.SendRequest, conversation.handle(answered(2, "done")))

    assert same_turn.config.system is None
    assert next_turn.config.system == "short"


def test_a_retry_after_the_pause_takes_the_new_provider() -> None:
    conversation = in_state(State.RETRYING)
    conversation.handle(configure(msg.Configure(provider=OpenAI(model="gpt-5"))))

    sent = only(do.SendRequest, conversation.handle(ev.BackoffEnded(request=1)))

    assert sent.config.provider == OpenAI(model="gpt-5")


@pytest.mark.parametrize("change", [msg.Configure(model=""), msg.Configure(model="", next="turn")])
@pytest.mark.parametrize("state", [State.IDLE, State.REQUESTING])
def test_a_model_without_a_name_is_refused_when_it_comes(state: State, change: msg.Configure) -> None:
    conversation = in_state(state)

    with refused(conversation, InvalidConfig):
        conversation.handle(configure(change))


def test_compaction_hands_out_the_history_and_takes_the_shorter_one() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, "hello"))

    shorten = only(do.StartCompaction, conversation.handle(received(msg.Compact())))
    instructions = conversation.handle(ev.CompactionEnded(compaction=shorten.number, messages=SHORT))

    assert history_lines(shorten.messages) == ["user: hi", "assistant: hello"]
    assert emitted(instructions) == [msg.Compacted(messages_before=2, messages_after=1)]
    assert conversation.history == SHORT


def test_a_compaction_that_failed_leaves_the_history_and_says_why() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(received(msg.Compact()))
    conversation.handle(answered(1, "hello"))

    instructions = conversation.handle(ev.CompactionEnded(compaction=1, problem="no strategy"))

    assert emitted(instructions) == [msg.Compacted(messages_before=2, messages_after=2, problem="no strategy")]
    assert conversation.state is State.IDLE


def test_messages_wait_for_a_compaction_and_go_on_from_it() -> None:
    conversation = in_state(State.COMPACTING)
    conversation.handle(asked("next"))

    sent = only(do.SendRequest, conversation.handle(ev.CompactionEnded(compaction=1, messages=SHORT)))

    assert history_lines(sent.messages) == ["user: in short", "user: next"]


def test_the_late_end_of_an_abandoned_compaction_does_not_end_the_next_one() -> None:
    conversation = in_state(State.COMPACTING)
    conversation.handle(received(msg.Interrupt()))
    conversation.handle(asked())
    conversation.handle(answered(1, "hello"))
    conversation.handle(received(msg.Compact()))

    assert conversation.handle(ev.CompactionEnded(compaction=1, messages=())) == []
    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]
    assert conversation.state is State.COMPACTING


@pytest.mark.parametrize("state", [State.REQUESTING, State.RETRYING, State.TOOLS_OUT])
def test_closing_ends_what_runs_and_what_waits_and_then_the_session(state: State) -> None:
    conversation = in_state(state)
    for wish in (asked("two"), received(msg.Clear()), asked("three")):
        conversation.handle(wish)

    instructions = conversation.handle(received(msg.Close()))

    interrupted = [msg.Interrupted(turn=turn) for turn in (1, 2, 3)]
    assert emitted(instructions) == [*interrupted, msg.Closed()]
    assert instructions[-1] == do.EndSession()
    assert conversation.state is State.CLOSED


def test_closing_an_idle_session_ends_it_at_once_with_drain_or_without() -> None:
    for drain in (False, True):
        conversation = in_state(State.IDLE)

        assert effects(conversation.handle(received(msg.Close(drain=drain)))) == [
            do.Emit(msg.Closed()),
            do.EndSession(),
        ]


def test_closing_in_mid_compaction_abandons_it() -> None:
    conversation = in_state(State.COMPACTING)

    instructions = conversation.handle(received(msg.Close()))

    assert [type(step) for step in effects(instructions)] == [do.Cancel, do.Emit, do.Emit, do.EndSession]
    assert kinds(instructions) == [msg.Compacted, msg.Closed]


def test_draining_sees_the_messages_through_that_wait_already() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(asked("two"))
    assert effects(conversation.handle(received(msg.Close(drain=True)))) == []

    conversation.handle(answered(1, "done"))
    instructions = conversation.handle(answered(2, "done"))

    assert kinds(instructions)[-2:] == [msg.Completed, msg.Closed]
    assert conversation.state is State.CLOSED


def test_a_draining_session_takes_nothing_new_but_what_ends_its_turns() -> None:
    conversation = in_state(State.TOOLS_OUT)
    conversation.handle(received(msg.Close(drain=True)))

    for wish in (asked(), asked(when_busy=WhenBusy.INTERRUPT), received(msg.Clear()), received(msg.Close(drain=True))):
        with refused(conversation, SessionClosed):
            conversation.handle(wish)
    conversation.handle(returned("a"))

    assert kinds(conversation.handle(failed(2)))[-1] is msg.Closed


def test_a_draining_session_can_be_closed_now() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(asked("two"))
    conversation.handle(received(msg.Close(drain=True)))

    instructions = conversation.handle(received(msg.Close()))

    assert kinds(instructions) == [msg.Interrupted, msg.Interrupted, msg.Closed]


def test_a_full_mailbox_refuses_and_keeps_what_it_has() -> None:
    conversation = in_state(State.REQUESTING, msgspec.structs.replace(DISCARD, limits=Limits(waiting_messages=2)))
    conversation.handle(asked("one"))
    conversation.handle(received(msg.Clear()))

    for wish in (asked("more"), received(msg.Compact())):
        with refused(conversation, MailboxFull):
            conversation.handle(wish)

    conversation.handle(answered(1, "done"))
    conversation.handle(asked("more"))
    assert len(conversation.queue) == 2


def test_a_message_that_is_too_large_is_refused_in_every_state() -> None:
    config = msgspec.structs.replace(DISCARD, limits=Limits(message_bytes=10))

    for state in (State.IDLE, State.REQUESTING, State.COMPACTING):
        conversation = in_state(state, config)
        with refused(conversation, MessageTooLarge):
            conversation.handle(asked("hi", when_busy=WhenBusy.INTERRUPT, size_bytes=11))


def test_a_message_that_interrupts_needs_no_room_in_the_mailbox() -> None:
    conversation = in_state(State.REQUESTING, msgspec.structs.replace(DISCARD, limits=Limits(waiting_messages=1)))
    conversation.handle(asked("waits"))

    sent = only(do.SendRequest, conversation.handle(asked("urgent", when_busy=WhenBusy.INTERRUPT)))

    assert history_lines(sent.messages) == ["user: urgent"]


def test_a_model_alone_keeps_the_provider() -> None:
    conversation = opened(msgspec.structs.replace(DISCARD, provider=OpenAI(model="gpt-5", base_url="http://localhost")))

    conversation.handle(configure(msg.Configure(model="gpt-6")))

    assert conversation.config.provider == OpenAI(model="gpt-6", base_url="http://localhost")
