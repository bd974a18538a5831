"""Missed events of a reply: its answer is in the history, and a turn that waits for the program is reported."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

import rayconteur as rc
from rayconteur.errors import EventsMissed, SessionClosed
from rayconteur.providers import StopReason
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.usage import Count
from rayconteur.runtime import QuestionAsked, SessionStatus, State, StepCompleted
from rayconteur.runtime.driver.answers.final_answer import AnswerParts
from rayconteur.runtime.driver.answers.missed_events import complete_parts, require_all_asked
from rayconteur.runtime.session.pages import HistorySelection

MISSED = rc.Missed(first=3, last=6, seq=6)
USES = tuple(rc.ToolUse(id=each, name="look", input={}) for each in "ab")
STATUS = SessionStatus(
    id="raven",
    state=State.TOOLS_OUT,
    provider="scripted",
    model="scripted",
    created_at=0.0,
    turns=2,
    turn=2,
    messages=4,
    waiting=0,
    open_tool_use_ids=("a", "b"),
    requests=2,
    usage=rc.Usage(),
    context_tokens=Count(),
    context_limit_tokens=1_000,
    last_seq=9,
)
STEP = StepCompleted(
    turn=2, number=1, text="I look.", uses=USES, results=(), stop_reason=StopReason.TOOL_USE, usage=rc.Usage()
)


def said(turn: int, *content: rc.Text | rc.ToolUse | rc.Thinking) -> Message:
    return Message(role=Role.ASSISTANT, content=content, turn=turn)


HISTORY = (
    said(1, rc.Text("earlier")),
    Message(role=Role.USER, content=(rc.Text("look"),), turn=2),
    said(2, rc.Text("I look."), *USES),
    said(2, rc.Thinking("Hm.", "scripted"), rc.Text("two "), rc.Text("ravens")),
    said(3, rc.Text("later")),
)


class Session:
    """A session whose status and history are what the test says; without a status it has ended."""

    def __init__(self, status: SessionStatus | None = STATUS, history: Sequence[Message] = HISTORY) -> None:
        self._status, self._history = status, history

    async def status(self) -> SessionStatus:
        if self._status is None:
            raise SessionClosed("it has ended")
        return self._status

    async def history(self, full: bool, selection: HistorySelection) -> Sequence[Message]:
        assert full
        await self.status()
        return selection.of(self._history)


def parts_of(*events: rc.FromLLM) -> AnswerParts:
    parts = AnswerParts()
    for event in events:
        parts.add(event)
    return parts


def test_text_and_thinking_of_the_last_answer_are_those_in_the_history() -> None:
    parts = parts_of(rc.TurnStarted(turn=2), STEP, rc.TextChunk(turn=2, text="two "))

    asyncio.run(complete_parts(parts, Session(), 2, MISSED))

    completed = rc.Completed(
        turn=2, stop_reason=StopReason.END_TURN, raw_stop_reason=None, usage=rc.Usage(), requests=2
    )
    answer = parts.answer(completed)
    assert (answer.text, answer.thinking, len(answer.steps)) == ("two ravens", "Hm.", 2)


@pytest.mark.parametrize(
    ("session", "steps"),
    [
        (Session(), ()),
        (Session(history=HISTORY[:2]), ()),
        (Session(history=HISTORY[3:]), (STEP,)),
        (Session(None), (STEP,)),
    ],
    ids=["an unknown step", "no answer", "an answer less than steps", "the session has ended"],
)
def test_an_answer_that_the_history_does_not_have_whole_was_missed(
    session: Session, steps: tuple[StepCompleted, ...]
) -> None:
    with pytest.raises(EventsMissed, match="3 to 6"):
        asyncio.run(complete_parts(parts_of(*steps), session, 2, MISSED))


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({}, (rc.ToolBatch(turn=2, uses=USES),)),
        (
            {"awaiting_answer": ("b",)},
            (rc.ToolBatch(turn=2, uses=USES[:1]), QuestionAsked(turn=2, tool_use_id="b", question="Which?")),
        ),
        ({"awaiting_approval": ("a", "b")}, ()),
        ({"turn": 3}, ()),
    ],
    ids=["tools", "a question", "approval", "another turn"],
)
def test_a_turn_that_waits_for_what_the_program_knows_goes_on(
    changes: dict[str, object], seen: tuple[rc.FromLLM, ...]
) -> None:
    session = Session(msgspec.structs.replace(STATUS, **changes))

    asyncio.run(require_all_asked(parts_of(*seen), session, 2, MISSED))


@pytest.mark.parametrize(
    "changes", [{}, {"open_tool_use_ids": (), "awaiting_answer": ("b",)}], ids=["tools", "a question"]
)
def test_a_turn_that_waits_for_what_the_program_has_missed_is_reported(changes: dict[str, object]) -> None:
    session = Session(msgspec.structs.replace(STATUS, **changes))

    with pytest.raises(EventsMissed, match="3 to 6"):
        asyncio.run(require_all_asked(parts_of(rc.ToolBatch(turn=2, uses=USES[:1])), session, 2, MISSED))
