"""Interrupts: in every state, with both policies, by number or not."""

import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    answered,
    asked,
    copy_of,
    emitted,
    ends,
    failed,
    in_state,
    only,
    partial,
    returned,
    said,
    use,
)

from rayconteur.providers.schema.content import Thinking
from rayconteur.providers.schema.draft import Partial
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import SessionConfig, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.tool_batch import INTERRUPTED, MALFORMED

IN_A_TURN = (State.REQUESTING, State.STREAMING, State.RETRYING, State.TOOLS_OUT)
POLICIES = pytest.mark.parametrize("config", [DISCARD, KEEP], ids=lambda config: str(config.on_interrupt))


def interrupt(turn: int | None = None, said_so_far: Partial = ev.NOTHING) -> ev.InterruptAsked:
    return ev.InterruptAsked(turn=turn, partial=said_so_far)


@POLICIES
@pytest.mark.parametrize("turn", [None, 1])
@pytest.mark.parametrize("state", IN_A_TURN)
def test_an_interrupt_ends_the_turn_that_runs_in_whatever_state(
    state: State, turn: int | None, config: SessionConfig
) -> None:
    talk = in_state(state, config)

    instructions = talk.handle(interrupt(turn))

    assert emitted(instructions) == [say.Interrupted(turn=1)]
    assert talk.state is State.IDLE


@POLICIES
@pytest.mark.parametrize("state", [State.REQUESTING, State.STREAMING, State.RETRYING, State.COMPACTING])
def test_an_interrupt_abandons_what_is_under_way_before_it_tells_the_end(state: State, config: SessionConfig) -> None:
    talk = in_state(state, config)

    instructions = talk.handle(interrupt())

    assert [type(step) for step in instructions] == [do.Record, do.Abandon, do.Emit]


@pytest.mark.parametrize("state", IN_A_TURN)
def test_discarding_takes_the_whole_turn_out_of_the_history(state: State) -> None:
    talk = Conversation(DISCARD)
    talk.handle(asked("before"))
    talk.handle(answered(1, "stays"))
    history, context = list(talk.history), talk.context
    talk.handle(asked("goes"))
    talk.handle(answered(2, use("a")))
    talk.handle(returned("a"))
    path: dict[State, tuple[ev.Event, ...]] = {
        State.REQUESTING: (),
        State.STREAMING: (ev.AnswerBegan(request=3),),
        State.RETRYING: (failed(3, retryable=True),),
        State.TOOLS_OUT: (answered(3, use("b")),),
    }
    for event in path[state]:
        talk.handle(event)
    assert talk.state is state

    talk.handle(interrupt(said_so_far=partial("half")))

    assert talk.history == history
    assert talk.context == context


def test_discarding_a_retried_turn_leaves_the_message_that_it_asked_again_for() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(failed(1))
    talk.handle(ev.RetryAsked())

    talk.handle(interrupt())

    assert said(talk.history) == ["user: hi"]


def test_keeping_leaves_what_was_said() -> None:
    talk = in_state(State.STREAMING, KEEP)

    talk.handle(interrupt(said_so_far=partial("half an ans")))

    assert said(talk.history) == ["user: hi", "assistant: half an ans"]


def test_keeping_answers_the_open_tool_uses_with_an_error_that_says_why() -> None:
    talk = in_state(State.STREAMING, KEEP)
    talk.handle(answered(1, use("a"), use("b"), use("c", malformed="{")))
    talk.handle(returned("b"))

    talk.handle(interrupt())

    assert said(talk.history)[-1] == "user: a! b=seen c!"
    assert INTERRUPTED in str(talk.history[-1].content[0])
    assert MALFORMED in str(talk.history[-1].content[2])


def test_keeping_answers_the_tool_uses_of_a_half_said_answer() -> None:
    talk = in_state(State.STREAMING, KEEP)

    instructions = talk.handle(interrupt(said_so_far=partial("let me", use("a"))))

    assert said(talk.history) == ["user: hi", "assistant: let me <look a>", "user: a!"]
    assert not [event for event in emitted(instructions) if isinstance(event, say.ToolBatch)]


