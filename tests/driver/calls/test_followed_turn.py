"""The turn that a reply reads: its own, or the one that its message has entered."""

import asyncio

import msgspec
import pytest

import rayconteur as rc
from rayconteur.errors import EventsMissed
from rayconteur.providers import StopReason
from rayconteur.providers.schema.usage import Count, Usage
from rayconteur.runtime import QuestionAsked, SessionStatus, State, Steered
from rayconteur.runtime.driver.calls.followed_turn import FollowedTurn

IDLE = SessionStatus(
    id="raven",
    state=State.IDLE,
    provider="scripted",
    model="scripted",
    created_at=0.0,
    turns=3,
    turn=None,
    messages=4,
    waiting=0,
    open_tool_use_ids=(),
    requests=2,
    usage=Usage(),
    context_tokens=Count(),
    context_limit_tokens=1_000,
    last_seq=9,
)
ENDED = rc.Completed(turn=1, seq=9, stop_reason=StopReason.END_TURN, raw_stop_reason=None, usage=Usage(), requests=2)


class Session:
    """A session whose status is what the test says."""

    def __init__(self, status: SessionStatus) -> None:
        self.now = status

    async def status(self) -> SessionStatus:
        return self.now


def test_it_is_the_turn_that_the_message_enters_and_no_other() -> None:
    turn = FollowedTurn(Session(IDLE), 3)

    assert not turn.enters(Steered(turn=1, number=2))
    assert turn.enters(Steered(turn=1, number=3))
    assert (turn.number, turn.entered) == (1, True)


def test_if_the_entry_was_missed_the_wait_ends_with_the_turn_that_ran() -> None:
    async def main() -> None:
        session = Session(msgspec.structs.replace(IDLE, state=State.REQUESTING, turn=1, last_seq=7))
        turn = FollowedTurn(session, 3)
        await turn.require_end(rc.Missed(first=5, last=6, seq=6))
        await turn.require_end(rc.TextChunk(turn=1, seq=8, text="well"))
        session.now = IDLE
        with pytest.raises(EventsMissed, match="the end of turn 3"):
            await turn.require_end(ENDED)

    asyncio.run(main())


def test_a_turn_that_is_still_queued_is_waited_for() -> None:
    async def main() -> None:
        session = Session(msgspec.structs.replace(IDLE, state=State.REQUESTING, turn=1, waiting=1, last_seq=9))
        turn = FollowedTurn(session, 3)
        await turn.require_end(rc.Missed(first=5, last=6, seq=6))
        await turn.require_end(ENDED)

    asyncio.run(main())


def test_of_a_turn_that_is_read_again_only_what_still_waits_concerns_the_program() -> None:
    uses = tuple(rc.ToolUse(id=each, name="look", input={}) for each in "abcd")
    batch = rc.ToolBatch(turn=1, uses=uses, on_ray=("d",))
    asked = [QuestionAsked(turn=1, tool_use_id=each, question="Which?") for each in "ef"]
    status = msgspec.structs.replace(
        IDLE, open_tool_use_ids=("b", "c", "d"), awaiting_approval=("c",), awaiting_answer=("e",)
    )

    async def main() -> None:
        again = FollowedTurn(Session(status), 1, is_repeated=True)
        first = FollowedTurn(Session(status), 1)

        assert await again.concern(batch) == msgspec.structs.replace(batch, uses=uses[1:2])
        assert await first.concern(batch) == msgspec.structs.replace(batch, uses=uses[:3])
        assert [await again.concern(each) for each in asked] == [asked[0], None]
        assert [await first.concern(each) for each in asked] == asked

    asyncio.run(main())


def test_nothing_of_a_turn_that_the_message_entered_concerns_the_program() -> None:
    turn = FollowedTurn(Session(IDLE), 3)
    turn.enters(Steered(turn=1, number=3))

    assert asyncio.run(turn.concern(rc.ToolBatch(turn=1, uses=()))) is None
