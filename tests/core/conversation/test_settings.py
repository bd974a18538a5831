"""Clear, Compact, Configure and Close: at once, or in their order among the messages."""

from typing import Literal

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    assert_rejected,
    blocks,
    conversation_in,
    effects,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    received,
    request_failed,
    tool_results,
    user_message,
)

from rayconteur.providers.openai.config import OpenAI
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.errors import MailboxFull, MessageTooLarge, SessionClosed
from rayconteur.runtime.api.settings.policies import Limits, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.instructions import Cancel, Emit, EndSession, Instruction, SendRequest, StartCompaction

COMPACTED = (Message(role=Role.USER, content=blocks(["in short"]), turn=1, id="c1.1"),)


def configure(change: msg.Configure) -> ev.Received:
    return received(change)


def kinds(instructions: list[Instruction]) -> list[type[out.FromLLM]]:
    return [type(event) for event in emitted_events(instructions)]


@pytest.mark.parametrize("message", [received(msg.Clear()), configure(msg.Configure(system="short", next="turn"))])
def test_clear_and_configure_run_in_their_order_among_the_messages(message: ev.Event) -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("before"))
    assert effects(conversation.handle(message)) == []
    conversation.handle(user_message("after"))

    first = conversation.handle(answered(1, "done"))
    second = conversation.handle(answered(2, "done"))

    assert kinds(first)[-1] is out.TurnStarted
    assert kinds(second)[2:] == [out.Cleared if message == received(msg.Clear()) else out.Configured, out.TurnStarted]


def test_clear_empties_the_history_of_an_idle_conversation_at_once() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello"))

    assert emitted_events(conversation.handle(received(msg.Clear()))) == [out.Cleared()]
    assert conversation.history == ()


def test_a_message_after_clear_starts_with_an_empty_history() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(msg.Clear()))
    conversation.handle(user_message("anew"))

    sent = only_one(SendRequest, conversation.handle(answered(1, "hello")))

    assert history_lines(sent.messages) == ["user: anew"]
    assert sent.turn == 2


def test_settings_for_the_next_request_apply_within_the_turn() -> None:
    conversation = conversation_in(State.TOOLS_OUT)

    instructions = conversation.handle(configure(msg.Configure(system="short", max_output_tokens=9)))
    sent = only_one(SendRequest, conversation.handle(tool_results("a")))

    assert emitted_events(instructions) == [
        out.Configured(turn=1, fields=("system", "max_output_tokens"), model="scripted")
    ]
    assert (sent.config.system, sent.config.max_output_tokens) == ("short", 9)


def test_settings_for_the_next_turn_do_not_apply_to_the_running_one() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(configure(msg.Configure(system="short", next="turn")))
    conversation.handle(user_message("next"))

    same_turn = only_one(SendRequest, conversation.handle(tool_results("a")))
    next_turn = only_one(SendRequest, conversation.handle(answered(2, "done")))

    assert same_turn.config.system is None
    assert next_turn.config.system == "short"


@pytest.mark.parametrize("when", ["request", "turn"])
def test_the_facts_of_a_new_model_come_into_force_with_it(when: Literal["request", "turn"]) -> None:
    conversation = conversation_in(State.REQUESTING)
    facts = ModelFacts(context_limit_tokens=5_000)

    conversation.handle(ev.Received(message=msg.Configure(model="larger", next=when), facts=facts))
    conversation.handle(answered(1, "done"))

    assert conversation.config.provider == Scripted(model="larger", facts=facts)


def test_a_request_retried_after_a_backoff_uses_the_new_provider() -> None:
    conversation = conversation_in(State.RETRYING)
    conversation.handle(configure(msg.Configure(provider=OpenAI(model="gpt-5"))))

    sent = only_one(SendRequest, conversation.handle(ev.BackoffEnded(request=1)))

    assert sent.config.provider == OpenAI(model="gpt-5")


def test_a_compaction_gets_the_history_and_its_result_replaces_it() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello"))

    started = only_one(StartCompaction, conversation.handle(received(msg.Compact())))
    instructions = conversation.handle(ev.CompactionEnded(compaction=started.number, messages=COMPACTED))

    assert history_lines(started.messages) == ["user: hi", "assistant: hello"]
    assert emitted_events(instructions) == [out.Compacted(messages_before=2, messages_after=1, compaction=1)]
    assert conversation.history == COMPACTED


def test_a_failed_compaction_leaves_the_history_and_reports_the_problem() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(msg.Compact()))
    conversation.handle(answered(1, "hello"))

    instructions = conversation.handle(ev.CompactionEnded(compaction=1, problem="no strategy"))

    assert emitted_events(instructions) == [
        out.Compacted(messages_before=2, messages_after=2, problem="no strategy", compaction=1)
    ]
    assert conversation.state is State.IDLE


def test_messages_wait_for_a_compaction_and_continue_from_its_history() -> None:
    conversation = conversation_in(State.COMPACTING)
    conversation.handle(user_message("next"))

    sent = only_one(SendRequest, conversation.handle(ev.CompactionEnded(compaction=1, messages=COMPACTED)))

    assert history_lines(sent.messages) == ["user: in short", "user: next"]