@pytest.mark.parametrize(
    "half", [partial(), partial(" "), partial(Thinking(text="", provider="anthropic", signature="s", redacted=True))]
)
def test_keeping_leaves_no_message_that_says_nothing(half: Partial) -> None:
    talk = in_state(State.STREAMING, KEEP)

    talk.handle(interrupt(said_so_far=half))

    assert said(talk.history) == ["user: hi"]


@pytest.mark.parametrize("state", [State.RETRYING, State.TOOLS_OUT])
def test_what_was_said_of_an_answer_that_failed_or_is_complete_is_not_kept_again(state: State) -> None:
    talk = in_state(state, KEEP)
    usage = talk.usage

    talk.handle(interrupt(said_so_far=partial("void")))

    assert "assistant: void" not in said(talk.history)
    assert talk.usage == usage


@POLICIES
def test_a_turn_that_waits_is_withdrawn_and_the_running_one_goes_on(config: SessionConfig) -> None:
    talk = in_state(State.STREAMING, config)
    talk.handle(asked("two"))
    talk.handle(asked("three"))

    instructions = talk.handle(interrupt(2))

    assert instructions == [do.Record(interrupt(2)), do.Emit(say.Interrupted(turn=2))]
    assert talk.mailbox.turns() == (3,)
    assert talk.state is State.STREAMING


@POLICIES
@pytest.mark.parametrize("turn", [0, 1, 99])
def test_a_turn_that_has_ended_or_never_was_is_left_as_it_is(turn: int, config: SessionConfig) -> None:
    talk = in_state(State.STREAMING, config)
    talk.handle(answered(1, "done"))
    talk.handle(asked("two"))
    talk.handle(asked("three"))
    before = copy_of(talk)

    assert talk.handle(interrupt(turn)) == [do.Record(interrupt(turn))]
    assert talk == before


def test_an_interrupt_of_nothing_is_taken_and_changes_nothing() -> None:
    talk = in_state(State.IDLE)

    assert talk.handle(interrupt()) == [do.Record(interrupt())]
    assert talk == in_state(State.IDLE)


def test_the_next_turn_begins_after_the_interrupted_one_has_ended() -> None:
    talk = in_state(State.TOOLS_OUT)
    talk.handle(asked("next"))

    instructions = talk.handle(interrupt())

    assert emitted(instructions) == [say.Interrupted(turn=1), say.TurnStarted(turn=2)]
    assert said(only(do.Send, instructions).messages) == ["user: next"]


def test_a_withdrawn_turn_never_begins() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(asked("two"))
    talk.handle(asked("three"))
    talk.handle(interrupt(2))

    instructions = talk.handle(answered(1, "done"))

    assert only(do.Send, instructions).turn == 3
    assert [end.turn for end in ends(instructions)] == [1]


def test_an_interrupted_compaction_leaves_the_history_and_says_so() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(ev.CompactAsked())
    talk.handle(answered(1, "hello"))

    instructions = talk.handle(interrupt())

    assert emitted(instructions) == [say.Compacted(messages_before=2, messages_after=2, problem="interrupted")]
    assert said(talk.history) == ["user: hi", "assistant: hello"]


def test_the_number_of_no_turn_does_not_interrupt_a_compaction() -> None:
    talk = in_state(State.COMPACTING)

    talk.handle(interrupt(0))
    talk.handle(interrupt(1))

    assert talk.state is State.COMPACTING


@POLICIES
def test_a_conversation_goes_on_after_an_interrupt(config: SessionConfig) -> None:
    talk = in_state(State.STREAMING, config)
    talk.handle(asked("two", when_busy=WhenBusy.INTERRUPT))

    [end] = ends(talk.handle(answered(2, "done")))

    assert isinstance(end, say.Completed)
    assert said(talk.history)[-2:] == ["user: two", "assistant: done"]
