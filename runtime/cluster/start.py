"""Ray itself: joining a cluster, or starting one."""

import logging
import os
import socket
from contextlib import nullcontext
from typing import cast
from urllib.parse import urlsplit

import ray
from ray.exceptions import RaySystemError

from ..errors import RayUnreachable
from ..options import RuntimeOptions
from .interrupts import postponed

STARTED_HERE = "local"

_KNOCK_S = 5.0


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
        _knock(address)
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
        raise RayUnreachable(
            f"Ray can't be reached at {address!r} ({error}); "
            "start a cluster there, or leave the address out to start Ray here"
        ) from None
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


def _knock(address: str) -> None:
    """See whether anything listens at a host and port: where nothing does, Ray itself tries on for minutes.

    Raises:
        ConnectionError: nothing does.
    """
    place = urlsplit(address if "//" in address else f"//{address}")
    if place.hostname is None or place.port is None:
        return  # a word of Ray's own, such as "auto"
    try:
        socket.create_connection((place.hostname, place.port), timeout=_KNOCK_S).close()
    except OSError as error:
        raise ConnectionError(error.strerror or str(error)) from None