def test_the_end_of_a_cancelled_compaction_does_not_end_the_next_one() -> None:
    conversation = conversation_in(State.COMPACTING)
    conversation.handle(received(msg.Interrupt()))
    conversation.handle(user_message())
    conversation.handle(answered(1, "hello"))
    conversation.handle(received(msg.Compact()))

    assert conversation.handle(ev.CompactionEnded(compaction=1, messages=())) == []
    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]
    assert conversation.state is State.COMPACTING


@pytest.mark.parametrize("state", [State.REQUESTING, State.RETRYING, State.TOOLS_OUT])
def test_close_interrupts_the_running_and_queued_turns_and_ends_the_session(state: State) -> None:
    conversation = conversation_in(state)
    for message in (user_message("two"), received(msg.Clear()), user_message("three")):
        conversation.handle(message)

    instructions = conversation.handle(received(msg.Close()))

    interrupted = [out.Interrupted(turn=turn) for turn in (1, 2, 3)]
    assert emitted_events(instructions) == [*interrupted, out.Closed()]
    assert instructions[-1] == EndSession()
    assert conversation.state is State.CLOSED


def test_closing_an_idle_session_ends_it_at_once_with_or_without_drain() -> None:
    for drain in (False, True):
        conversation = conversation_in(State.IDLE)

        assert effects(conversation.handle(received(msg.Close(drain=drain)))) == [
            Emit(out.Closed()),
            EndSession(),
        ]


def test_close_cancels_a_running_compaction() -> None:
    conversation = conversation_in(State.COMPACTING)

    instructions = conversation.handle(received(msg.Close()))

    assert [type(step) for step in effects(instructions)] == [Cancel, Emit, Emit, EndSession]
    assert kinds(instructions) == [out.Compacted, out.Closed]


def test_close_with_drain_answers_the_queued_messages_first() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("two"))
    assert effects(conversation.handle(received(msg.Close(drain=True)))) == []

    conversation.handle(answered(1, "done"))
    instructions = conversation.handle(answered(2, "done"))

    assert kinds(instructions)[-2:] == [out.Completed, out.Closed]
    assert conversation.state is State.CLOSED


def test_a_draining_session_accepts_only_what_its_turns_need() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(received(msg.Close(drain=True)))

    for message in (
        user_message(),
        user_message(when_busy=WhenBusy.INTERRUPT),
        received(msg.Clear()),
        received(msg.Close(drain=True)),
    ):
        with assert_rejected(conversation, SessionClosed):
            conversation.handle(message)
    conversation.handle(tool_results("a"))

    assert kinds(conversation.handle(request_failed(2)))[-1] is out.Closed


def test_a_draining_session_can_be_closed_at_once() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("two"))
    conversation.handle(received(msg.Close(drain=True)))

    instructions = conversation.handle(received(msg.Close()))

    assert kinds(instructions) == [out.Interrupted, out.Interrupted, out.Closed]


def test_a_full_mailbox_rejects_messages_and_keeps_the_queued_ones() -> None:
    conversation = conversation_in(
        State.REQUESTING, msgspec.structs.replace(DISCARD, limits=Limits(waiting_messages=2))
    )
    conversation.handle(user_message("one"))
    conversation.handle(received(msg.Clear()))

    for message in (user_message("more"), received(msg.Compact())):
        with assert_rejected(conversation, MailboxFull):
            conversation.handle(message)

    conversation.handle(answered(1, "done"))
    conversation.handle(user_message("more"))
    assert len(conversation.queue) == 2


def test_a_message_that_is_too_large_is_rejected_in_every_state() -> None:
    config = msgspec.structs.replace(DISCARD, limits=Limits(message_bytes=10))

    for state in (State.IDLE, State.REQUESTING, State.COMPACTING):
        conversation = conversation_in(state, config)
        with assert_rejected(conversation, MessageTooLarge):
            conversation.handle(user_message("hi", when_busy=WhenBusy.INTERRUPT, size_bytes=11))


def test_an_interrupting_message_needs_no_room_in_the_mailbox() -> None:
    conversation = conversation_in(
        State.REQUESTING, msgspec.structs.replace(DISCARD, limits=Limits(waiting_messages=1))
    )
    conversation.handle(user_message("waits"))

    sent = only_one(SendRequest, conversation.handle(user_message("urgent", when_busy=WhenBusy.INTERRUPT)))

    assert history_lines(sent.messages) == ["user: urgent"]


def test_a_model_alone_keeps_the_provider() -> None:
    conversation = opened_conversation(
        msgspec.structs.replace(DISCARD, provider=OpenAI(model="gpt-5", base_url="http://localhost"))
    )

    conversation.handle(configure(msg.Configure(model="gpt-6")))

    assert conversation.config.provider == OpenAI(model="gpt-6", base_url="http://localhost")
