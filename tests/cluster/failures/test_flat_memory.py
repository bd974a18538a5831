"""Sessions that were closed leave nothing behind, in any process."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

SESSIONS = 20_000
"""A router is full after half of them: it keeps the events of 10,000 that have ended."""

ROLES = {"program", "host", "router", "directory", "GCS", "raylet", "journal"}
LEAST_LEFT_BYTES = 1_000
"""A session that left only its id, epoch and end somewhere would leave about as much."""


def test_memory_does_not_grow_with_sessions_that_were_closed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "detection.flat_memory", str(SESSIONS)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    growth_mib = msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, float])
    assert growth_mib.keys() == ROLES
    limit_mib = SESSIONS / 4 * LEAST_LEFT_BYTES / (1 << 20)
    assert {role: mib for role, mib in growth_mib.items() if mib > limit_mib} == {}
