"""A Ray cluster of two or three nodes on this machine, each with a loopback address of its own."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from signal import SIGTERM

import pytest

HEAD, WORKER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
DRAIN_S = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
"""How long a node is drained at SIGTERM, before it ends."""

ENVIRON = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    DRAIN_S: "0",
    "RAY_worker_niceness": "0",  # or what else runs on the machine leaves the sessions no time
}
"""The variables of all processes of the cluster."""

_STARTED = "Ray runtime started"
_STOP_S = 30.0


@contextmanager
def two_nodes(environ: Mapping[str, str], worker_options: tuple[str, ...] = ()) -> Generator[str]:
    """Runs the nodes ``HEAD`` and ``WORKER`` with *environ*; the second with *worker_options*. Gives the address."""
    require_addresses()
    address = f"{HEAD}:{_free_port(HEAD)}"
    port = address.partition(":")[2]
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:  # short: it is in socket names
        head = ("--head", f"--node-ip-address={HEAD}", f"--port={port}", f"--temp-dir={folder}")
        worker = (f"--address={address}", f"--node-ip-address={WORKER}", *worker_options)
        with _node((*head, "--include-dashboard=false"), environ), _node(worker, environ):
            yield address


@contextmanager
def three_nodes(options: tuple[str, ...], worker_options: tuple[str, ...] = ()) -> Generator[str]:
    """As ``two_nodes``, and the node ``THIRD``, which is started with *options*."""
    with two_nodes({}, worker_options) as address, third_node(address, *options):
        yield address


def third_node(address: str, *options: str, **environ: str) -> AbstractContextManager[None]:
    """Runs the node ``THIRD``, started with *options* and *environ*, in the cluster at *address*."""
    return _node((f"--address={address}", f"--node-ip-address={THIRD}", *options), environ)


def require_addresses() -> None:
    """Skip the test where these addresses of the loopback range are not there."""
    for address in (HEAD, WORKER, THIRD):
        try:
            _free_port(address)
        except OSError as error:
            pytest.skip(f"{address} can't be used here: {error.strerror}")


def json_line(printed: str) -> str:
    """What a program has printed as JSON: Ray's own lines may be before and after it."""
    return next(line for line in printed.splitlines() if line.startswith("{"))


@contextmanager
def _node(arguments: tuple[str, ...], environ: Mapping[str, str]) -> Generator[None]:
    command = [str(Path(sys.executable).parent / "ray"), "start", "--num-cpus=1", "--block", *arguments]
    with subprocess.Popen(
        command, env={**os.environ, **ENVIRON, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as node:
        assert node.stdout
        try:
            printed: list[str] = []
            while not printed or _STARTED not in printed[-1]:
                if not (line := node.stdout.readline()):
                    raise RuntimeError(f"a node did not start:\n{''.join(printed)}")
                printed.append(line)
            yield
        finally:
            node.send_signal(SIGTERM)
            node.communicate(timeout=_STOP_S)


def _free_port(address: str) -> int:
    with socket.create_server((address, 0)) as server:
        return int(server.getsockname()[1])
