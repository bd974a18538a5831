"""Interrupts: in every state, with both policies, of the running turn or of a turn by number."""

import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    answered,
    conversation_in,
    copy_of,
    effects,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    partial,
    queued_turns,
    received,
    request_failed,
    same_state,
    tool_results,
    tool_use,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.content import Thinking
from rayconteur.providers.schema.draft import Partial
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.instructions import Acknowledge, Cancel, Emit, SendRequest
from rayconteur.runtime.core.tools.batch import INTERRUPTED, MALFORMED

STATES_OF_A_TURN = (State.REQUESTING, State.RETRYING, State.TOOLS_OUT)
BOTH_POLICIES = pytest.mark.parametrize("config", [DISCARD, KEEP], ids=lambda config: str(config.on_interrupt))


def interrupt(turn: int | None = None, partial_answer: Partial = ev.NOTHING) -> ev.Received:
    return received(msg.Interrupt(turn=turn), partial_answer)


@BOTH_POLICIES
@pytest.mark.parametrize("turn", [None, 1])
@pytest.mark.parametrize("state", STATES_OF_A_TURN)
def test_an_interrupt_ends_the_running_turn_in_every_state(
    state: State, turn: int | None, config: SessionConfig
) -> None:
    conversation = conversation_in(state, config)

    instructions = conversation.handle(interrupt(turn))

    assert emitted_events(instructions) == [out.Interrupted(turn=1)]
    assert conversation.state is State.IDLE


@BOTH_POLICIES
@pytest.mark.parametrize("state", [State.REQUESTING, State.RETRYING, State.COMPACTING])
def test_an_interrupt_cancels_the_running_work_before_it_reports_the_end(state: State, config: SessionConfig) -> None:
    conversation = conversation_in(state, config)

    instructions = conversation.handle(interrupt())

    assert [type(step) for step in effects(instructions)] == [Cancel, Emit]


@pytest.mark.parametrize("state", STATES_OF_A_TURN)
def test_discard_removes_the_whole_turn_from_the_history(state: State) -> None:
    conversation = opened_conversation(DISCARD)
    conversation.handle(user_message("before"))
    conversation.handle(answered(1, "stays"))
    history, context = conversation.history, conversation.context
    conversation.handle(user_message("goes"))
    conversation.handle(answered(2, tool_use("a")))
    conversation.handle(tool_results("a"))
    path: dict[State, tuple[ev.Event, ...]] = {
        State.REQUESTING: (),
        State.RETRYING: (request_failed(3, retryable=True),),
        State.TOOLS_OUT: (answered(3, tool_use("b")),),
    }
    for event in path[state]:
        conversation.handle(event)
    assert conversation.state is state

    conversation.handle(interrupt(partial_answer=partial("half")))

    assert conversation.history == history
    assert conversation.context == context


def test_discarding_a_retry_keeps_the_message_of_the_failed_turn() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(request_failed(1))
    conversation.handle(received(msg.Retry()))

    conversation.handle(interrupt())

    assert history_lines(conversation.history) == ["user: hi"]


def test_keep_leaves_the_partial_answer_in_the_history() -> None:
    conversation = conversation_in(State.REQUESTING, KEEP)

    conversation.handle(interrupt(partial_answer=partial("half an ans")))

    assert history_lines(conversation.history) == ["user: hi", "assistant: half an ans"]


def test_keep_gives_open_tool_uses_an_error_result_with_the_reason() -> None:
    conversation = conversation_in(State.REQUESTING, KEEP)
    conversation.handle(answered(1, tool_use("a"), tool_use("b"), tool_use("c", malformed="{")))
    conversation.handle(tool_results("b"))

    conversation.handle(interrupt())

    assert history_lines(conversation.history)[-1] == "user: a! b=seen c!"
    assert INTERRUPTED in str(conversation.history[-1].content[0])
    assert MALFORMED in str(conversation.history[-1].content[2])


def test_keep_gives_the_tool_uses_of_a_partial_answer_error_results() -> None:
    conversation = conversation_in(State.REQUESTING, KEEP)

    instructions = conversation.handle(interrupt(partial_answer=partial("let me", tool_use("a"))))

    assert history_lines(conversation.history) == ["user: hi", "assistant: let me <look a>", "user: a!"]
    assert not [event for event in emitted_events(instructions) if isinstance(event, out.ToolBatch)]


@pytest.mark.parametrize(
    "half", [partial(), partial(" "), partial(Thinking(text="", provider="anthropic", signature="s", redacted=True))]
)
def test_keep_adds_no_empty_message(half: Partial) -> None:
    conversation = conversation_in(State.REQUESTING, KEEP)

    conversation.handle(interrupt(partial_answer=half))

    assert history_lines(conversation.history) == ["user: hi"]


