"""SIGINT and SIGTERM at a command, to its process or to all processes of its terminal, in every phase."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from fixtures.processes import running_in
from fixtures.terminal import PROGRAM, environment

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

EXIT_S = 12.0
COMMAND = [sys.executable, "-c", PROGRAM, "demo", "--sessions", "3", "--rate", "2", "--json"]
TO: dict[str, Callable[[int, int], None]] = {"process": os.kill, "group": os.killpg}


def read_until(phase: str, command: subprocess.Popen[str]) -> None:
    """Read its output until it is in *phase*."""
    assert command.stdout
    phrase = {"starting": "", "spawning": '"kind":"spawning"', "streaming": '"TextChunk"'}[phase]
    if not phrase:  # nothing is printed while Ray starts
        while not any("gcs_server" in line for line in running_in(command.pid)):
            assert command.poll() is None
        return
    for line in command.stdout:
        if phrase.lower() in line.lower().replace(" ", "").replace("_", ""):
            return
    raise AssertionError(f"it ended before it was {phase}")


@pytest.mark.parametrize("phase", ["starting", "spawning", "streaming"])
@pytest.mark.parametrize("to", TO)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_exits_in_time_with_its_code_and_leaves_no_process(
    number: signal.Signals, to: str, phase: str
) -> None:
    with subprocess.Popen(
        COMMAND,
        env=environment(None),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        read_until(phase, command)

        TO[to](command.pid, number)
        _, stderr = command.communicate(timeout=EXIT_S)

    assert command.returncode == 128 + number, stderr
    assert "Traceback" not in stderr
    assert "never retrieved" not in stderr
    assert running_in(command.pid) == []
