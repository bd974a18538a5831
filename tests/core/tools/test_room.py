"""One limit for the tools of an answer, though some run on Ray and others in a program: neither sees both."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    assert_rejected,
    conversation_in,
    emitted_events,
    only_one,
    received,
    request_failed,
    tool_results,
)
from checkers.examples import examples
from fixtures.tools.ray_runner import shipped
from hypothesis import given, settings
from hypothesis import strategies as st

from rayconteur.providers.schema.content import ToolUse
from rayconteur.providers.schema.tools import Approval, Tool, ToolStart
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import UnknownToolUse
from rayconteur.runtime.api.status import State
from rayconteur.runtime.api.tools.approval_policy import ApprovalPolicy
from rayconteur.runtime.api.tools.builtins import ASK_USER
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Instruction, ResumeTools, SendRequest
from rayconteur.runtime.core.phases import ToolsOut, batch_of


def tools(most: int) -> tuple[Tool, ...]:
    on_ray = shipped(max_parallel=most)
    return (
        on_ray,
        msgspec.structs.replace(on_ray, name="look_if_you_may", approve=Approval.ALWAYS),
        Tool(name="here"),
        Tool(name="here_if_you_may", approve=Approval.ALWAYS),
    )


POLICY = ApprovalPolicy(b"pickled")
NAMES = [tool.name for tool in tools(1)]


def config(most: int, start: ToolStart = ToolStart.COMPLETE) -> SessionConfig:
    return msgspec.structs.replace(DISCARD, tools=tools(most), start_tools=start)


def uses_of(names: Iterable[str]) -> list[ToolUse]:
    return [ToolUse(id=f"u{number}", name=name, input={}) for number, name in enumerate(names)]


def ids_given(instructions: Iterable[Instruction]) -> list[str]:
    batches = [event for event in emitted_events(instructions) if isinstance(event, out.ToolBatch)]
    return [use.id for batch in batches for use in batch.uses]


@dataclass
class Sides:
    """What a session that runs tools on Ray and a program make of the batches: each runs at most *most* at a time."""

    most: int
    given: dict[bool, list[str]] = field(default_factory=lambda: {True: [], False: []})
    seen: list[str] = field(default_factory=list[str])

    def take(self, instructions: Iterable[Instruction]) -> None:
        for event in emitted_events(instructions):
            match event:
                case out.ToolBatch(uses=uses, on_ray=on_ray):
                    for use in uses:
                        self.given[use.id in on_ray].append(use.id)
                        self.seen.append(use.id)
                case out.ToolCompleted(tool_use_id=use) | out.ToolFailed(tool_use_id=use):
                    for ids in self.given.values():
                        ids[:] = [each for each in ids if each != use]
                case _:
                    pass
        assert len(self.running) <= self.most, "more tools run than may"

    @property
    def running(self) -> list[str]:
        return [use for ids in self.given.values() for use in ids[: self.most]]


@given(data=st.data(), most=st.integers(1, 4), names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=9))
@settings(derandomize=True, max_examples=examples(60, 2_000))
def test_no_more_run_at_a_time_than_may_and_each_runs_once(data: st.DataObject, most: int, names: list[str]) -> None:
    uses, sides = uses_of(names), Sides(most)
    conversation = conversation_in(State.REQUESTING, config(most, ToolStart.STREAMING))

    def handle(event: ev.Event) -> list[Instruction]:
        instructions = list(conversation.handle(event))
        sides.take(instructions)
        return instructions

    for use in uses[: data.draw(st.integers(0, len(uses)))]:
        handle(ev.ToolUseReady(request=1, use=use))
        for ended in sides.running[: data.draw(st.integers(0, 1))]:
            handle(tool_results(ended))
    instructions = handle(answered(1, *uses))
    while isinstance(conversation.phase, ToolsOut):
        waiting = [use.id for use in conversation.phase.batch.waiting]
        assert sides.running or waiting, "nothing runs, and nothing waits for approval"
        events = [tool_results(use) for use in sides.running]
        events += [received(msg.Approve(tool_use_ids=(use,))) for use in waiting]
        events += [received(msg.Deny(tool_use_ids=(use,))) for use in waiting]
        instructions = handle(data.draw(st.sampled_from(events)))

    assert len(sides.seen) == len(set(sides.seen)), "a tool was given out twice"
    (results,) = [message.content for message in only_one(SendRequest, instructions).messages[-1:]]
    assert len(results) == len(uses)


@given(data=st.data(), names=st.lists(st.sampled_from(["look", "here"]), min_size=3, max_size=9))
@settings(derandomize=True, max_examples=examples(30, 300))
def test_nothing_is_given_out_after_an_interrupt_or_for_an_answer_that_fails(
    data: st.DataObject, names: list[str]
) -> None:
    conversation = conversation_in(State.REQUESTING, config(2, ToolStart.STREAMING))
    given: list[str] = []
    for use in uses_of(names):
        given += ids_given(conversation.handle(ev.ToolUseReady(request=1, use=use)))

    ends: list[ev.Event] = [received(msg.Interrupt()), request_failed(1)]
    end = data.draw(st.sampled_from(ends))
    events = emitted_events(conversation.handle(end))

    assert not any(isinstance(event, out.ToolBatch) for event in events)
    failed = {event.tool_use_id for event in events if isinstance(event, out.ToolFailed)}
    assert failed == (set(given) if isinstance(end, ev.RequestFailed) else set())


def test_those_on_ray_are_given_out_first_and_the_others_when_there_is_room() -> None:
    conversation = conversation_in(State.REQUESTING, config(2))
    uses = uses_of(["here", "look", "here", "look"])

    first = conversation.handle(answered(1, *uses))
    second, third = conversation.handle(tool_results("u3")), conversation.handle(tool_results("u1"))

    assert ids_given(first) == ["u1", "u3"]
    assert (ids_given(second), ids_given(third)) == (["u0"], ["u2"])


@pytest.mark.parametrize("name", ["look", "here"])
def test_a_session_says_how_many_run_at_a_time_whoever_runs_them(name: str) -> None:
    conversation = conversation_in(State.REQUESTING, msgspec.structs.replace(config(4), max_parallel_tools=2))

    first = conversation.handle(answered(1, *uses_of([name] * 4)))
    second = conversation.handle(tool_results("u0", "u1"))

    assert (ids_given(first), ids_given(second)) == (["u0", "u1"], ["u2", "u3"])


@given(
    data=st.data(),
    names=st.lists(st.sampled_from([*NAMES, "ask_user", "unknown"]), min_size=1, max_size=7),
    start=st.sampled_from(ToolStart),
    approve=st.sampled_from([POLICY, Approval.NEVER]),
)
@settings(derandomize=True, max_examples=examples(100, 2_000))
def test_a_session_runs_its_tools_in_order_each_when_all_before_it_have_their_results(
    data: st.DataObject, names: list[str], start: ToolStart, approve: ApprovalPolicy | Approval
) -> None:
    in_order = msgspec.structs.replace(
        config(3, start), max_parallel_tools=1, tools=(*tools(3), ASK_USER), approve=approve
    )
    uses = [ToolUse(id=use.id, name=use.name, input={"question": "Which?"}) for use in uses_of(names)]
    conversation, ended = conversation_in(State.REQUESTING, in_order), list[str]()

    def handle(event: ev.Event) -> None:
        for each in emitted_events(conversation.handle(event)):
            match each:
                case out.ToolBatch(uses=given):
                    [use] = given
                    before = {each.id for each in uses[: int(use.id[1:])]}
                    assert before <= {*ended}, "a tool was given out before its turn"
                case out.ToolCompleted(tool_use_id=use_id) | out.ToolFailed(tool_use_id=use_id):
                    ended.append(use_id)
                case _:
                    pass

    for use in uses:
        handle(ev.ToolUseReady(request=1, use=use))
        if data.draw(st.booleans()) and (given_out := batch_of(conversation.phase).given):
            handle(tool_results(given_out[0].id))
    handle(answered(1, *uses))
    while isinstance(conversation.phase, ToolsOut):
        batch = conversation.phase.batch
        events: list[ev.Event] = [tool_results(use.id) for use in batch.given]
        events += [received(msg.Approve(tool_use_ids=(use.id,))) for use in batch.waiting]
        events += [received(msg.AnswerQuestion(tool_use_id=use.id, text="Oslo")) for use in batch.asked]
        if ids := batch.undecided:
            events.append(ev.ApprovalDecided(tool_use_ids=ids, needing=ids[::2]))
        handle(data.draw(st.sampled_from(events)))

    assert sorted(ended) == [use.id for use in uses]


@pytest.mark.parametrize("name", ["look", "here"])
def test_where_all_run_on_one_side_all_are_given_out_at_once(name: str) -> None:
    conversation = conversation_in(State.REQUESTING, config(2))

    assert ids_given(conversation.handle(answered(1, *uses_of([name] * 7)))) == [f"u{number}" for number in range(7)]


def test_what_is_held_before_the_end_of_the_answer_is_held_after_it() -> None:
    uses = uses_of(["here", "look"])
    conversation = conversation_in(State.REQUESTING, config(1, ToolStart.STREAMING))
    early = [ids_given(conversation.handle(ev.ToolUseReady(request=1, use=use))) for use in uses]

    at_the_end = ids_given(conversation.handle(answered(1, *uses)))
    after_the_first = ids_given(conversation.handle(tool_results("u0")))

    assert (early, at_the_end, after_the_first) == ([["u0"], []], [], ["u1"])


def test_results_of_a_use_that_is_held_are_rejected_and_its_time_has_not_begun() -> None:
    limited = msgspec.structs.replace(config(1), results_timeout_s=60.0)
    conversation = conversation_in(State.REQUESTING, limited)
    conversation.handle(answered(1, *uses_of(["here", "look"])))

    with assert_rejected(conversation, UnknownToolUse):
        conversation.handle(tool_results("u0"))
    with assert_rejected(conversation, UnknownToolUse):
        conversation.handle(received(msg.ToolUpdate(started=("u0",))))
    timed_out = conversation.handle(ev.ToolsTimedOut(timer=batch_of(conversation.phase).timer, approval=False))

    failed = only_one(out.ToolFailed, emitted_events(timed_out))
    assert (failed.tool_use_id, ids_given(timed_out)) == ("u1", ["u0"])


def test_after_the_death_of_a_process_only_those_run_again_that_had_been_given_out() -> None:
    conversation = conversation_in(State.REQUESTING, config(1))
    conversation.handle(answered(1, *uses_of(["look", "look", "here"])))
    conversation = Conversation.restore(conversation.snapshot())

    resumed = only_one(ResumeTools, conversation.handle(ev.Recovered()))

    assert [use.id for use in resumed.batch.uses] == ["u0"]