@pytest.mark.parametrize(
    "message",
    [msg.UserMessage.of("next"), msg.Interrupt(turn=9), msg.Close(drain=True), msg.Configure(system="short")],
    ids=lambda message: type(message).__name__,
)
def test_the_record_of_a_message_that_ends_no_request_holds_no_partial_answer(message: msg.ToLLM) -> None:
    conversation = conversation_in(State.REQUESTING)

    record = only_one(ev.Record, conversation.handle(received(message, partial("half"))))

    assert record.event == received(message)


@pytest.mark.parametrize("state", [State.RETRYING, State.TOOLS_OUT])
def test_a_partial_answer_is_ignored_unless_a_request_is_running(state: State) -> None:
    conversation = conversation_in(state, KEEP)
    usage = conversation.usage

    conversation.handle(interrupt(partial_answer=partial("void")))

    assert "assistant: void" not in history_lines(conversation.history)
    assert conversation.usage == usage


@BOTH_POLICIES
def test_interrupting_a_queued_turn_leaves_the_running_one_alone(config: SessionConfig) -> None:
    conversation = conversation_in(State.REQUESTING, config)
    conversation.handle(user_message("two"))
    conversation.handle(user_message("three"))

    instructions = conversation.handle(interrupt(2))

    assert instructions[1:] == [Acknowledge(2), Emit(out.Interrupted(turn=2))]
    assert queued_turns(conversation) == (3,)
    assert conversation.state is State.REQUESTING


@BOTH_POLICIES
@pytest.mark.parametrize("turn", [0, 1, 99])
def test_interrupting_an_ended_or_unknown_turn_changes_nothing(turn: int, config: SessionConfig) -> None:
    conversation = conversation_in(State.REQUESTING, config)
    conversation.handle(answered(1, "done"))
    conversation.handle(user_message("two"))
    conversation.handle(user_message("three"))
    before = copy_of(conversation)

    assert effects(conversation.handle(interrupt(turn))) == []
    assert same_state(conversation, before)


def test_an_interrupt_of_an_idle_session_is_accepted_and_changes_nothing() -> None:
    conversation = conversation_in(State.IDLE)

    assert conversation.handle(interrupt()) == [ev.Record(2, interrupt()), Acknowledge(None)]
    assert same_state(conversation, conversation_in(State.IDLE))


def test_the_next_turn_starts_after_the_interrupted_one_has_ended() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(user_message("next"))

    instructions = conversation.handle(interrupt())

    assert emitted_events(instructions) == [out.Interrupted(turn=1), out.TurnStarted(turn=2)]
    assert history_lines(only_one(SendRequest, instructions).messages) == ["user: next"]


def test_an_interrupted_queued_turn_never_starts() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("two"))
    conversation.handle(user_message("three"))
    conversation.handle(interrupt(2))

    instructions = conversation.handle(answered(1, "done"))

    assert only_one(SendRequest, instructions).turn == 3
    assert [end.turn for end in turn_ends(instructions)] == [1]


def test_an_interrupted_compaction_is_reported_and_leaves_the_history() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(msg.Compact()))
    conversation.handle(answered(1, "hello"))

    instructions = conversation.handle(interrupt())

    assert emitted_events(instructions) == [
        out.Compacted(messages_before=2, messages_after=2, problem="interrupted", compaction=1)
    ]
    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]


def test_interrupting_an_unknown_turn_does_not_end_a_compaction() -> None:
    conversation = conversation_in(State.COMPACTING)

    conversation.handle(interrupt(0))
    conversation.handle(interrupt(1))

    assert conversation.state is State.COMPACTING


@BOTH_POLICIES
def test_the_conversation_continues_after_an_interrupt(config: SessionConfig) -> None:
    conversation = conversation_in(State.REQUESTING, config)
    conversation.handle(user_message("two", when_busy=WhenBusy.INTERRUPT))

    [end] = turn_ends(conversation.handle(answered(2, "done")))

    assert isinstance(end, out.Completed)
    assert history_lines(conversation.history)[-2:] == ["user: two", "assistant: done"]


@pytest.mark.parametrize("message", [msg.Interrupt(), msg.Close(drain=False)])
def test_no_partial_answer_is_needed_where_no_request_runs(message: msg.ToLLM) -> None:
    states = set(State) - {State.STREAMING}

    needed = {state for state in states if conversation_in(state).ends_request(message)}

    assert needed == {State.REQUESTING}
