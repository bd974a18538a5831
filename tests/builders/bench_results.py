"""Made-up results of benchmarks, for tests of reports."""

from datetime import UTC, datetime
from pathlib import Path

from rayconteur.benchmarks.program import Options
from rayconteur.benchmarks.report.findings import Chart, Curve, Distribution, Finding
from rayconteur.benchmarks.report.result import FINDINGS, Ended, Result, ResultWriter, Run
from rayconteur.benchmarks.report.rows import Row, Sample, Target
from rayconteur.benchmarks.system.machine import Machine

MACHINE = Machine(
    processor="Abacus",
    cpus=2,
    memory_bytes=8_000_000_000,
    system="Linux 6",
    python="3.11.7",
    packages={"ray": "2.60.0"},
    commit="0123456789ab",
    load=0.5,
)
RUN = Run(
    machine=MACHINE,
    began=datetime(2026, 11, 21, 10, 45, tzinfo=UTC),
    options=Options(),
    programs=("throughput", "memory"),
)
SPEED = Chart("Tokens per second", "sessions", "tokens per second")
DELAY = Chart("First token", "percentile", "ms")


def row(what: str = "events", *figures: float, unit: str = "times", at_least: float | None = None) -> Row:
    """A row of *throughput* with these values of its figure."""
    return Row(
        what=what,
        unit="/s",
        ours=Sample.of([2_000.0]),
        peer="calls",
        theirs=Sample.of([1_000.0]),
        figure=Sample.of(figures or (2.0,)),
        figure_unit=unit,
        target=None if at_least is None else Target("at least", at_least),
        program="throughput",
    )


def curve(side: str, *values: float, chart: Chart = SPEED) -> Curve:
    """A curve of *throughput* over 1, 10, 100, ... with a spread around *values*."""
    x = tuple(10.0**power for power in range(len(values)))
    return Curve(chart, side, x, tuple(Sample.of([y * 0.9, y, y * 1.1]) for y in values), program="throughput")


def distribution(side: str, *values: float) -> Distribution:
    """A distribution of *throughput* with *values* at the median and at 90, 99 and 99.9 %."""
    percentiles = (50.0, 90.0, 99.0, 99.9)
    return Distribution(DELAY, side, tuple(zip(percentiles, values, strict=False)), program="throughput")


def result(*findings: Finding, run: Run = RUN) -> Result:
    """The result of a run in which all benchmarks completed."""
    ended = tuple(Ended(program=name, took_s=61.5) for name in run.programs)
    return Result(run, findings, ended)


def write_result(folder: Path, result: Result) -> Path:
    """Write *result* into *folder*; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FINDINGS).open("w", encoding="utf-8") as file:
        writer = ResultWriter(file, result.run)
        for finding in result.findings:
            writer.write_finding(finding)
        for ended in result.ended:
            writer.write_end(ended)
    return folder / FINDINGS
