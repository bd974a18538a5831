"""`make cluster` starts two nodes, runs the demo on both, and leaves nothing behind."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from servers.clusters import demo_cluster
from servers.two_nodes import require_addresses

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def test_the_demo_runs_on_a_cluster_that_is_started_and_shut_down(root: Path) -> None:
    require_addresses()
    before = set(psutil.pids())

    done = subprocess.run(
        [sys.executable, "-m", demo_cluster.__name__, "--sessions", "6", "--json"],
        cwd=root / "tests",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["kind"], summary["turns_completed"], summary["turns_failed"]) == ("summary", 6, 0)
    address = re.search(r"runs at (\S+)", done.stderr)
    assert address
    of_cluster = [pid for pid in set(psutil.pids()) - before if address[1] in command_line(pid)]
    assert of_cluster == []


def command_line(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:  # it has just ended
        return ""
