"""The benchmarks' programs: each runs, and says in JSON what it found. What they find is not tested here."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WITH_RAY = ("throughput", "first_token", "spawning", "memory")
WITHOUT_RAY = ("compacting", "delta_cost", "request_building")


def run(root: Path, *words: str, **environ: str) -> str:
    """What ``python -m`` with *words* prints."""
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=root, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def findings(output: str) -> list[dict[str, Any]]:
    """The rows in *output*, a line each."""
    return [json.loads(line) for line in output.splitlines()]


def check(rows: list[dict[str, Any]]) -> None:
    """Every row says what was measured, in what, and compared with what, and has figures to show for it."""
    assert rows
    for row in rows:
        assert row["what"]
        assert row["unit"]
        assert row["ours"]["median"] > 0
        assert row["ours"]["low"] <= row["ours"]["median"] <= row["ours"]["high"]
        assert bool(row["peer"]) == (row["theirs"] is not None)
        assert all(math.isfinite(value) for value in row["figure"]["values"])
        assert (row["met"] is None) == (row["target"] is None)


@pytest.mark.parametrize("program", WITHOUT_RAY)
def test_a_program_prints_its_rows_as_json(root: Path, program: str) -> None:
    check(findings(run(root, f"benchmarks.{program}", "--tiny")))


@pytest.mark.parametrize("program", WITH_RAY)
def test_a_program_that_needs_ray_prints_its_rows_as_json(root: Path, ray_address: str, program: str) -> None:
    check(findings(run(root, f"benchmarks.{program}", "--tiny", RAY_ADDRESS=ray_address)))


def test_the_runner_prints_one_table_and_keeps_the_rows(root: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"

    table = run(root, "benchmarks", "--tiny", "--only", "request_building", "--out", str(kept))

    whole = json.loads(kept.read_text())
    check(whole["rows"])
    assert whole["machine"]["python"] == ".".join(map(str, sys.version_info[:3]))
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(whole["rows"])
    assert all(row["what"] in table for row in whole["rows"])
