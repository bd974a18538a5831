"""Interrupts: in every state, with both policies, by number or not."""

import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    answered,
    asked,
    copy_of,
    effects,
    emitted,
    ends,
    failed,
    history_lines,
    in_state,
    only,
    opened,
    partial,
    queued_turns,
    received,
    returned,
    same_state,
    use,
)

from rayconteur.providers.schema.content import Thinking
from rayconteur.providers.schema.draft import Partial
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.tool_batch import INTERRUPTED, MALFORMED

IN_A_TURN = (State.REQUESTING, State.RETRYING, State.TOOLS_OUT)
POLICIES = pytest.mark.parametrize("config", [DISCARD, KEEP], ids=lambda config: str(config.on_interrupt))


def interrupt(turn: int | None = None, said_so_far: Partial = ev.NOTHING) -> ev.Received:
    return received(msg.Interrupt(turn=turn), said_so_far)


@POLICIES
@pytest.mark.parametrize("turn", [None, 1])
@pytest.mark.parametrize("state", IN_A_TURN)
def test_an_interrupt_ends_the_turn_that_runs_in_whatever_state(
    state: State, turn: int | None, config: SessionConfig
) -> None:
    conversation = in_state(state, config)

    instructions = conversation.handle(interrupt(turn))

    assert emitted(instructions) == [msg.Interrupted(turn=1)]
    assert conversation.state is State.IDLE


@POLICIES
@pytest.mark.parametrize("state", [State.REQUESTING, State.RETRYING, State.COMPACTING])
def test_an_interrupt_abandons_what_is_under_way_before_it_tells_the_end(state: State, config: SessionConfig) -> None:
    conversation = in_state(state, config)

    instructions = conversation.handle(interrupt())

    assert [type(step) for step in effects(instructions)] == [do.Cancel, do.Emit]


@pytest.mark.parametrize("state", IN_A_TURN)
def test_discarding_takes_the_whole_turn_out_of_the_history(state: State) -> None:
    conversation = opened(DISCARD)
    conversation.handle(asked("before"))
    conversation.handle(answered(1, "stays"))
    history, context = conversation.history, conversation.context
    conversation.handle(asked("goes"))
    conversation.handle(answered(2, use("a")))
    conversation.handle(returned("a"))
    path: dict[State, tuple[ev.Event, ...]] = {
        State.REQUESTING: (),
        State.RETRYING: (failed(3, retryable=True),),
        State.TOOLS_OUT: (answered(3, use("b")),),
    }
    for event in path[state]:
        conversation.handle(event)
    assert conversation.state is state

    conversation.handle(interrupt(said_so_far=partial("half")))

    assert conversation.history == history
    assert conversation.context == context


def test_discarding_a_retried_turn_leaves_the_message_that_it_asked_again_for() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(failed(1))
    conversation.handle(received(msg.Retry()))

    conversation.handle(interrupt())

    assert history_lines(conversation.history) == ["user: hi"]


def test_keeping_leaves_what_was_said() -> None:
    conversation = in_state(State.REQUESTING, KEEP)

    conversation.handle(interrupt(said_so_far=partial("half an ans")))

    assert history_lines(conversation.history) == ["user: hi", "assistant: half an ans"]


def test_keeping_answers_the_open_tool_uses_with_an_error_that_says_why() -> None:
    conversation = in_state(State.REQUESTING, KEEP)
    conversation.handle(answered(1, use("a"), use("b"), use("c", malformed="{")))
    conversation.handle(returned("b"))

    conversation.handle(interrupt())

    assert history_lines(conversation.history)[-1] == "user: a! b=seen c!"
    assert INTERRUPTED in str(conversation.history[-1].content[0])
    assert MALFORMED in str(conversation.history[-1].content[2])


def test_keeping_answers_the_tool_uses_of_a_half_said_answer() -> None:
    conversation = in_state(State.REQUESTING, KEEP)

    instructions = conversation.handle(interrupt(said_so_far=partial("let me", use("a"))))

    assert history_lines(conversation.history) == ["user: hi", "assistant: let me <look a>", "user: a!"]
    assert not [event for event in emitted(instructions) if isinstance(event, msg.ToolBatch)]


