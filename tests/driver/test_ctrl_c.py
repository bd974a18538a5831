"""Ctrl-C, pressed repeatedly, at a program that started Ray. As a terminal does, it is sent to all its processes."""

import os
import selectors
import signal
import subprocess
import sys

import pytest
from fixtures.processes import running_in

ASYNC = """
import asyncio
import rayconteur as rc
from rayconteur.scripted import Script

SLOW = rc.Scripted(script=Script(tokens_per_s=5))

async def main():
    runtime = rc.Runtime(options=rc.RuntimeOptions(num_cpus=2))
    {before}
    async with runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=SLOW))
        async for event in session.ask("raven " * 1_000):
            {inside}

asyncio.run(main())
"""
BLOCKING = """
import rayconteur as rc
from rayconteur.scripted import Script

SLOW = rc.Scripted(script=Script(tokens_per_s=5))

with rc.blocking.Runtime(options=rc.RuntimeOptions(num_cpus=2)) as runtime:
    session = runtime.spawn(rc.SessionConfig(provider=SLOW))
    for event in session.ask("raven " * 1_000):
        {inside}
"""
NOW = "print('now', flush=True)"
STARTING = ASYNC.format(before=NOW, inside="pass")
STREAMING = ASYNC.format(before="pass", inside=NOW)

# What Python prints of a task or an object that was not cleaned up.
CLEANUP_WARNINGS = ("never retrieved", "was destroyed", "Exception ignored")


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(STARTING, id="starting", marks=pytest.mark.chaos),
        pytest.param(STREAMING, id="streaming", marks=pytest.mark.chaos),
        pytest.param(BLOCKING.format(inside=NOW), id="blocking"),
    ],
)
def test_ctrl_c_leaves_no_process_behind_and_prints_only_the_traceback(program: str) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=environ,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stdout
        assert driver.stdout.readline() == "now\n"
        stderr = press_until_it_is_reported(driver)

    assert stderr.endswith("KeyboardInterrupt\n"), stderr
    assert driver.returncode == -signal.SIGINT
    assert [warning for warning in CLEANUP_WARNINGS if warning in stderr] == []
    assert running_in(driver.pid) == []


def press_until_it_is_reported(driver: subprocess.Popen[str]) -> str:
    """Press Ctrl-C until Python begins to report it, and return what *driver* prints to its end.

    Not further: after that, Ctrl-C interrupts the report itself, and what others do at the end of a process, such as
    Ray.
    """
    assert driver.stderr
    stderr = b""
    with selectors.DefaultSelector() as selector:
        selector.register(driver.stderr, selectors.EVENT_READ)
        while b"Traceback" not in stderr:
            os.killpg(driver.pid, signal.SIGINT)
            if selector.select(timeout=0.2):
                part = os.read(driver.stderr.fileno(), 65_536)
                assert part, stderr.decode()
                stderr += part
    return stderr.decode() + driver.stderr.read()
