"""Joining a cluster that may go away meanwhile: Ray would wait for its control service (GCS) without an error."""

import atexit
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import cast

import ray

from ....providers.schema.checks.shown import shown
from ...api.errors import RayUnreachable
from .daemon_thread import in_daemon_thread
from .probe import probe

_shutdown = cast("Callable[..., object]", ray.shutdown)  # it has no types
_PAUSE_S = 0.5
_EXIT_S = 2.0
"""How long the end of the process waits for a join that was left alone."""


def join_while_answered(address: str, service: str, join: Callable[[], object], timeout_s: float) -> None:
    """Call *join*, which joins the cluster at *address*, and wait for it as long as its *service* answers.

    The service is that at a host and port, or a keyword of Ray's: then nobody asks it. *join* runs in another
    thread, as nothing interrupts it in Ray. When it is left alone there, the process can end nevertheless.

    Raises:
        RayUnreachable: the control service has not answered for *timeout_s* seconds.
        Exception: whatever *join* raises.
    """
    joining = in_daemon_thread(join)
    answered_at = time.monotonic()
    try:
        while not wait([joining], _PAUSE_S).done:
            if _answers(service, timeout_s):
                answered_at = time.monotonic()
            elif time.monotonic() - answered_at >= timeout_s:
                raise RayUnreachable(
                    f"Ray's control service (GCS) at {shown(address)} went away while this process was joining the "
                    "cluster; start the cluster again, then this program: Ray ends a process that can't reach it for "
                    "60 s (RAY_gcs_rpc_server_reconnect_timeout_s)"
                )
    finally:
        if not joining.done():
            _leave_alone(joining)
    joining.result()


def _answers(service: str, timeout_s: float) -> bool:
    try:
        probe(service, timeout_s)
    except RayUnreachable:
        return False
    return True


def _leave_alone(joining: Future[object]) -> None:
    """Have the process end without Ray's handler of its end, which would wait for the lock that the join holds."""

    def shut_down() -> None:
        if wait([joining], _EXIT_S).done:
            _shutdown(_exiting_interpreter=True)

    atexit.unregister(_shutdown)
    atexit.register(shut_down)
