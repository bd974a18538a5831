"""Contests: who is asked how often, and what the rows and curves make of it."""

import asyncio
import math

import pytest

from rayconteur.benchmarks.comparison.cluster_contestant import shares, together
from rayconteur.benchmarks.comparison.rounds_by_contestant import Trials, alone, beside, chosen, in_turn, lines
from rayconteur.benchmarks.comparison.workloads import Converse, Listen, Saturate, Task, Trial
from rayconteur.benchmarks.gate import FLOORS, Floor
from rayconteur.benchmarks.programs import latency, saturated
from rayconteur.benchmarks.report.findings import Chart, Distribution
from rayconteur.benchmarks.report.rows import Row, Sample, Target


def trial(tokens: float, cpu_s: float | None = 1.0) -> Trial:
    return Trial(sessions=1, for_s=2.0, tokens=tokens, pieces=1, answers=1, cpu_s=cpu_s)


class Noted:
    """A crowd that notes when it is asked, and has so many tokens to show."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name = name
        self._asked = asked

    async def carry_out(self, task: Task, last: bool = False) -> Trial:
        self._asked.append(f"{self.name} for the last time" if last else self.name)
        return trial(task.sessions)


def test_sides_are_asked_in_turn_and_the_slow_ones_less_often() -> None:
    asked: list[str] = []
    quick, slow = Noted("quick", asked), Noted("slow", asked)

    found = asyncio.run(in_turn({quick: 3, slow: 1}, lambda name: Listen(len(name), 0, 0)))

    assert asked == ["quick", "slow", "quick", "quick"]
    assert [len(found[name].trials) for name in ("quick", "slow")] == [3, 1]
    assert found["slow"].per_s.median == len("slow") / 2


def test_who_is_leaving_is_told_in_its_last_round() -> None:
    asked: list[str] = []
    stays, goes = Noted("stays", asked), Noted("goes", asked)

    asyncio.run(in_turn({stays: 1, goes: 2}, lambda _: Listen(1, 0, 0), leaving={"goes"}))

    assert asked == ["stays", "goes", "goes for the last time"]


def test_a_side_with_fewer_rounds_is_compared_with_ours_of_the_same_rounds() -> None:
    row = beside(alone("it", "tokens/s", Sample.of([10.0, 50.0])), "it", Sample.of([5.0]))

    assert row.figure.values == (2.0,)
    assert row.ours.values == (10.0,)


def test_cost_is_told_only_where_all_processes_are_known() -> None:
    known, unknown = Trials((trial(100),)), Trials((trial(100), trial(100, None)))
    chart = Chart("c", "x", "y")

    assert known.per_cpu_s
    assert known.per_cpu_s.median == 100
    assert unknown.per_cpu_s is None
    assert list(lines(chart, {1: {"a": unknown}}, lambda trials: trials.per_cpu_s)) == []
    assert [row.unit for row in saturated.rows(1_000, 1_000, {"packed": unknown, "bare": unknown})] == ["tokens/s"]


def test_a_side_has_a_point_for_each_size_that_it_took_part_in() -> None:
    both, one = {"a": Trials((trial(2),)), "b": Trials((trial(4),))}, {"a": Trials((trial(6),))}

    found = list(lines(Chart("c", "x", "y"), {1: both, 10: one}, lambda trials: trials.per_s))

    assert [(curve.side, curve.x) for curve in found] == [("a", (1.0, 10.0)), ("b", (1.0,))]
    assert [sample.median for sample in found[0].y] == [1.0, 3.0]


@pytest.mark.parametrize(("tokens", "sessions", "held_to"), [(1_000, 1_000, [0.5, 1]), (1_000, 10, [None, None])])
def test_targets_hold_for_a_thousand_sessions(tokens: int, sessions: int, held_to: list[float | None]) -> None:
    found = {name: Trials((trial(10),)) for name in ("packed", "bare", "sdk")}

    rows = [row for row in saturated.rows(tokens, sessions, found) if row.unit == "tokens per CPU second"]

    assert [row.peer for row in rows] == ["bare", "sdk"]
    assert [row.target.value if row.target else None for row in rows] == held_to


def test_only_peers_that_are_wanted_take_part() -> None:
    assert chosen(("a", "b"), ()) == ("a", "b")
    assert chosen(("a", "b"), ("b", "c")) == ("b",)


@pytest.mark.parametrize(("sessions", "parts"), [(7, [3, 2, 2]), (2, [1, 1]), (3, [1, 1, 1])])
def test_each_node_gets_its_share_of_the_sessions(sessions: int, parts: list[int]) -> None:
    assert [task.sessions for task in shares(Saturate(sessions, 1, 1.0), 3)] == parts


def test_what_nodes_heard_is_added_and_took_as_long_as_the_longest() -> None:
    whole = together([trial(10), trial(30)])

    assert (whole.tokens, whole.sessions, whole.for_s, whole.cpu_s) == (40, 2, 2.0, None)
    assert math.isnan(whole.tokens_per_cpu_s)


def test_a_load_is_offered_by_as_many_sessions_as_ask_for_it() -> None:
    sessions = latency.sessions_for(10_000)
    talk = latency.conversation(sessions, 2)

    assert isinstance(talk, Converse)
    offered = talk.sessions * latency.TOKENS / (talk.answer_s + talk.think_s)
    assert offered == pytest.approx(10_000, rel=0.01)
    assert latency.sessions_for(0) == 1


def test_latency_is_told_beyond_that_of_the_limit() -> None:
    slow, fast = (Trial(sessions=1, for_s=1, tokens=1, pieces=1, answers=1, cpu_s=1, **times) for times in TIMES)

    found = list(latency.findings("rest", {"packed": slow, "bare": fast}))

    rows = [each for each in found if isinstance(each, Row)]
    assert [row.what for row in rows] == [
        "p50 of first token, packed, at rest",
        "p99 of first token, packed, at rest",
        "p50 of gap between tokens, packed, at rest",
    ]
    assert [row.figure.median for row in rows] == pytest.approx([200, 500, 10])
    assert sum(isinstance(each, Distribution) for each in found) == 4


TIMES = (
    {"first_s": ((50.0, 0.5), (75.0, 0.6), (99.0, 0.9)), "gap_s": ((50.0, 0.03),)},
    {"first_s": ((50.0, 0.3), (75.0, 0.3), (99.0, 0.4)), "gap_s": ((50.0, 0.02),)},
)


def test_a_figure_past_its_floor_fails_and_says_what_to_look_at() -> None:
    floor = Floor("a delta", Target("under", 2.0), "the decoder")

    assert floor.verdict(1.9).startswith("ok ")
    assert floor.verdict(2.1) == "FAIL  a delta: 2.1 (under 2)\n      look at the decoder"


def test_every_floor_names_what_measures_it_again() -> None:
    assert [floor.look_at for floor in FLOORS.values() if "rayconteur bench --only" not in floor.look_at] == []
