"""Trials in turn, and the rows and curves made from them."""

import asyncio
import math
from collections.abc import Iterable

import pytest

from rayconteur.benchmarks.comparison import end_to_end_rows
from rayconteur.benchmarks.comparison.cluster_contestant import divide_workload, merge_trials
from rayconteur.benchmarks.comparison.trials import Trials, curves_by_sessions, rate_row, run_in_turn, select_peers
from rayconteur.benchmarks.comparison.workloads import Paced, Percentiles, Saturate, Trial, Workload
from rayconteur.benchmarks.gate import LIMITS, GateLimit
from rayconteur.benchmarks.programs import end_to_end
from rayconteur.benchmarks.report.findings import Chart, Distribution
from rayconteur.benchmarks.report.rows import Row, Sample, Target


def trial(tokens: float, cpu_s: float | None = 1.0) -> Trial:
    return Trial(sessions=1, duration_s=2.0, tokens=tokens, pieces=1, answers=1, cpu_s=cpu_s)


class RecordingContestant:
    """Appends its name to *calls* for each workload, and delivers as many tokens as there are sessions."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self.name = name
        self._calls = calls

    async def run(self, workload: Workload, last: bool = False) -> Trial:
        self._calls.append(f"{self.name} for the last time" if last else self.name)
        return trial(workload.sessions)


def test_contestants_run_in_turn_and_slow_ones_in_fewer_rounds() -> None:
    calls: list[str] = []
    quick, slow = RecordingContestant("quick", calls), RecordingContestant("slow", calls)

    trials = asyncio.run(run_in_turn({quick: 3, slow: 1}, lambda name: Paced(len(name), 0, 0)))

    assert calls == ["quick", "slow", "quick", "quick"]
    assert [len(trials[name].trials) for name in ("quick", "slow")] == [3, 1]
    assert trials["slow"].per_s.median == len("slow") / 2


def test_a_leaving_contestant_knows_its_last_round() -> None:
    calls: list[str] = []
    stays, leaves = RecordingContestant("stays", calls), RecordingContestant("leaves", calls)

    asyncio.run(run_in_turn({stays: 1, leaves: 2}, lambda _: Paced(1, 0, 0), leaving={"leaves"}))

    assert calls == ["stays", "leaves", "leaves for the last time"]


def test_a_peer_with_fewer_rounds_is_compared_with_ours_of_the_same_rounds() -> None:
    row = rate_row("it", "tokens/s", Sample.of([10.0, 50.0])).beside("peer", Sample.of([5.0]))

    assert row.figure.values == (2.0,)
    assert row.ours.values == (10.0,)


def test_cost_is_reported_only_if_all_processes_are_known() -> None:
    known, unknown = Trials((trial(100),)), Trials((trial(100), trial(100, None)))
    chart = Chart("c", "x", "y")

    rows = end_to_end_rows.saturated(1_000, 1_000, {"packed": unknown, "bare": unknown})

    assert known.per_cpu_s
    assert known.per_cpu_s.median == 100
    assert unknown.per_cpu_s is None
    assert list(curves_by_sessions(chart, {1: {"a": unknown}}, lambda trials: trials.per_cpu_s)) == []
    assert [row.unit for row in rows] == ["tokens/s"]


def test_a_curve_has_a_point_for_each_size_that_the_contestant_took_part_in() -> None:
    both, one = {"a": Trials((trial(2),)), "b": Trials((trial(4),))}, {"a": Trials((trial(6),))}

    curves = list(curves_by_sessions(Chart("c", "x", "y"), {1: both, 10: one}, lambda trials: trials.per_s))

    assert [(curve.side, curve.x) for curve in curves] == [("a", (1.0, 10.0)), ("b", (1.0,))]
    assert [sample.median for sample in curves[0].y] == [1.0, 3.0]


def targets(rows: Iterable[Row]) -> dict[str, float | None]:
    """The target of each comparison of tokens per CPU second, by peer."""
    costs = [row for row in rows if row.unit == "tokens per CPU second"]
    return {row.peer: row.target.value if row.target else None for row in costs}


ALL_TEN = {name: Trials((trial(10),)) for name in ("packed", "bare", "sdk", "sdk-aiohttp")}


@pytest.mark.parametrize(("sessions", "of_the_limit", "of_peers"), [(1_000, 0.75, 1), (999, 0.4, None), (1, 0.4, None)])
def test_saturated_sessions_have_a_target_by_their_number_and_peers_from_a_thousand_on(
    sessions: int, of_the_limit: float, of_peers: float | None
) -> None:
    rows = end_to_end_rows.saturated(1_000, sessions, ALL_TEN)

    assert targets(rows) == {"bare": of_the_limit, "sdk": of_peers, "sdk-aiohttp": of_peers}


def test_short_answers_have_no_target_beside_the_limit() -> None:
    assert targets(end_to_end_rows.saturated(200, 5_000, ALL_TEN))["bare"] is None


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        (1_000, {"bare": 0.9, "sdk": 1, "sdk-aiohttp": 1}),
        (100, {"bare": 0.5, "sdk": None, "sdk-aiohttp": 1}),
        (99, {"bare": None, "sdk": None, "sdk-aiohttp": None}),
    ],
)
def test_paced_sessions_have_targets_by_their_number(sessions: int, expected: dict[str, float | None]) -> None:
    assert targets(end_to_end_rows.paced(sessions, ALL_TEN)) == expected


def test_only_wanted_peers_take_part() -> None:
    assert select_peers(("a", "b"), ()) == ("a", "b")
    assert select_peers(("a", "b"), ("b", "c")) == ("b",)


@pytest.mark.parametrize(("sessions", "shares"), [(7, [3, 2, 2]), (2, [1, 1]), (3, [1, 1, 1])])
def test_the_sessions_of_a_workload_are_divided_among_the_nodes(sessions: int, shares: list[int]) -> None:
    assert [workload.sessions for workload in divide_workload(Saturate(sessions, 1, 1.0), 3)] == shares


def test_the_trials_of_nodes_add_up_and_last_as_long_as_the_longest() -> None:
    merged = merge_trials([trial(10), trial(30)])

    assert (merged.tokens, merged.sessions, merged.duration_s, merged.cpu_s) == (40, 2, 2.0, None)
    assert math.isnan(merged.tokens_per_cpu_s)


def test_a_load_is_offered_by_as_many_sessions_as_it_takes() -> None:
    sessions = end_to_end.sessions_offering(10_000)

    assert sessions * end_to_end.OFFERED_PER_SESSION == pytest.approx(10_000, rel=0.01)
    assert end_to_end.open_loop(sessions, 2).sessions == sessions
    assert end_to_end.sessions_offering(0) == 1


def timed(**times: Percentiles) -> Trial:
    return Trial(sessions=1, duration_s=1, tokens=1, pieces=1, answers=1, cpu_s=1, **times)


def test_latency_is_reported_beyond_that_of_the_limit_round_by_round() -> None:
    trials = {"packed": Trials((timed(**SLOW), timed(**FAST))), "bare": Trials((timed(**FAST), timed(**FAST)))}

    findings = list(end_to_end_rows.latency("rest", trials, judged=True))

    rows = [each for each in findings if isinstance(each, Row)]
    assert [(row.what, row.target and row.target.value) for row in rows] == [
        ("p50 of first token, packed, at rest", 5),
        ("p99 of first token, packed, at rest", None),
        ("p50 of gap between tokens, packed, at rest", None),
        ("p99 of gap between tokens, packed, at rest", 15),
    ]
    assert [row.figure.values for row in rows] == [pytest.approx((ms, 0)) for ms in (200, 500, 10, 20)]
    assert sum(isinstance(each, Distribution) for each in findings) == 4


def test_latency_at_other_loads_and_of_peers_has_no_target() -> None:
    trials = {name: Trials((timed(**FAST),)) for name in ("packed", "sdk", "bare")}

    judged, reported = (list(end_to_end_rows.latency("rest", trials, judged)) for judged in (True, False))

    held = [row for row in judged if isinstance(row, Row) and row.target]
    assert ["packed" in row.what for row in held] == [True, True]
    assert [row for row in reported if isinstance(row, Row) and row.target] == []


SLOW: dict[str, Percentiles] = {
    "first_s": ((50.0, 0.5), (75.0, 0.6), (99.0, 0.9)),
    "gap_s": ((50.0, 0.03), (99.0, 0.05)),
}
FAST: dict[str, Percentiles] = {
    "first_s": ((50.0, 0.3), (75.0, 0.3), (99.0, 0.4)),
    "gap_s": ((50.0, 0.02), (99.0, 0.03)),
}


def test_a_figure_past_its_limit_fails_the_gate_and_names_the_place_to_look_at() -> None:
    limit = GateLimit("a delta", Target("under", 2.0), "the decoder")

    assert limit.verdict(1.9).startswith("ok ")
    assert limit.verdict(2.1) == "FAIL  a delta: 2.1 (under 2)\n      look at the decoder"


def test_every_limit_of_the_gate_names_the_benchmark_that_measures_it_again() -> None:
    assert [limit.look_at for limit in LIMITS.values() if "rayconteur bench --only" not in limit.look_at] == []
