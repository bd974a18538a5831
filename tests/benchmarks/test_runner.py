"""The runner: benchmarks without Ray, benchmarks that share one Ray, and one that does not exist."""

import asyncio
from pathlib import Path

import psutil
import pytest
from fixtures.benchmarks.output import check_findings
from fixtures.processes import running

from rayconteur.benchmarks.catalog import BENCHMARKS
from rayconteur.benchmarks.program import Options, Scale
from rayconteur.benchmarks.report.findings import Finding
from rayconteur.benchmarks.report.result import Ended, read_result
from rayconteur.benchmarks.runner import Plan, open_result, run_benchmarks
from rayconteur.benchmarks.system.shared_ray_process import SharedRay


class RecordingListener:
    """Records the progress of a run."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.problems: list[str] = []

    def benchmark_started(self, name: str) -> None:
        self.events.append(f"{name} started")

    def finding_made(self, finding: Finding) -> None:
        if self.events[-1] != f"{finding.program} found":
            self.events.append(f"{finding.program} found")

    def benchmark_ended(self, ended: Ended) -> None:
        self.events.append(f"{ended.program} ended")
        self.problems.append(ended.problem)


@pytest.mark.programs
def test_after_a_benchmark_that_fails_the_others_run(tmp_path: Path) -> None:
    listener = RecordingListener()
    plan = Plan(("oracle", "compacting"), Options(scale=Scale.TINY), tmp_path)

    with open_result(plan) as writer:
        completed = asyncio.run(run_benchmarks(plan, writer, listener))

    assert not completed
    assert listener.events == [
        "oracle started",
        "oracle ended",
        "compacting started",
        "compacting found",
        "compacting ended",
    ]
    assert "No module named" in listener.problems[0]
    assert read_result(tmp_path).unfinished == {"oracle": listener.problems[0]}
    assert read_result(tmp_path).rows


@pytest.mark.programs
def test_benchmarks_that_need_ray_share_one_which_ends_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    listener = RecordingListener()
    before = set(psutil.Process().children(recursive=True))
    plan = Plan(("saturated", "interrupting"), Options(scale=Scale.TINY), tmp_path)

    with open_result(plan) as writer:
        assert asyncio.run(run_benchmarks(plan, writer, listener)), listener.problems

    result = read_result(tmp_path)
    check_findings([row.plain() for row in result.rows])
    assert "tokens per CPU second" in {row.unit for row in result.rows}  # the shared Ray's processes are counted
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.programs
def test_the_shared_ray_stays_the_same_until_it_is_stopped() -> None:
    async def start_and_stop() -> None:
        shared_ray = SharedRay()
        first = await shared_ray.environment()
        assert first
        assert await shared_ray.environment() == first
        module = "rayconteur.benchmarks.system.shared_ray_process"
        (process,) = running(module, psutil.Process().children())
        descendants = process.children(recursive=True)

        await shared_ray.stop()

        assert descendants
        assert not psutil.wait_procs([process, *descendants], timeout=10)[1]

    asyncio.run(start_and_stop())


def test_every_benchmark_has_a_program_and_every_program_a_benchmark(root: Path) -> None:
    programs = root / "benchmarks/programs"
    runnable = {
        ".".join(file.relative_to(programs).with_suffix("").parts)
        for file in programs.rglob("*.py")
        if '__name__ == "__main__"' in file.read_text()
    }

    assert {benchmark.module for benchmark in BENCHMARKS.values()} == runnable
