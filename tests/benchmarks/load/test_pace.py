"""The pace of a load server: request plans, gaps, and the timer wheel."""

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

from rayconteur.benchmarks.load.answer import Answer, AnswerSchedule
from rayconteur.benchmarks.load.answers import ANTHROPIC, APIS, MAX_EVENTS_PER_WRITE, Api, text_parts
from rayconteur.benchmarks.load.pace import Pace, add_pace_arguments
from rayconteur.benchmarks.load.pipe import Pipe
from rayconteur.benchmarks.load.request_plan import Outcome, gaps_s, plan_request
from rayconteur.benchmarks.load.timer_wheel import TimerWheel

third = st.floats(0, 1 / 3)
paces = st.builds(
    Pace,
    tokens_per_s=st.none() | st.floats(1, 1_000),
    gap_spread=st.floats(0.1, 2),
    first_token_s=st.floats(0, 10),
    tokens=st.none() | st.integers(1, 1_000),
    tool_share=st.floats(0, 1),
    tool_steps=st.integers(1, 100),
    overloaded_share=third,
    limited_share=third,
    cut_share=third,
    seed=st.integers(-(2**63), 2**63),
)
MANY = 4_000


@settings(max_examples=25)
@given(paces)
def test_a_pace_survives_its_command_line_arguments(pace: Pace) -> None:
    parser = argparse.ArgumentParser()
    add_pace_arguments(parser)

    assert Pace.from_arguments(parser.parse_args(pace.arguments())) == pace


def test_shares_that_add_up_to_more_than_all_requests_are_rejected() -> None:
    with pytest.raises(ValueError, match="more than 1"):
        Pace(overloaded_share=0.5, cut_share=0.6)


@settings(max_examples=25)
@given(paces, st.integers(0, 10_000))
def test_the_plan_of_a_request_is_reproducible(pace: Pace, number: int) -> None:
    assert plan_request(pace, number) == plan_request(msgspec.structs.replace(pace), number)


@settings(max_examples=25)
@given(paces, st.integers(0, 10_000))
def test_the_parts_of_a_request_plan_are_drawn_independently(pace: Pace, number: int) -> None:
    calm = msgspec.structs.replace(pace, overloaded_share=0.0, limited_share=0.0, cut_share=0.0, first_token_spread=0.5)

    assert plan_request(calm, number).calls_tool == plan_request(pace, number).calls_tool
    assert plan_request(calm, number).deltas == plan_request(pace, number).deltas
    assert plan_request(calm, number).outcome is Outcome.WHOLE


def test_outcomes_and_tool_calls_have_their_shares() -> None:
    pace = Pace(overloaded_share=0.1, limited_share=0.2, cut_share=0.3, tool_share=0.4)

    plans = [plan_request(pace, number) for number in range(MANY)]

    shares = {outcome: fmean(plan.outcome is outcome for plan in plans) for outcome in Outcome}
    assert shares == pytest.approx(
        {Outcome.OVERLOADED: 0.1, Outcome.LIMITED: 0.2, Outcome.CUT: 0.3, Outcome.WHOLE: 0.4}, abs=0.03
    )
    assert fmean(plan.calls_tool for plan in plans) == pytest.approx(0.4, abs=0.03)


def test_spread_values_keep_their_mean_and_have_their_spread() -> None:
    pace = Pace(first_token_s=2.0, first_token_spread=0.5, tokens=300, tokens_spread=0.5)

    plans = [plan_request(pace, number) for number in range(MANY)]

    assert fmean(plan.first_s for plan in plans) == pytest.approx(2.0, rel=0.05)
    assert pstdev([plan.first_s for plan in plans]) == pytest.approx(1.0, rel=0.1)
    assert fmean(plan.deltas or 0 for plan in plans) == pytest.approx(300, rel=0.05)
    assert pstdev([plan.deltas or 0 for plan in plans]) == pytest.approx(150, rel=0.1)


def test_gaps_keep_their_mean_exactly_and_have_their_spread() -> None:
    gaps = gaps_s(Pace(tokens_per_s=50, gap_spread=0.7))

    assert fmean(gaps) == pytest.approx(0.02, rel=1e-9)
    assert pstdev(gaps) == pytest.approx(0.014, rel=0.1)
    assert min(gaps) >= 0


@settings(max_examples=25)
@given(st.sampled_from(APIS), st.integers(0, 5_000), st.integers(0, MAX_EVENTS_PER_WRITE))
def test_a_run_of_deltas_is_their_concatenation(api: Api, begin: int, number: int) -> None:
    ring = text_parts(api).ring

    assert ring.run(begin, begin + number) == b"".join(ring.run(at, at + 1) for at in range(begin, begin + number))


class RecordedCallbacks:
    """Callbacks in a wheel; records when each was due and when it was called."""

    def __init__(self, wheel: TimerWheel, expected: int) -> None:
        self._wheel = wheel
        self._expected = expected
        self.calls: list[tuple[float, float]] = []
        self.all_called = asyncio.Event()

    def add(self, moment: float, again_s: float = 0.0, times: int = 1) -> None:
        """Add a callback at *moment* that repeats *times* times in all, *again_s* apart."""
        moments = iter([moment + number * again_s for number in range(1, times)])

        def due(now: float) -> float | None:
            nonlocal moment
            self.calls.append((moment, now))
            if len(self.calls) == self._expected:
                self.all_called.set()
            moment = next(moments, 0.0)
            return moment or None

        self._wheel.add(due, moment)


def test_the_wheel_calls_everyone_and_never_early() -> None:
    async def run_wheel() -> None:
        wheel = TimerWheel()
        callbacks = RecordedCallbacks(wheel, 500)
        random, started_at = Random(0), time.monotonic()
        moments = [started_at + random.uniform(-0.01, 0.05) for _ in range(500)]

        for moment in moments:
            callbacks.add(moment)
        await asyncio.wait_for(callbacks.all_called.wait(), 5)

        assert sorted(moment for moment, _ in callbacks.calls) == sorted(moments)
        assert all(now >= moment for moment, now in callbacks.calls)
        assert len(wheel) == 0

    asyncio.run(run_wheel())


def test_a_repeated_callback_is_never_early_and_does_not_drift() -> None:
    async def run_wheel() -> None:
        callbacks = RecordedCallbacks(TimerWheel(), 400)
        started_at = time.monotonic()

        callbacks.add(started_at, again_s=0.0005, times=400)
        await asyncio.wait_for(callbacks.all_called.wait(), 5)

        assert all(now >= moment for moment, now in callbacks.calls)
        assert min(now - moment for moment, now in callbacks.calls[-100:]) < 0.01  # drift would add 0.2 s

    asyncio.run(run_wheel())


def test_an_aborted_answer_leaves_the_wheel() -> None:
    async def abort_answer() -> None:
        wheel = TimerWheel()
        ours, theirs = socket.socketpair()
        _, writer = await asyncio.open_connection(sock=ours)
        schedule = AnswerSchedule(parts=text_parts(ANTHROPIC), deltas=10**9, first_s=0.0, gaps_s=(0.001,), gap=0)
        answer = Answer(Pipe(writer.transport), wheel, schedule, lambda: None)
        callbacks = RecordedCallbacks(wheel, 1)

        answer.abort()
        callbacks.add(time.monotonic() + 0.005)
        await asyncio.wait_for(callbacks.all_called.wait(), 5)

        assert len(wheel) == 0
        writer.close()
        theirs.close()

    asyncio.run(abort_answer())
