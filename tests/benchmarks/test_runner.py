"""The runner, with benchmarks that need no Ray, with some that share one, and with one that is not there."""

import asyncio
from pathlib import Path

import psutil
import pytest
from fixtures.bench_output import check

from rayconteur.benchmarks.catalog import PROGRAMS, WITHOUT_RAY
from rayconteur.benchmarks.program import Options, Scale
from rayconteur.benchmarks.report.findings import Finding
from rayconteur.benchmarks.report.result import Ended, read
from rayconteur.benchmarks.runner import Plan, recording, run_programs
from rayconteur.benchmarks.system.shared_ray_process import Holder


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


@pytest.mark.programs
def test_all_that_need_ray_share_one_which_ends_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    heard = Heard()
    before = set(psutil.Process().children(recursive=True))
    plan = Plan(("saturated", "interrupting"), Options(scale=Scale.TINY), tmp_path)

    with recording(plan) as lines:
        assert asyncio.run(run_programs(plan, lines, heard)), heard.problems

    found = read(tmp_path)
    check([row.plain() for row in found.rows])
    assert "tokens per CPU second" in {row.unit for row in found.rows}  # whoever joins it counts its processes
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.programs
def test_a_ray_that_is_held_is_the_same_for_all_until_its_end() -> None:
    async def main() -> None:
        holder = Holder()
        first = await holder.environ()
        assert first
        assert await holder.environ() == first
        (held,) = [
            each
            for each in psutil.Process().children()
            if "rayconteur.benchmarks.system.shared_ray_process" in each.cmdline()
        ]
        its = held.children(recursive=True)

        await holder.end()

        assert its
        assert not psutil.wait_procs([held, *its], timeout=10)[1]

    asyncio.run(main())


def test_every_program_there_is_can_be_run(root: Path) -> None:
    there = {file.stem for file in (root / "benchmarks/programs").glob("*.py")} - {"__init__"}

    assert set(PROGRAMS) == there
    assert there > WITHOUT_RAY
