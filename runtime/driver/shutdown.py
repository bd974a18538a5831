"""Ending a namespace: its sessions, detached ones too, and the actors that its programs share."""

import asyncio
from typing import cast

from ray.actor import ActorProxy

from ..api.errors import Unreachable
from ..api.options import RuntimeOptions
from ..cluster.directory.actor_names import DIRECTORY, is_ours
from ..cluster.ray_calls import find_actor, kill_actor, list_actors
from ..cluster.start.ray_start import connect_to_running_ray

_END_S = 20.0
_PAUSE_S = 0.05


async def shutdown(namespace: str = RuntimeOptions().namespace, address: str | None = None) -> int:
    """End a namespace, whoever uses it and whatever its processes do. Returns how many actors were ended.

    All its sessions end, detached ones too. Programs that still use it get ``RuntimeClosed``. It needs a running
    cluster: at *address*, at ``RAY_ADDRESS``, the one that this process uses, or the one on this machine.

    Raises:
        RayUnreachable: there is no cluster.
        Unreachable: an actor did not end.
    """
    await asyncio.to_thread(connect_to_running_ray, address)
    ended: set[str] = set()
    try:
        async with asyncio.timeout(_END_S):
            while names := await asyncio.to_thread(_kill_all, namespace):
                ended |= names
                await asyncio.sleep(_PAUSE_S)  # the end of an actor is not announced
    except TimeoutError:
        raise Unreachable(f"some actors of namespace {namespace!r} did not end within {_END_S:g} s") from None
    return len(ended)


def _kill_all(namespace: str) -> set[str]:
    """Kill what is left, the directory first: it would report the others. Returns the names."""
    names = [name for name in list_actors(namespace) if is_ours(name)]
    for name in sorted(names, key=lambda name: name != DIRECTORY):
        if actor := find_actor(name, namespace):
            kill_actor(cast(ActorProxy[object], actor))
    return set(names)
