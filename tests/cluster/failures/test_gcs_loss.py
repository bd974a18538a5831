"""The loss of Ray's control service (GCS): nobody hangs."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

HERE = Path(__file__).parent


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """The variables of a cluster whose files are in a folder of its own: others would join it by those in /tmp/ray."""
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:  # short: it is in socket names
        kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        yield {**kept, "RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": folder, "PYTHONPATH": str(HERE.parent.parent)}


def output_of(environ: dict[str, str], program: str, *arguments: str) -> str:
    """What a program of this folder prints."""
    done = subprocess.run(
        [sys.executable, str(HERE / program), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    return done.stdout.splitlines()[0]


def test_sessions_go_on_without_the_gcs_and_what_needs_it_fails_in_time(environ: dict[str, str]) -> None:
    found = msgspec.json.decode(output_of(environ, "gcs_loss_driver.py"), type=dict[str, tuple[str, float]])

    assert {name: outcome for name, (outcome, _) in found.items()} == {
        "ask": "ok",
        "ask dedicated": "ok",
        "status": "ok",
        "sessions": "ok",
        "session": "ok",
        "spawn packed": "ok",
        "spawn dedicated": "ClusterLost",
        "leave": "ok",
    }
    assert [(name, seconds) for name, (_, seconds) in found.items() if seconds > 10] == []
