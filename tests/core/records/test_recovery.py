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

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Approval, Tool
from rayconteur.providers.schema.usage import Usage, estimated
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.compact_reason import CompactReason
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import OnCrash
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
from rayconteur.runtime.core.turn import MAX_OUT_OF_MEMORY, MAX_RECOVERIES, MAX_RECOVERY_S

RECOVERED = ev.Recovered(at=1.0)
USED = Usage(input=estimated(9), output=estimated(3))
CUT_OFF = Partial(content=(Text("Quoth the"),), text="Quoth the", usage=USED, message_id="m1", model="scripted")
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
    config = SessionConfig(provider=Scripted(), approve=Approval.ALWAYS, approval_timeout_s=60.0)
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


def test_with_continue_the_model_is_asked_for_the_rest_of_its_answer() -> None:
    conversation = conversation_in(State.REQUESTING, SessionConfig(provider=Scripted(), on_crash=OnCrash.CONTINUE))

    *_, request = instructions = effects(conversation.handle(ev.Recovered(partial=CUT_OFF, at=1.0)))

    used, continuing = emitted_events(instructions)
    assert isinstance(used, out.TokenUpdate)
    assert used.request == USED
    assert isinstance(continuing, out.Continuing)
    assert (continuing.turn, continuing.stop_reason) == (1, StopReason.PROCESS_LOST)
    assert isinstance(request, SendRequest)
    assert [message.role for message in request.messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert turn_ends(conversation.handle(answered(2, " raven")))
    assert [message.content for message in conversation.history][1:] == [(Text("Quoth the raven"),)]


def test_what_was_continued_before_is_continued_again_after_another_loss() -> None:
    conversation = conversation_in(State.REQUESTING, SessionConfig(provider=Scripted(), on_crash=OnCrash.CONTINUE))
    conversation.handle(ev.Recovered(partial=CUT_OFF, at=1.0))
    more = Partial(content=(Text(" raven"),), text=" raven", message_id="m2", model="scripted")

    conversation.handle(ev.Recovered(partial=more, at=2.0))

    assert turn_ends(conversation.handle(answered(3, ", nevermore")))
    assert [message.content for message in conversation.history][1:] == [(Text("Quoth the raven, nevermore"),)]


@pytest.mark.parametrize("on_crash", OnCrash)
def test_an_answer_of_which_nothing_is_known_any_more_is_requested_again_unless_its_turn_fails(
    on_crash: OnCrash,
) -> None:
    conversation = conversation_in(State.REQUESTING, SessionConfig(provider=Scripted(), on_crash=on_crash))

    events = emitted_events(conversation.handle(RECOVERED))

    assert [type(event) for event in events] == [out.Failed if on_crash is OnCrash.FAIL else out.Retrying]


def test_with_fail_the_turn_fails_with_what_readers_have_seen() -> None:
    conversation = conversation_in(State.REQUESTING, SessionConfig(provider=Scripted(), on_crash=OnCrash.FAIL))

    [failed] = turn_ends(conversation.handle(ev.Recovered(partial=CUT_OFF, at=1.0)))

    assert isinstance(failed, out.Failed)
    assert (failed.code, failed.retryable, failed.partial_text) == ("process_lost", True, "Quoth the")
    assert [message.role for message in conversation.history] == [Role.USER]
    assert conversation.usage.output == estimated(3)


def test_with_fail_open_tool_uses_stay_open() -> None:
    config = SessionConfig(provider=Scripted(), on_crash=OnCrash.FAIL)
    conversation = conversation_in(State.TOOLS_OUT, config)

    assert not turn_ends(conversation.handle(RECOVERED))

    assert conversation.open_tool_uses == (TOOL_USE,)


def test_the_usage_of_a_lost_request_is_counted() -> None:
    conversation = conversation_in(State.REQUESTING)

    used, retrying = emitted_events(conversation.handle(ev.Recovered(partial=CUT_OFF, at=1.0)))

    assert isinstance(used, out.TokenUpdate)
    assert used.of_session == conversation.usage == USED
    assert isinstance(retrying, out.Retrying)


def test_processes_that_run_out_of_memory_are_followed_by_fewer() -> None:
    conversation = conversation_in(State.REQUESTING)
    lost = ev.Recovered(out_of_memory=True, at=1.0)
    for _ in range(MAX_OUT_OF_MEMORY):
        assert not turn_ends(conversation.handle(lost))

    [failed] = turn_ends(conversation.handle(lost))

    assert isinstance(failed, out.Failed)
    assert "too much memory" in failed.message


@pytest.mark.parametrize(("waited_s", "fails"), [(MAX_RECOVERY_S, False), (MAX_RECOVERY_S + 1, True)])
def test_a_request_is_sent_again_for_so_long_after_the_first_loss(waited_s: float, fails: bool) -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(ev.Recovered(at=1_000.0))

    ends = turn_ends(conversation.handle(ev.Recovered(at=1_000.0 + waited_s)))

    assert bool(ends) is fails


def test_a_part_of_the_answer_is_progress_after_which_the_time_begins_again() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(ev.Recovered(at=1_000.0))
    later = 1_001.0 + MAX_RECOVERY_S

    assert not turn_ends(conversation.handle(ev.Recovered(partial=CUT_OFF, at=later)))
    assert not turn_ends(conversation.handle(ev.Recovered(at=later + MAX_RECOVERY_S)))
    assert turn_ends(conversation.handle(ev.Recovered(at=later + MAX_RECOVERY_S + 1)))


def test_a_request_that_waits_for_credentials_is_not_given_up_however_long_and_often() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(ev.Recovered(at=1_000.0))

    for loss in range(1, 2 * MAX_RECOVERIES):
        lost = ev.Recovered(lacks_credentials=True, out_of_memory=loss > 1, at=1_000.0 + loss * MAX_RECOVERY_S)
        assert not turn_ends(conversation.handle(lost))

    given = 1_000.0 + 2 * MAX_RECOVERIES * MAX_RECOVERY_S
    assert not turn_ends(conversation.handle(ev.Recovered(at=given)))
    assert not turn_ends(conversation.handle(ev.Recovered(at=given + MAX_RECOVERY_S)))
    assert turn_ends(conversation.handle(ev.Recovered(at=given + MAX_RECOVERY_S + 1)))


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
