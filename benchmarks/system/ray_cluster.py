"""Ray for a benchmark: the run's own, or one that is started here."""

import os
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

import psutil
import ray
from ray.actor import ActorHandle, ActorProxy

import rayconteur as rc
from rayconteur.runtime import RouterLimits

from . import shared_ray as own_ray
from .memory_probe import blocks, settled

NAMESPACE = f"benchmarks-{os.getpid()}"
"""One for each program and each side: some are in one Ray at once, and others right behind each other."""

_LIMITS = RouterLimits()

A = TypeVar("A")


class _Call(Protocol):
    def remote(self, function: Callable[[object], int]) -> Awaitable[int]: ...


class _Actor(Protocol):
    """What any actor can be asked; Ray's types don't tell."""

    @property
    def __ray_call__(self) -> _Call: ...


def local_runtime(address: str | None = None, *, warm: int = 0, router_limits: RouterLimits = _LIMITS) -> rc.Runtime:
    """A runtime that joins the cluster at *address*, or the run's own, or starts Ray here until its end."""
    options = rc.RuntimeOptions(namespace=NAMESPACE, num_cpus=own_ray.CPUS, router_limits=router_limits)
    return rc.Runtime(address or own_ray.join(), warm=warm, options=options)


def named(name: str) -> object:
    """The actor of that name. A dedicated session's has its id."""
    return cast(object, ray.get_actor(name, namespace=NAMESPACE))


def end(actor: ActorProxy[A]) -> None:
    """End *actor*'s process."""
    ray.kill(cast(ActorHandle[A], actor))


async def unique_bytes(actor: object) -> int:
    """The memory that *actor*'s process has for itself: what would come back if it ended (USS)."""
    return _unique_bytes(await cast(_Actor, actor).__ray_call__.remote(settled))


async def all_unique_bytes() -> int:
    """The same, of this process and all named actors together."""
    return _unique_bytes(settled(None)) + sum([await unique_bytes(actor) for actor in _actors()])


async def all_blocks() -> int:
    """How many pieces of memory Python holds in all of them."""
    return blocks(None) + sum([await cast(_Actor, actor).__ray_call__.remote(blocks) for actor in _actors()])


def _actors() -> list[object]:
    return [named(name) for name in ray.util.list_named_actors()]


def _unique_bytes(process: int) -> int:
    return int(psutil.Process(process).memory_full_info().uss)
