"""The actors that all drivers of a namespace share: its directory and its routers."""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass

import ray

from ..api.errors import RuntimeClosed
from ..api.options import RuntimeOptions
from .directory import DirectoryActor, DirectoryHandle
from .ray_calls import ActorDead, answered, asked, kill
from .router_actor import RouterActor, RouterHandle
from .session_actor import CONCURRENCY

_TRIES = 100
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared actors as one driver knows them. *owned* are those that end with it, whoever else uses them."""

    driver_id: str
    directory: DirectoryHandle
    routers: list[RouterHandle]
    owned: bool

    async def leave(self) -> None:
        """This driver needs them no more. They end, if they are its own, or if nobody else and no session is left."""
        nothing_left = False
        with suppress(RuntimeClosed):
            nothing_left = await asked(self.directory.leave.remote(self.driver_id))
        if self.owned or nothing_left:
            for router in self.routers:
                kill(router)
            kill(self.directory)


async def shared(options: RuntimeOptions) -> Shared:
    """Find the shared actors of the namespace, or make them."""
    for _ in range(_TRIES):
        with suppress(ActorDead):  # those of a runtime that is just being left
            return await _shared(options)
        await asyncio.sleep(_PAUSE_S)
    return await _shared(options)


async def _shared(options: RuntimeOptions) -> Shared:
    driver_id = uuid.uuid4().hex
    found = _exists("_directory", options.namespace)
    lifetime = "detached" if options.detached else None
    directory = DirectoryActor.options(
        name="_directory", namespace=options.namespace, get_if_exists=True, lifetime=lifetime, num_cpus=0
    ).remote(options.routers)
    count = await answered(directory.enter.remote(driver_id))
    routers = [
        RouterActor.options(
            name=f"_router-{number}",
            namespace=options.namespace,
            get_if_exists=True,
            lifetime=lifetime,
            num_cpus=0,
            max_concurrency=CONCURRENCY,
            max_restarts=-1,
        ).remote(options.router_limits)
        for number in range(count)
    ]
    if found:
        await asyncio.gather(*(answered(router.ready.remote()) for router in routers))
    return Shared(driver_id, directory, routers, owned=not found and not options.detached)


def _exists(name: str, namespace: str) -> bool:
    try:
        ray.get_actor(name, namespace=namespace)
    except ValueError:
        return False
    return True
