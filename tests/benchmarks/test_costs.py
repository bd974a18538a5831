"""What a token and a turn cost: at this size CPU clocks are too coarse for figures, but every process is there."""

import pytest
from fixtures.bench_output import findings, run

pytestmark = pytest.mark.programs


def test_the_costs_of_a_token_and_of_a_turn_are_told_for_each_process() -> None:
    rows = findings(run("rayconteur.benchmarks.programs.costs", "--tiny"))

    processes = ("all processes", "sessions", "router", "driver", "Ray")
    assert [row["what"] for row in rows] == [f"CPU of a {what}, {p}" for what in ("token", "turn") for p in processes]
