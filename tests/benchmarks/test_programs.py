"""The benchmark programs: each runs, and prints its findings as JSON."""

import pytest
from fixtures.benchmarks.output import check_findings, parse_findings, run_module

from rayconteur.benchmarks.catalog import BENCHMARKS

pytestmark = pytest.mark.programs


def run_benchmark(name: str, **environ: str) -> str:
    """The output of a benchmark at the smallest scale."""
    benchmark = BENCHMARKS[name]
    arguments = filter(None, [benchmark.mode, "--tiny"])
    return run_module(f"rayconteur.benchmarks.programs.{benchmark.module}", *arguments, **environ)


QUICK = {"first_token"}
"""The others with Ray run in ``make chaos``: they take long, or start many actors."""

WITH_RAY = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.chaos])
    for name, each in BENCHMARKS.items()
    if each.needs_ray and name != "costs"
]


@pytest.mark.parametrize("name", WITH_RAY)
def test_a_benchmark_that_needs_ray_prints_its_rows_as_json(ray_address: str, name: str) -> None:
    check_findings(parse_findings(run_benchmark(name, RAY_ADDRESS=ray_address)))


@pytest.mark.parametrize("name", [name for name, each in BENCHMARKS.items() if not each.needs_ray])
def test_a_benchmark_without_ray_prints_its_rows_as_json(name: str) -> None:
    check_findings(parse_findings(run_benchmark(name)))


def test_contestants_on_this_machine_are_compared_by_cpu_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    findings = parse_findings(run_benchmark("saturated"))

    check_findings(findings)
    assert {row["unit"] for row in findings if row["kind"] == "row"} == {"tokens/s", "tokens per CPU second"}


@pytest.mark.chaos
def test_the_costs_of_a_token_and_of_a_turn_are_measured_for_each_process() -> None:
    """At this scale CPU clocks are too coarse for the figures, but there is a row for each process."""
    rows = parse_findings(run_benchmark("costs"))

    processes = ("all processes", "sessions", "router", "driver", "Ray")
    assert [row["what"] for row in rows] == [f"CPU of a {what}, {p}" for what in ("token", "turn") for p in processes]
