"""Another process goes on with a conversation: what ran in the lost one begins again, and nothing else changes."""

import pytest
from builders.conversation import (
    TOOL_USE,
    answered,
    conversation_in,
    effects,
    emitted_events,
    opened_conversation,
    queued_turns,
    received,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.tools import Approval, Tool
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.compact_reason import CompactReason
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import (
    EndSession,
    ResumeTools,
    SendRequest,
    StartCompaction,
    StartToolTimer,
)
from rayconteur.runtime.core.turn import MAX_RECOVERIES

RECOVERED = ev.Recovered(at=1.0)
SHIPPED = SessionConfig(provider=Scripted(), tools=(Tool(name="look", shipped=b"function"), Tool(name="ask")))


def test_a_request_is_sent_again_and_readers_are_told_that_its_text_is_void() -> None:
    conversation = conversation_in(State.REQUESTING)
    before = conversation.history

    retrying, request = effects(conversation.handle(RECOVERED))

    [event] = emitted_events([retrying])
    assert isinstance(event, out.Retrying)
    assert (event.turn, event.code, event.delay_s) == (1, "recovered", 0.0)
    assert isinstance(request, SendRequest)
    assert (request.number, request.turn, tuple(request.messages)) == (2, 1, before)
    assert conversation.handle(answered(1, "of the lost process")) == []
    assert turn_ends(conversation.handle(answered(2, "done")))


def test_a_delay_before_a_retry_is_over() -> None:
    conversation = conversation_in(State.RETRYING)

    [request] = effects(conversation.handle(RECOVERED))

    assert isinstance(request, SendRequest)
    assert request.attempt == 2
    assert conversation.handle(ev.BackoffEnded(request=1)) == []


def test_tool_uses_stay_open_and_their_time_begins_again() -> None:
    conversation = conversation_in(State.TOOLS_OUT)

    [timer] = effects(conversation.handle(RECOVERED))

    assert isinstance(timer, StartToolTimer)
    assert conversation.open_tool_uses == (TOOL_USE,)
    [request] = [step for step in conversation.handle(tool_results("a")) if isinstance(step, SendRequest)]
    assert request.number == 2


def test_tools_that_ran_on_ray_run_again_and_those_of_programs_do_not() -> None:
    conversation = conversation_in(State.REQUESTING, SHIPPED)
    conversation.handle(answered(1, TOOL_USE))

    resume, _ = effects(conversation.handle(RECOVERED))

    assert isinstance(resume, ResumeTools)
    assert resume.batch.on_ray == ("a",)


def test_an_approval_is_still_waited_for() -> None:
    config = SessionConfig(provider=Scripted(), approval=Approval.ALWAYS, approval_timeout_s=60.0)
    conversation = conversation_in(State.TOOLS_OUT, config)

    timers = effects(conversation.handle(RECOVERED))

    assert [(step.delay_s, step.approval) for step in timers if isinstance(step, StartToolTimer)] == [(60.0, True)]
    assert conversation.unapproved_tool_uses == (TOOL_USE,)
    assert emitted_events(conversation.handle(received(msg.Approve(tool_use_ids=("a",)))))


def test_a_compaction_that_was_asked_for_begins_again() -> None:
    conversation = conversation_in(State.COMPACTING)

    [compaction] = effects(conversation.handle(RECOVERED))

    assert isinstance(compaction, StartCompaction)
    assert compaction.number == 2
    [compacted] = emitted_events(conversation.handle(ev.CompactionEnded(compaction=2, messages=())))
    assert isinstance(compacted, out.Compacted)
    assert (compacted.compaction, compacted.reason) == (1, CompactReason.ASKED)


@pytest.mark.parametrize("state", [State.REQUESTING, State.TOOLS_OUT, State.COMPACTING])
def test_queued_messages_stay_queued(state: State) -> None:
    conversation = conversation_in(state)
    turn = conversation.turns + 1
    conversation.handle(user_message("next"))

    conversation.handle(RECOVERED)

    assert queued_turns(conversation) == (turn,)


def test_an_idle_conversation_does_nothing() -> None:
    assert effects(conversation_in(State.IDLE).handle(RECOVERED)) == []


def test_a_session_that_was_closed_ends() -> None:
    assert [type(step) for step in effects(conversation_in(State.CLOSED).handle(RECOVERED))] == [EndSession]


def test_a_request_whose_process_is_lost_again_and_again_fails() -> None:
    conversation = conversation_in(State.REQUESTING)
    for _ in range(MAX_RECOVERIES):
        assert not turn_ends(conversation.handle(RECOVERED))

    [failed] = turn_ends(conversation.handle(RECOVERED))

    assert isinstance(failed, out.Failed)
    assert (failed.code, failed.retryable) == ("not_recovered", True)
    assert conversation.state is State.IDLE


def test_an_answer_is_progress_after_which_it_is_counted_anew() -> None:
    conversation = conversation_in(State.REQUESTING)
    for _ in range(MAX_RECOVERIES):
        conversation.handle(RECOVERED)
    conversation.handle(answered(MAX_RECOVERIES + 1, TOOL_USE))
    conversation.handle(tool_results("a"))

    for _ in range(MAX_RECOVERIES):
        assert not turn_ends(conversation.handle(RECOVERED))


def test_recovering_is_recorded_and_replayed() -> None:
    conversation = opened_conversation()
    records = [ev.Record(1, ev.Opened(config=conversation.config, created_at=0.0))]
    for event in (user_message(), RECOVERED, answered(2, "done")):
        [record] = [step for step in conversation.handle(event) if isinstance(step, ev.Record)]
        records.append(record)

    assert Conversation.replay(records) == conversation
