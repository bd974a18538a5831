"""SIGTERM and Ctrl-C at a program that started Ray, to its process or to all processes of its terminal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.processes import running_in
from fixtures.terminal import environment

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

EXIT_S = 15.0
PROGRAM = """
import asyncio
import rayconteur as rc
from rayconteur.scripted import Script

SLOW = rc.Scripted(script=Script(tokens_per_s=5))

async def main() -> None:
    async with rc.Runtime(options=rc.RuntimeOptions(num_cpus=2, journal=rc.runtime.NoJournal())) as runtime:
        print("spawning", flush=True)
        session = await runtime.spawn(rc.SessionConfig(provider=SLOW))
        async for event in session.ask("raven " * 10):
            print("streaming", flush=True)
        print("leaving", flush=True)

print("starting", flush=True)
asyncio.run(main())
"""
BLOCKING = """
import time
from rayconteur import blocking
import rayconteur as rc
from rayconteur.runtime.cluster.ray_calls import session_folder

with blocking.Runtime(options=rc.RuntimeOptions(num_cpus=2), placement=rc.Packed()) as runtime:
    session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted(script=rc.scripted.Script(tokens_per_s=5))))
    print(session_folder(), flush=True)
    for event in session.ask("raven " * 100):
        print("streaming", flush=True)
"""
TO: dict[str, Callable[[int, int], None]] = {"process": os.kill, "group": os.killpg}


@pytest.mark.parametrize("phase", ["starting", "spawning", "streaming", "leaving"])
@pytest.mark.parametrize("to", TO)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_ends_in_time_and_leaves_no_process(number: signal.Signals, to: str, phase: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment(None),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        while phase not in program.stdout.readline():
            assert program.poll() is None

        TO[to](program.pid, number)
        _, stderr = program.communicate(timeout=EXIT_S)

    aborted = (
        {-signal.SIGABRT} if to == "group" and number == signal.SIGTERM else set[int]()
    )  # by Ray, whose own end it is
    assert program.returncode in {-number, 128 + number, number, 1} | aborted or phase == "leaving", stderr
    assert "never retrieved" not in stderr
    assert left_after(program.pid, EXIT_S) == []


def test_a_script_without_asyncio_leaves_its_runtime_and_no_journal_and_prints_nothing() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", BLOCKING],
        env=environment(None),
        start_new_session=True,
        stdout=pipe,
        stderr=pipe,
        text=True,
    ) as program:
        assert program.stdout
        journals = Path(program.stdout.readline().strip(), "rayconteur")
        assert program.stdout.readline() == "streaming\n"
        assert list(journals.glob("*.db"))
        program.send_signal(signal.SIGTERM)
        _, stderr = program.communicate(timeout=EXIT_S)

    assert (program.returncode, stderr) == (128 + signal.SIGTERM, "")
    assert left_after(program.pid, EXIT_S) == []
    assert not journals.exists()


def left_after(session: int, within_s: float) -> list[str]:
    """The processes of a terminal session that are alive after some time, if any are."""
    deadline = time.monotonic() + within_s
    while (left := running_in(session)) and time.monotonic() < deadline:
        time.sleep(0.1)  # the end of processes that are no children is not announced
    return left
