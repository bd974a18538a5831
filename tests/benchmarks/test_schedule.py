"""The open-loop schedule."""

from itertools import chain, pairwise
from statistics import fmean

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.benchmarks.load.schedule import Plan, due_times

times = st.floats(0, 1_000)
plans = st.builds(
    Plan,
    sessions=st.integers(1, 20),
    turns=st.integers(1, 8),
    arrive_s=times,
    answer_s=times,
    think_s=times,
    seed=st.integers(),
    arrivals=st.sampled_from(["random", "even"]),
)
MANY = Plan(sessions=2_000, turns=11, arrive_s=100.0, answer_s=4.0, think_s=6.0)


@given(plans)
def test_every_session_asks_all_its_turns_in_order_and_arrives_in_time(plan: Plan) -> None:
    due = due_times(plan)

    assert [len(session) for session in due] == [plan.turns] * plan.sessions
    assert all(0 <= session[0] <= plan.arrive_s for session in due)
    assert [session[0] for session in due] == sorted(session[0] for session in due)


@given(plans)
def test_nobody_asks_before_an_answer_can_be_there(plan: Plan) -> None:
    for session in due_times(plan):
        assert all(later - earlier >= plan.answer_s * (1 - 1e-9) - 1e-9 for earlier, later in pairwise(session))


@given(plans)
def test_a_plan_gives_the_same_times_again(plan: Plan) -> None:
    assert due_times(plan) == due_times(plan)


@given(plans)
def test_more_turns_only_follow(plan: Plan) -> None:
    longer = due_times(msgspec.structs.replace(plan, turns=plan.turns + 3))

    assert [session[: plan.turns] for session in longer] == due_times(plan)


def test_another_seed_gives_other_times() -> None:
    assert due_times(MANY) != due_times(msgspec.structs.replace(MANY, seed=1))


def test_sessions_have_times_of_their_own() -> None:
    plan = msgspec.structs.replace(MANY, arrive_s=0.0)

    assert len({tuple(session) for session in due_times(plan)}) == plan.sessions


def test_thinking_takes_its_mean_and_is_spread_as_promised() -> None:
    due = due_times(MANY)

    thought = [later - earlier - MANY.answer_s for session in due for earlier, later in pairwise(session)]
    assert (
        abs(fmean(thought) / MANY.think_s - 1) < 0.03
    )  # 20,000 of a distribution as wide as its mean: 4 standard errors
    assert abs(fmean(time > MANY.think_s for time in thought) - 0.368) < 0.02  # 1/e of an exponential's are above it


def test_random_arrivals_come_at_an_even_rate_with_gaps_of_all_lengths() -> None:
    arrivals = [session[0] for session in due_times(MANY)]

    first_half = sum(arrival < MANY.arrive_s / 2 for arrival in arrivals)
    assert abs(first_half - 1_000) < 90  # 4 standard deviations
    mean_gap = MANY.arrive_s / MANY.sessions
    assert abs(fmean(later - earlier > mean_gap for earlier, later in pairwise(arrivals)) - 0.368) < 0.05


def test_even_arrivals_come_one_every_so_often() -> None:
    plan = Plan(sessions=4, turns=1, arrive_s=2.0, answer_s=1.0, think_s=1.0, arrivals="even")

    assert list(chain(*due_times(plan))) == [0.0, 0.5, 1.0, 1.5]
