"""Connecting this process to Ray: to a running cluster, or to one that it starts."""

import importlib
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import ray
from ray._private import services as _ray_services  # the public API does not say what "auto" stands for
from ray.exceptions import AuthenticationError

from ....providers.schema.checks.shown import shown
from ...api.errors import RayUnreachable
from ...api.options import RuntimeOptions
from ..journal.place import own_folder
from ..ray_calls import session_folder
from ..ray_errors import start_error
from .joining import join_while_answered
from .probe import ANY_RUNNING, probe
from .sigint import defer_sigint

log = logging.getLogger(__name__)

_LOCAL = "local"
"""Ray's own keyword for an address: start a cluster on this machine."""

_NICENESS = "RAY_worker_niceness"


def connect_to_ray(address: str | None, options: RuntimeOptions) -> bool:
    """Connect to the cluster at *address*, at ``RAY_ADDRESS``, or the one that this process uses; else start Ray.

    Returns true if Ray was started: then it is to be shut down with ``shut_down_ray``.

    Raises:
        RayUnreachable: there is no cluster at the address, or this process is connected to another one.
    """
    if ray.is_initialized():
        _require_same_cluster(address)
        return False
    address = address or os.environ.get("RAY_ADDRESS") or _LOCAL
    starts_ray = address == _LOCAL
    try:
        probe(address)
        log.info("starting Ray on this machine" if starts_ray else "connecting to Ray at %s", *[address][starts_ray:])
        started_at = time.monotonic()
        if starts_ray:
            with defer_sigint():
                _init(
                    address, options, include_dashboard=False, num_cpus=options.num_cpus, _system_config=_own_config()
                )
        else:
            join_while_answered(address, _service(address), partial(_join, address, options), options.call_timeout_s)
        log.info("connected to Ray after %.1f s", time.monotonic() - started_at)
    except RayUnreachable:
        raise
    except Exception as error:  # Ray raises whatever it met: ConnectionError, RuntimeError, even Exception itself
        raise start_error(address, error) from None
    except KeyboardInterrupt:
        if starts_ray:
            shut_down_ray()
        raise
    return starts_ray


def _init(address: str, options: RuntimeOptions, **more: Any) -> None:
    ray.init(
        address=address,
        namespace=options.namespace,
        log_to_driver=not options.quiet or log.isEnabledFor(logging.INFO),
        logging_level=logging.ERROR if options.quiet else logging.INFO,
        **more,
    )


def _join(address: str, options: RuntimeOptions) -> None:
    _check_token(address)
    _init(address, options)


def _service(address: str) -> str:
    """The host and port of the control service at *address*."""
    if address != ANY_RUNNING:
        return address
    resolved = cast("Callable[..., str | None]", _ray_services.canonicalize_bootstrap_address)
    return resolved(address) or address


def _own_config() -> dict[str, int] | None:
    """What a Ray that is started here does otherwise, unless the environment says what it is to do.

    By its default, its workers have a niceness of 15. Beside other programs that keep the machine busy, the sessions
    got 3 % of a CPU then, and could not be reached for seconds.
    """
    return None if _NICENESS in os.environ else {"worker_niceness": 0}


def _check_token(address: str) -> None:
    """Have the cluster check this process's token. Without this, Ray tries for 20 s, and does not say why.

    Raises:
        Exception: Ray's, if the cluster rejects it. Whatever else is wrong, ``ray.init`` finds as well.
    """
    if ":" not in address or "//" in address:
        return  # a keyword of Ray's, or Ray Client
    tokens = importlib.import_module("ray._private.authentication.authentication_token_setup")
    require_token = cast("Callable[..., object]", tokens.ensure_token_if_auth_enabled)
    connect = cast("Callable[..., object]", importlib.import_module("ray._raylet").GcsClient)
    try:
        require_token(None, create_token_if_missing=False)  # a client that lacks one aborts the process
        connect(address=address)
    except AuthenticationError:
        raise
    except Exception as error:
        log.debug("a first connection to %s failed: %s", address, error)


def connect_to_running_ray(address: str | None) -> None:
    """Connect to a cluster as ``connect_to_ray`` does, but start none.

    Raises:
        RayUnreachable: there is none.
    """
    if not ray.is_initialized():
        connect_to_ray(address or os.environ.get("RAY_ADDRESS") or ANY_RUNNING, RuntimeOptions())
    else:
        _require_same_cluster(address)


def shut_down_ray() -> None:
    """Shut down the Ray that ``connect_to_ray`` started. What its namespaces have stored of sessions goes with it."""
    log.info("shutting down the Ray that was started here")
    journals = own_folder(session_folder()) if ray.is_initialized() else None
    with defer_sigint():
        ray.shutdown()
        if journals:
            shutil.rmtree(journals, ignore_errors=True)


def _require_same_cluster(address: str | None) -> None:
    connected = cast(str, ray.get_runtime_context().gcs_address)
    if address in (None, ANY_RUNNING, _LOCAL) or _host_and_port(address) == _host_and_port(connected):
        return
    raise RayUnreachable(
        f"this process is connected to Ray at {connected!r} and can't connect to {shown(address)} as well; "
        "leave the address out, or call ray.shutdown() first"
    )


def _host_and_port(address: str) -> tuple[str | None, int | None]:
    """The host's IP address as Ray reports it, and the port."""
    url = urlsplit(f"//{address}")
    try:
        host = socket.gethostbyname(url.hostname or "")
        this_node = cast(str, ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
        return this_node if host.startswith("127.") else host, url.port
    except (OSError, ValueError):
        return None, None
