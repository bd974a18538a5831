"""Ray calls, with Ray's errors translated, and with deadlines."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeVar, cast

import ray
from ray._private.state import state as global_state  # the public API has no states without a dashboard
from ray._private.worker import global_worker  # nor does it say where Ray keeps its files
from ray.actor import ActorHandle, ActorProxy
from ray.exceptions import RayError

from ..api.errors import ClusterLost, DeathReason, Unreachable
from ..streams.liveness import no_answer
from ..streams.tls import TLS, ray_tls
from .ray_errors import ActorUnavailable, recorded_reason, translated, unexplained_death
from .start.daemon_thread import in_daemon_thread
from .start.probe import GREETING

T = TypeVar("T")
A = TypeVar("A")

_PAUSE_S = 0.1
_GCS_S = 5.0

UNTIL_LOST_S = 60.0
"""Ray ends a process that can't reach its control service (GCS) for so long: actors have nothing to do before."""

CONCURRENCY = 100_000
"""Calls that one actor runs at once. Hardly any of them waits; those that do must not block others."""

START_S = 60.0
"""How long a process may take to start. On a machine that starts hundreds at once, each takes many seconds."""


async def result_of(call: Awaitable[T]) -> T:
    """The result of a Ray call, however long it takes.

    Raises:
        RayconteurError: as it was raised in the actor.
        ActorDead: the actor has died or exited.
        ActorUnavailable: it can't be reached at the moment.
        RayUnreachable: the cluster went away, or rejects this process.
    """
    try:
        return await call
    except RayError as error:
        if actor_id := unexplained_death(error):
            is_restarted = await gcs_result(UNTIL_LOST_S, _is_restarted, actor_id)
            if is_restarted:
                raise ActorUnavailable(str(error)) from None
        raise translated(error) from None


def _is_restarted(actor_id: str) -> bool:
    """True if the actor runs, or will."""
    try:
        entry = cast(dict[str, Any], global_state.actor_table(actor_id))
    except RayError as error:
        raise translated(error) from None
    return bool(entry) and entry["State"] != "DEAD"


async def result_within(timeout_s: float, call: Callable[[], Awaitable[T]], callee: str) -> T:
    """The result of a Ray call that may be made again: it is, while *callee* can't be reached, for *timeout_s*.

    Raises:
        Unreachable: there was no result in that time.
        RayconteurError, ActorDead, RayUnreachable: as for ``result_of``.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    try:
        async with asyncio.timeout_at(deadline):
            while True:
                try:
                    return await result_of(call())
                except ActorUnavailable:
                    await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        raise no_answer(callee, timeout_s) from None


async def gcs_result(timeout_s: float, call: Callable[..., T], *arguments: object) -> T:
    """The result of a *call* that blocks its thread until Ray's control service (GCS) answers.

    The call goes on after *timeout_s*, in a daemon thread.

    Raises:
        ClusterLost: there was no result in that time.
        Exception: whatever *call* raises.
    """
    result = asyncio.wrap_future(in_daemon_thread(partial(call, *arguments)))
    try:
        await asyncio.wait([result], timeout=timeout_s)
        if result.done():
            return result.result()
    finally:
        result.cancel()
    raise ClusterLost(
        f"Ray's control service (GCS) has not answered within {timeout_s:g} s; sessions go on until it is back, until "
        "Ray ends their processes and this one in 60 s: see whether its process runs, or is stopped"
    )


async def require_gcs() -> None:
    """Check that Ray's control service (GCS) is there, before a call that blocks this process until it is.

    Raises:
        ClusterLost: it does not answer.
    """
    address = cast(str, ray.get_runtime_context().gcs_address)
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_GCS_S):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            with suppress(ConnectionError):
                writer.write(GREETING)
                await reader.read(1)
    except OSError as error:  # TimeoutError is one
        raise ClusterLost(
            f"Ray's control service (GCS) at {address} can't be reached ({type(error).__name__}), so no actor can be "
            "started or found; sessions go on until it is back, until Ray ends their processes and this one in 60 s"
        ) from None
    writer.close()


def not_started(callee: str, timeout_s: float) -> Unreachable:
    """The error for a new actor *callee* that is not there after *timeout_s*."""
    return Unreachable(
        f"{callee} did not start within {timeout_s:g} s; if 'ray status' says that no node has the memory for it, "
        "close sessions, add a node, or set RuntimeOptions(actor_memory_bytes=...); else the machine is overloaded"
    )


def find_actor(name: str, namespace: str) -> object | None:
    """The handle of the actor of that name, if there is one."""
    try:
        return cast(object, ray.get_actor(name, namespace=namespace))
    except ValueError:
        return None
    except RayError as error:
        raise translated(error) from None


def list_actors(namespace: str) -> list[str]:
    """The names of the actors in *namespace* that are alive, or about to start."""
    try:
        named = cast(list[dict[str, str]], ray.util.list_named_actors(all_namespaces=True))
    except RayError as error:
        raise translated(error) from None
    return [actor["name"] for actor in named if actor["namespace"] == namespace]


def started_actors() -> set[str]:
    """The names of all actors of the cluster whose processes run: not of those that Ray can't place yet."""
    try:
        actors = cast(dict[str, dict[str, object]], global_state.actor_table(None, actor_state_name="ALIVE"))
    except RayError as error:
        raise translated(error) from None
    return {str(actor["Name"]) for actor in actors.values()}


def dead_actors() -> dict[str, DeathReason]:
    """The named actors of the cluster that have died, and why: ``CRASHED`` where Ray does not know more."""
    try:
        actors = cast(dict[str, dict[str, Any]], global_state.actor_table(None, actor_state_name="DEAD"))
    except RayError as error:
        raise translated(error) from None
    reasons = ((str(actor["Name"]), recorded_reason(actor["DeathCause"])) for actor in actors.values())
    return {name: reason or DeathReason.CRASHED for name, reason in reasons if name}


def local_process(actor: object) -> int | None:
    """The id of the process of *actor*, if it runs on the node of this one."""
    actor_id = cast(Any, actor)._actor_id.hex()
    try:
        entry = cast(dict[str, Any], global_state.actor_table(actor_id))
    except RayError as error:
        raise translated(error) from None
    return entry["Pid"] or None if entry and entry["Address"]["NodeID"] == node_id() else None


def kill_actor(actor: ActorProxy[A]) -> None:
    """Kill the actor's process at once. Its calls in flight fail."""
    ray.kill(cast(ActorHandle[A], actor))  # an ActorProxy is an ActorHandle at run time, but not for type checkers


def restart_elsewhere(actor: ActorProxy[A]) -> None:
    """Kill the process of an actor that Ray restarts: on another node, if its own is drained."""
    ray.kill(cast(ActorHandle[A], actor), no_restart=False)


def node_id() -> str:
    """The id of the node that this process runs on."""
    return ray.get_runtime_context().get_node_id()


def session_folder() -> str:
    """The folder on this node in which Ray keeps the logs and sockets of this cluster, until it ends."""
    return cast(str, cast(Any, global_worker).node.get_session_dir_path())


def was_restarted() -> bool:
    """True if this process follows another one of the same actor."""
    return bool(cast(object, ray.get_runtime_context().was_current_actor_reconstructed))


@cache
def tls() -> TLS | None:
    """The TLS contexts of this process, if Ray uses TLS."""
    return ray_tls(os.environ)


def node_address() -> str:
    """The address of this node, as Ray's other processes know it."""
    return cast(str, ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
