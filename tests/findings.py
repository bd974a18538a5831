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
