"""The address of the Ray that all benchmarks of a run share. The runner passes it on in environment variables.

A program that is started by itself finds none, and starts its own Ray.
"""

import os
from collections.abc import Mapping

CPUS = 2
"""The CPUs that Ray gets, whatever the machine has, so that figures of two machines compare."""

SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""Environment variables of a Ray that is started: nothing leaves the machine, and its workers, whose niceness is 15 by
default, get as much of it as what they are compared with."""

_ADDRESS = "RAYCONTEUR_BENCH_RAY"
_PID = "RAYCONTEUR_BENCH_RAY_PID"

_joined_pids: list[int] = []


def join() -> str | None:
    """The address to join, if there is one. From then on its processes count as descendants of this one."""
    address = os.environ.get(_ADDRESS)
    if address and not _joined_pids:
        _joined_pids.append(int(os.environ[_PID]))
    return address


def joined_pid() -> int | None:
    """The process from which the shared Ray descends, once this process has joined it."""
    return next(iter(_joined_pids), None)


def environment(address: str, pid: int) -> Mapping[str, str]:
    """The variables that tell a program the address of the shared Ray."""
    return {_ADDRESS: address, _PID: str(pid)}
