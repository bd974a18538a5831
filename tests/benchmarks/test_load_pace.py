"""What a load server's pace promises, and the wheel that keeps it."""

import argparse
import asyncio
import socket
import time
from random import Random
from statistics import fmean, pstdev

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayconteur.benchmarks.load.answer import Answer, Course
from rayconteur.benchmarks.load.answers import ANTHROPIC, APIS, MOST_AT_ONCE, Api, parts
from rayconteur.benchmarks.load.pace import Pace, add_flags
from rayconteur.benchmarks.load.pipe import Pipe
from rayconteur.benchmarks.load.request_plan import Fate, draw, gaps_s
from rayconteur.benchmarks.load.timer_wheel import Wheel

third = st.floats(0, 1 / 3)
paces = st.builds(
    Pace,
    tokens_per_s=st.none() | st.floats(1, 1_000),
    gap_spread=st.floats(0.1, 2),
    first_token_s=st.floats(0, 10),
    tokens=st.none() | st.integers(1, 1_000),
    tool_share=st.floats(0, 1),
    overloaded_share=third,
    limited_share=third,
    cut_share=third,
    seed=st.integers(-(2**63), 2**63),
)
MANY = 4_000


@settings(max_examples=25)
@given(paces)
def test_a_pace_is_the_same_on_a_command_line(pace: Pace) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)

    assert Pace.read(parser.parse_args(pace.words())) == pace


def test_no_more_can_go_wrong_than_there_is() -> None:
    with pytest.raises(ValueError, match="more answers"):
        Pace(overloaded_share=0.5, cut_share=0.6)


@settings(max_examples=25)
@given(paces, st.integers(0, 10_000))
def test_a_request_meets_the_same_lot_again(pace: Pace, number: int) -> None:
    assert draw(pace, number) == draw(msgspec.structs.replace(pace), number)


@settings(max_examples=25)
@given(paces, st.integers(0, 10_000))
def test_what_is_left_to_chance_does_not_depend_on_what_else_is(pace: Pace, number: int) -> None:
    calm = msgspec.structs.replace(pace, overloaded_share=0.0, limited_share=0.0, cut_share=0.0, first_token_spread=0.5)

    assert draw(calm, number).calls_tool == draw(pace, number).calls_tool
    assert draw(calm, number).deltas == draw(pace, number).deltas
    assert draw(calm, number).fate is Fate.WHOLE


def test_the_shares_are_as_promised() -> None:
    pace = Pace(overloaded_share=0.1, limited_share=0.2, cut_share=0.3, tool_share=0.4)

    lots = [draw(pace, number) for number in range(MANY)]

    found = {fate: fmean(lot.fate is fate for lot in lots) for fate in Fate}
    assert found == pytest.approx({Fate.OVERLOADED: 0.1, Fate.LIMITED: 0.2, Fate.CUT: 0.3, Fate.WHOLE: 0.4}, abs=0.03)
    assert fmean(lot.calls_tool for lot in lots) == pytest.approx(0.4, abs=0.03)


def test_what_is_spread_keeps_its_mean_and_has_its_spread() -> None:
    pace = Pace(first_token_s=2.0, first_token_spread=0.5, tokens=300, tokens_spread=0.5)

    lots = [draw(pace, number) for number in range(MANY)]

    assert fmean(lot.first_s for lot in lots) == pytest.approx(2.0, rel=0.05)
    assert pstdev([lot.first_s for lot in lots]) == pytest.approx(1.0, rel=0.1)
    assert fmean(lot.deltas or 0 for lot in lots) == pytest.approx(300, rel=0.05)
    assert pstdev([lot.deltas or 0 for lot in lots]) == pytest.approx(150, rel=0.1)


def test_gaps_keep_exactly_their_mean_and_have_their_spread() -> None:
    gaps = gaps_s(Pace(tokens_per_s=50, gap_spread=0.7))

    assert fmean(gaps) == pytest.approx(0.02, rel=1e-9)
    assert pstdev(gaps) == pytest.approx(0.014, rel=0.1)
    assert min(gaps) >= 0


@settings(max_examples=25)
@given(st.sampled_from(APIS), st.integers(0, 5_000), st.integers(0, MOST_AT_ONCE))
def test_a_run_of_deltas_is_those_deltas(api: Api, begin: int, number: int) -> None:
    ring = parts(api).ring

    assert ring.run(begin, begin + number) == b"".join(ring.run(at, at + 1) for at in range(begin, begin + number))


class Calls:
    """Wants to be called at some moments, and again and again, and notes when it was."""

    def __init__(self, wheel: Wheel, awaited: int) -> None:
        self._wheel = wheel
        self._awaited = awaited
        self.made: list[tuple[float, float]] = []
        self.all_made = asyncio.Event()

    def at(self, moment: float, again_s: float = 0.0, times: int = 1) -> None:
        """Be called at *moment*, and so many *times* in all, *again_s* apart."""
        moments = iter([moment + number * again_s for number in range(1, times)])

        def due(now: float) -> float | None:
            nonlocal moment
            self.made.append((moment, now))
            if len(self.made) == self._awaited:
                self.all_made.set()
            moment = next(moments, 0.0)
            return moment or None

        self._wheel.add(due, moment)


def test_the_wheel_is_never_early_and_forgets_nobody() -> None:
    async def turn() -> None:
        wheel = Wheel()
        calls = Calls(wheel, 500)
        chance, begun_at = Random(0), time.monotonic()
        moments = [begun_at + chance.uniform(-0.01, 0.05) for _ in range(500)]

        for moment in moments:
            calls.at(moment)
        await asyncio.wait_for(calls.all_made.wait(), 5)

        assert sorted(moment for moment, _ in calls.made) == sorted(moments)
        assert all(now >= moment for moment, now in calls.made)
        assert len(wheel) == 0

    asyncio.run(turn())


def test_who_is_called_again_and_again_is_never_early_and_does_not_fall_behind() -> None:
    async def turn() -> None:
        calls = Calls(Wheel(), 400)
        begun_at = time.monotonic()

        calls.at(begun_at, again_s=0.0005, times=400)
        await asyncio.wait_for(calls.all_made.wait(), 5)

        assert all(now >= moment for moment, now in calls.made)
        assert min(now - moment for moment, now in calls.made[-100:]) < 0.01  # what drifts is 0.2 s late by now

    asyncio.run(turn())


def test_an_answer_that_nobody_listens_to_leaves_the_wheel() -> None:
    async def turn() -> None:
        wheel = Wheel()
        ours, theirs = socket.socketpair()
        _, writer = await asyncio.open_connection(sock=ours)
        course = Course(parts=parts(ANTHROPIC), deltas=10**9, first_s=0.0, gaps_s=(0.001,), gap=0)
        answer = Answer(Pipe(writer.transport), wheel, course, lambda: None)
        calls = Calls(wheel, 1)

        answer.end()
        calls.at(time.monotonic() + 0.005)
        await asyncio.wait_for(calls.all_made.wait(), 5)

        assert len(wheel) == 0
        writer.close()
        theirs.close()

    asyncio.run(turn())
