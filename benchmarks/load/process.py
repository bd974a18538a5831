"""Starts the load server in its own process."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from .pace import Pace

_UNPACED = Pace()


@dataclass(frozen=True, slots=True)
class LoadProcess:
    """A running load server: its address, its process id, and where its reports can be read."""

    url: str
    pid: int
    output: IO[str]


@contextmanager
def load_server(pace: Pace = _UNPACED) -> Generator[str]:
    """Runs a load server on loopback; gives its address."""
    with load_process(pace) as server:
        yield server.url


@contextmanager
def load_process(pace: Pace = _UNPACED, host: str = "127.0.0.1", reports: bool = False) -> Generator[LoadProcess]:
    """Runs a load server at the address *host* of this machine. With *reports* it prints them: they must be read.

    Raises:
        ValueError: the pace is invalid. The server has written the reason to standard error.
    """
    command = [sys.executable, "-m", "rayconteur.benchmarks.load.server", "--host", host, *pace.arguments()]
    if reports:
        command.append("--reports")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            url = server.stdout.readline().strip()
            if not url:
                raise ValueError(f"the load server did not start with {pace}")
            yield LoadProcess(url, server.pid, server.stdout)
        finally:
            server.stdin.close()
            server.wait()
