"""The benchmarks' programs that need no Ray, and the runner."""

import json
import sys
from pathlib import Path

import pytest
from findings import check, findings, run


@pytest.mark.parametrize("program", ["compacting", "delta_cost", "request_building"])
def test_a_program_prints_its_rows_as_json(program: str) -> None:
    check(findings(run(f"rayconteur.benchmarks.programs.{program}", "--tiny")))


def test_the_runner_prints_one_table_and_keeps_the_rows(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"

    table = run("rayconteur.benchmarks", "--tiny", "--only", "request_building", "--out", str(kept))

    whole = json.loads(kept.read_text())
    check(whole["rows"])
    assert whole["machine"]["python"] == ".".join(map(str, sys.version_info[:3]))
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(whole["rows"])
    assert all(row["what"] in table for row in whole["rows"])
