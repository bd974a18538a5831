"""The runner, with benchmarks that need no Ray and one that is not there."""

import asyncio
from pathlib import Path

from rayconteur.benchmarks.catalogue import PROGRAMS
from rayconteur.benchmarks.program import Options, Scale
from rayconteur.benchmarks.report.findings import Finding
from rayconteur.benchmarks.report.result import Ended, read
from rayconteur.benchmarks.runner import Plan, recording, run_programs


class Heard:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.problems: list[str] = []

    def began(self, program: str) -> None:
        self.told.append(f"{program} began")

    def found(self, finding: Finding) -> None:
        if self.told[-1] != f"{finding.program} found":
            self.told.append(f"{finding.program} found")

    def ended(self, ended: Ended) -> None:
        self.told.append(f"{ended.program} ended")
        self.problems.append(ended.problem)


def test_a_benchmark_that_fails_is_told_and_the_others_run(tmp_path: Path) -> None:
    heard = Heard()
    plan = Plan(("oracle", "request_building"), Options(scale=Scale.TINY), tmp_path)

    with recording(plan) as lines:
        completed = asyncio.run(run_programs(plan, lines, heard))

    assert not completed
    assert heard.told == [
        "oracle began",
        "oracle ended",
        "request_building began",
        "request_building found",
        "request_building ended",
    ]
    assert "No module named" in heard.problems[0]
    assert read(tmp_path).unfinished == {"oracle": heard.problems[0]}
    assert read(tmp_path).rows


def test_every_program_there_is_can_be_run(root: Path) -> None:
    there = {file.stem for file in (root / "benchmarks/programs").glob("*.py")} - {"__init__"}

    assert set(PROGRAMS) == there
