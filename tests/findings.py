"""What the benchmarks' programs print, as tests read it."""

import json
import math
import os
import subprocess
import sys
from typing import Any


def run(*words: str, **environ: str) -> str:
    """What ``python -m`` with *words* prints."""
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def findings(output: str) -> list[dict[str, Any]]:
    """The findings in *output*, a line each."""
    return [json.loads(line) for line in output.splitlines()]


def check(found: list[dict[str, Any]]) -> None:
    """There are rows, and whatever else is found has figures to show for it."""
    kinds = [each["kind"] for each in found]
    assert "row" in kinds
    for each in found:
        match each["kind"]:
            case "row":
                _check_row(each)
            case "curve":
                assert len(each["x"]) == len(each["y"]) > 0
                assert all(math.isfinite(sample["median"]) for sample in each["y"])
            case "distribution":
                assert [value for _, value in each["percentiles"]] == sorted(value for _, value in each["percentiles"])
                assert each["percentiles"]
            case kind:
                raise AssertionError(f"{kind} is no finding")


def _check_row(row: dict[str, Any]) -> None:
    """It says what was measured, in what, and compared with what, and has figures to show for it."""
    assert row["what"]
    assert row["unit"]
    assert row["ours"]["median"] > 0
    assert row["ours"]["low"] <= row["ours"]["median"] <= row["ours"]["high"]
    assert bool(row["peer"]) == (row["theirs"] is not None)
    assert all(math.isfinite(value) for value in row["figure"]["values"])
    assert (row["met"] is None) == (row["target"] is None)
