"""Whatever is killed: the books of the programs that talk to sessions balance (``make kills`` does it for longer)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


@pytest.mark.parametrize("journal", ["sqlite", "postgres"])
def test_after_some_kills_each_message_was_handled_once_and_no_process_is_left(
    journal: str, tmp_path: Path, root: Path
) -> None:
    options = ["--kills", "40", "--seconds", "120", "--journal", journal, "--books", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "kills.run", *options],
        env={**os.environ, "PYTHONPATH": str(root / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout[done.stdout.index("{") :])
    assert not report["problems"], done.stdout + done.stderr
    assert report["kills"]["session actor"] > 0
    assert report["turns"]["Completed"] > report["sessions"] > 0
