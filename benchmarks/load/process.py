"""The load server as a program of its own, for as long as somebody needs it."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from .pace import Pace

_AT_ONCE = Pace()


@contextmanager
def load_server(pace: Pace = _AT_ONCE) -> Generator[str]:
    """The address of a load server of that *pace*, on loopback."""
    command = [sys.executable, "-m", "rayconteur.benchmarks.load.server", "--first-token-s", str(pace.first_token_s)]
    if pace.tokens_per_s is not None:
        command += ["--tokens-per-s", str(pace.tokens_per_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait()
