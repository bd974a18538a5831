"""The load server as a program of its own, for as long as somebody needs it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from .pace import Pace

_AT_ONCE = Pace()


@dataclass(frozen=True, slots=True)
class LoadProcess:
    """A load server that runs: its address, and the number of its process."""

    url: str
    pid: int


@contextmanager
def load_server(pace: Pace = _AT_ONCE) -> Generator[str]:
    """The address of a load server of that *pace*, on loopback."""
    with load_process(pace) as server:
        yield server.url


@contextmanager
def load_process(pace: Pace = _AT_ONCE, host: str = "127.0.0.1") -> Generator[LoadProcess]:
    """The same for those who look at its process, too, or want it at another address of this machine, *host*.

    Raises:
        ValueError: the pace does not fit. Why, the server has written to standard error.
    """
    command = [sys.executable, "-m", "rayconteur.benchmarks.load.server", "--host", host, *pace.words()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            url = server.stdout.readline().strip()
            if not url:
                raise ValueError(f"no load server with {pace}")
            yield LoadProcess(url, server.pid)
        finally:
            server.stdin.close()
            server.wait()
