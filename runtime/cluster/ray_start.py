"""Ray itself: joining a cluster, or starting one."""

import logging
import os
import socket
from contextlib import nullcontext
from typing import cast
from urllib.parse import urlsplit

import ray
from ray.exceptions import RaySystemError

from ..api.errors import RayUnreachable
from ..api.options import RuntimeOptions
from .probe import knock, unreachable
from .sigint import postponed

STARTED_HERE = "local"


def join(address: str | None, options: RuntimeOptions) -> bool:
    """Join the cluster at *address*, at ``RAY_ADDRESS``, or the one that this process has joined; else start Ray here.

    Whether it was started.

    Raises:
        RayUnreachable: there is nothing at the address, or this process has joined another cluster.
    """
    if ray.is_initialized():
        _refuse_another(address)
        return False
    address = address or os.environ.get("RAY_ADDRESS") or STARTED_HERE
    started = address == STARTED_HERE
    try:
        knock(address)
        with postponed() if started else nullcontext():
            ray.init(
                address=address,
                namespace=options.namespace,
                num_cpus=options.num_cpus if started else None,
                include_dashboard=False if started else None,
                log_to_driver=not options.quiet,
                logging_level=logging.ERROR if options.quiet else logging.INFO,
            )
    except (ConnectionError, RaySystemError, RuntimeError, ValueError) as error:
        raise unreachable(address, error) from None
    except KeyboardInterrupt:
        if started:
            shut_down()
        raise
    return started


def shut_down() -> None:
    """End the Ray that was started here."""
    with postponed():
        ray.shutdown()


def _refuse_another(address: str | None) -> None:
    joined = cast(str, ray.get_runtime_context().gcs_address)
    if address in (None, "auto", STARTED_HERE) or _place(address) == _place(joined):
        return
    raise RayUnreachable(
        f"this process has joined Ray at {joined!r} and can't join {address!r}, too; "
        "leave the address out, or call ray.shutdown() before"
    )


def _place(address: str) -> tuple[str | None, int | None]:
    """The host's IP address as Ray has it, and the port."""
    place = urlsplit(f"//{address}")
    try:
        host = socket.gethostbyname(place.hostname or "")
        here = cast(str, ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
        return here if host.startswith("127.") else host, place.port
    except (OSError, ValueError):
        return None, None
