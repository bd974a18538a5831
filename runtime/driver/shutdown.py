"""Ending a namespace: its sessions, detached ones too, and the actors that its programs share."""

import asyncio
import os
from contextlib import suppress
from typing import cast

from ray.actor import ActorProxy

from ..api.errors import Unreachable
from ..api.options import RuntimeOptions
from ..cluster.directory.actor_names import DIRECTORY, is_host, is_ours
from ..cluster.ray_calls import find_actor, gcs_result, kill_actor, list_actors, local_process, result_of
from ..cluster.ray_errors import ActorGone
from ..cluster.session_actor import SessionActorHandle
from ..cluster.start.ray_start import connect_to_running_ray
from .calls.arguments import checked_timeout

_END_S = 20.0
_EXIT_S = 10.0
"""How long the processes of actors that are gone may take to exit: Ray gives a stopped one some seconds."""

_PAUSE_S = 0.05


async def shutdown(
    namespace: str = RuntimeOptions().namespace, address: str | None = None, drain_s: float | None = None
) -> int:
    """End a namespace, whoever uses it and whatever its processes do. Returns how many actors were ended.

    With *drain_s*, its session actors are drained first, as ``Runtime.drain`` does, for so many seconds at most. All
    its sessions leave memory, detached ones too, and end if there is no journal. Programs that still use it get
    ``RuntimeClosed``. It needs a running cluster: at *address*, at ``RAY_ADDRESS``, the one that this process uses, or
    the one on this machine.

    The actors' processes on this node are gone when it returns, unless that takes them longer than 10 s.

    Raises:
        RayUnreachable: there is no cluster.
        Unreachable: an actor did not end.
    """
    await asyncio.to_thread(connect_to_running_ray, address)
    if drain_s is not None:
        await _drain_hosts(namespace, checked_timeout(drain_s))
    ended: set[str] = set()
    processes: set[int] = set()
    try:
        async with asyncio.timeout(_END_S):
            while names := await gcs_result(_END_S, _kill_all, namespace, processes):
                ended |= names
                await asyncio.sleep(_PAUSE_S)  # the end of an actor is not announced
    except TimeoutError:
        raise Unreachable(f"some actors of namespace {namespace!r} did not end within {_END_S:g} s") from None
    with suppress(TimeoutError):  # in a container, the ids may be of other processes
        async with asyncio.timeout(_EXIT_S):
            while any(map(_is_running, processes)):  # noqa: ASYNC110  for Ray, an actor is gone before its process is
                await asyncio.sleep(_PAUSE_S)
    return len(ended)


async def _drain_hosts(namespace: str, drain_s: float) -> None:
    async def drain(name: str) -> None:
        actor = cast("SessionActorHandle | None", await gcs_result(_END_S, find_actor, name, namespace))
        with suppress(ActorGone):  # it has ended
            if actor is not None:
                await result_of(actor.drain.remote(drain_s))

    hosts = [name for name in await gcs_result(_END_S, list_actors, namespace) if is_host(name)]
    if draining := [asyncio.create_task(drain(name)) for name in hosts]:
        _, late = await asyncio.wait(draining, timeout=drain_s + _END_S)
        for task in late:  # of processes that do not respond
            task.cancel()


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _kill_all(namespace: str, processes: set[int]) -> set[str]:
    """Kill what is left, the directory first: it would report the others.

    Returns the names, and adds the ids of processes on this node to *processes*.
    """
    names = [name for name in list_actors(namespace) if is_ours(name)]
    for name in sorted(names, key=lambda name: name != DIRECTORY):
        if actor := find_actor(name, namespace):
            if process_id := local_process(actor):
                processes.add(process_id)
            kill_actor(cast(ActorProxy[object], actor))
    return set(names)
