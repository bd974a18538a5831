"""Starts the load server in its own process."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from .pace import Pace

_UNPACED = Pace()


@dataclass(frozen=True, slots=True)
class LoadProcess:
    """A running load server: its address and process id."""

    url: str
    pid: int


@contextmanager
def load_server(pace: Pace = _UNPACED) -> Generator[str]:
    """Runs a load server on loopback; gives its address."""
    with load_process(pace) as server:
        yield server.url


@contextmanager
def load_process(pace: Pace = _UNPACED, host: str = "127.0.0.1") -> Generator[LoadProcess]:
    """Runs a load server at the address *host* of this machine; gives its address and process id.

    Raises:
        ValueError: the pace is invalid. The server has written the reason to standard error.
    """
    command = [sys.executable, "-m", "rayconteur.benchmarks.load.server", "--host", host, *pace.arguments()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            url = server.stdout.readline().strip()
            if not url:
                raise ValueError(f"the load server did not start with {pace}")
            yield LoadProcess(url, server.pid)
        finally:
            server.stdin.close()
            server.wait()