@pytest.mark.parametrize(
    "half", [partial(), partial(" "), partial(Thinking(text="", provider="anthropic", signature="s", redacted=True))]
)
def test_keeping_leaves_no_message_that_says_nothing(half: Partial) -> None:
    conversation = in_state(State.REQUESTING, KEEP)

    conversation.handle(interrupt(said_so_far=half))

    assert history_lines(conversation.history) == ["user: hi"]


@pytest.mark.parametrize("state", [State.RETRYING, State.TOOLS_OUT])
def test_what_was_said_of_an_answer_that_failed_or_is_complete_is_not_kept_again(state: State) -> None:
    conversation = in_state(state, KEEP)
    usage = conversation.usage

    conversation.handle(interrupt(said_so_far=partial("void")))

    assert "assistant: void" not in history_lines(conversation.history)
    assert conversation.usage == usage


@POLICIES
def test_a_turn_that_waits_is_withdrawn_and_the_running_one_goes_on(config: SessionConfig) -> None:
    conversation = in_state(State.REQUESTING, config)
    conversation.handle(asked("two"))
    conversation.handle(asked("three"))

    instructions = conversation.handle(interrupt(2))

    assert instructions[1:] == [do.Acknowledge(2), do.Emit(msg.Interrupted(turn=2))]
    assert queued_turns(conversation) == (3,)
    assert conversation.state is State.REQUESTING


@POLICIES
@pytest.mark.parametrize("turn", [0, 1, 99])
def test_a_turn_that_has_ended_or_never_was_is_left_as_it_is(turn: int, config: SessionConfig) -> None:
    conversation = in_state(State.REQUESTING, config)
    conversation.handle(answered(1, "done"))
    conversation.handle(asked("two"))
    conversation.handle(asked("three"))
    before = copy_of(conversation)

    assert effects(conversation.handle(interrupt(turn))) == []
    assert same_state(conversation, before)


def test_an_interrupt_of_nothing_is_taken_and_changes_nothing() -> None:
    conversation = in_state(State.IDLE)

    assert conversation.handle(interrupt()) == [ev.Record(2, interrupt()), do.Acknowledge(None)]
    assert same_state(conversation, in_state(State.IDLE))


def test_the_next_turn_begins_after_the_interrupted_one_has_ended() -> None:
    conversation = in_state(State.TOOLS_OUT)
    conversation.handle(asked("next"))

    instructions = conversation.handle(interrupt())

    assert emitted(instructions) == [msg.Interrupted(turn=1), msg.TurnStarted(turn=2)]
    assert history_lines(only(do.SendRequest, instructions).messages) == ["user: next"]


def test_a_withdrawn_turn_never_begins() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(asked("two"))
    conversation.handle(asked("three"))
    conversation.handle(interrupt(2))

    instructions = conversation.handle(answered(1, "done"))

    assert only(do.SendRequest, instructions).turn == 3
    assert [end.turn for end in ends(instructions)] == [1]


def test_an_interrupted_compaction_leaves_the_history_and_says_so() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(received(msg.Compact()))
    conversation.handle(answered(1, "hello"))

    instructions = conversation.handle(interrupt())

    assert emitted(instructions) == [msg.Compacted(messages_before=2, messages_after=2, problem="interrupted")]
    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]


def test_the_number_of_no_turn_does_not_interrupt_a_compaction() -> None:
    conversation = in_state(State.COMPACTING)

    conversation.handle(interrupt(0))
    conversation.handle(interrupt(1))

    assert conversation.state is State.COMPACTING


@POLICIES
def test_a_conversation_goes_on_after_an_interrupt(config: SessionConfig) -> None:
    conversation = in_state(State.REQUESTING, config)
    conversation.handle(asked("two", when_busy=WhenBusy.INTERRUPT))

    [end] = ends(conversation.handle(answered(2, "done")))

    assert isinstance(end, msg.Completed)
    assert history_lines(conversation.history)[-2:] == ["user: two", "assistant: done"]
