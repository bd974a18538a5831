"""Where the run's own Ray is: the runner starts one for all programs, and tells them by their environment.

A program that is run by itself starts its own.
"""

import os
from collections.abc import Mapping

CPUS = 2
"""For Ray, whatever the machine has, so that the figures of two machines compare."""

_ADDRESS = "RAYCONTEUR_BENCH_RAY"
_PID = "RAYCONTEUR_BENCH_RAY_PID"


_joined: list[int] = []


def join() -> str | None:
    """The address to join, if there is one. From then on its processes count as this one's own."""
    address = os.environ.get(_ADDRESS)
    if address and not _joined:
        _joined.append(int(os.environ[_PID]))
    return address


def joined() -> int | None:
    """The process that all of its processes descend from, once this one has joined."""
    return next(iter(_joined), None)


def environ(address: str, pid: int) -> Mapping[str, str]:
    """What tells a program of it."""
    return {_ADDRESS: address, _PID: str(pid)}
