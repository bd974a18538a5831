"""Broken frames of strangers and of peers: the port serves others as before. ``make fuzz`` sends many more."""

import asyncio
import logging

import pytest
from fuzzing.frames import run_rounds

ROUNDS = 1_000


@pytest.mark.parametrize("authenticated", [False, True], ids=["strangers", "peers"])
def test_broken_frames_affect_no_other_connection(authenticated: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)

    assert asyncio.run(run_rounds(seed=1, is_over=lambda done: done >= ROUNDS, authenticated=authenticated)) == ROUNDS
