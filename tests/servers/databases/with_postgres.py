"""Runs a command beside a PostgreSQL server: ``python -m servers.databases.with_postgres VARIABLE COMMAND...``.

The server's address is in the environment variable. Without PostgreSQL on this machine, the command runs without it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest
from servers.databases.postgres import postgres_server


def main(variable: str, command: Sequence[str]) -> int:
    """The exit code of *command*."""
    try:
        with postgres_server() as postgres:
            return run(command, {variable: postgres.url()})
    except pytest.skip.Exception:
        return run(command, {})


def run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """The exit code of *command*, with more *variables*. Ctrl-C is its own affair, and so is SIGTERM."""
    with subprocess.Popen(command, env={**os.environ, **variables}) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

        def pass_on(number: int, frame: object) -> None:
            del frame
            process.send_signal(number)

        signal.signal(signal.SIGTERM, pass_on)
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
