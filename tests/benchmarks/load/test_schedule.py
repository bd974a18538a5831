"""The open-loop schedule."""

from itertools import chain, pairwise
from statistics import fmean

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.benchmarks.load.schedule import OpenLoop, due_times

times = st.floats(0, 1_000)
loads = st.builds(
    OpenLoop,
    sessions=st.integers(1, 20),
    turns=st.integers(1, 8),
    arrive_s=times,
    answer_s=times,
    think_s=times,
    seed=st.integers(),
    arrivals=st.sampled_from(["random", "even"]),
)
MANY = OpenLoop(sessions=2_000, turns=11, arrive_s=100.0, answer_s=4.0, think_s=6.0)


@given(loads)
def test_every_session_has_all_its_turns_in_order_and_arrives_in_time(load: OpenLoop) -> None:
    due = due_times(load)

    assert [len(session) for session in due] == [load.turns] * load.sessions
    assert all(0 <= session[0] <= load.arrive_s for session in due)
    assert [session[0] for session in due] == sorted(session[0] for session in due)


@given(loads)
def test_a_question_is_due_only_after_the_answer_before_it(load: OpenLoop) -> None:
    for session in due_times(load):
        assert all(later - earlier >= load.answer_s * (1 - 1e-9) - 1e-9 for earlier, later in pairwise(session))


@given(loads)
def test_a_schedule_is_reproducible(load: OpenLoop) -> None:
    assert due_times(load) == due_times(load)


@given(loads)
def test_more_turns_only_append_times(load: OpenLoop) -> None:
    longer = due_times(msgspec.structs.replace(load, turns=load.turns + 3))

    assert [session[: load.turns] for session in longer] == due_times(load)


def test_another_seed_gives_other_times() -> None:
    assert due_times(MANY) != due_times(msgspec.structs.replace(MANY, seed=1))


def test_each_session_has_different_times() -> None:
    load = msgspec.structs.replace(MANY, arrive_s=0.0)

    assert len({tuple(session) for session in due_times(load)}) == load.sessions


def test_thinking_times_are_exponentially_distributed() -> None:
    due = due_times(MANY)

    thinking_s = [later - earlier - MANY.answer_s for session in due for earlier, later in pairwise(session)]
    assert (
        abs(fmean(thinking_s) / MANY.think_s - 1) < 0.03
    )  # 20,000 of a distribution as wide as its mean: 4 standard errors
    assert abs(fmean(time > MANY.think_s for time in thinking_s) - 0.368) < 0.02  # 1/e of an exponential's are above it


def test_random_arrivals_have_a_constant_rate_and_exponential_gaps() -> None:
    arrivals = [session[0] for session in due_times(MANY)]

    first_half = sum(arrival < MANY.arrive_s / 2 for arrival in arrivals)
    assert abs(first_half - 1_000) < 90  # 4 standard deviations
    mean_gap = MANY.arrive_s / MANY.sessions
    assert abs(fmean(later - earlier > mean_gap for earlier, later in pairwise(arrivals)) - 0.368) < 0.05


def test_even_arrivals_are_equally_far_apart() -> None:
    load = OpenLoop(sessions=4, turns=1, arrive_s=2.0, answer_s=1.0, think_s=1.0, arrivals="even")

    assert list(chain(*due_times(load))) == [0.0, 0.5, 1.0, 1.5]
