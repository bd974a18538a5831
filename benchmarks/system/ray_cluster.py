"""Ray for a benchmark: the one shared by a run, or one that is started here; and the memory of its actors."""

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar, cast

import psutil
import ray
from ray.actor import ActorHandle, ActorProxy

import rayconteur as rc
from rayconteur.runtime import JournalConfig, NoJournal, Placement, Quotas, RouterLimits

from . import shared_ray
from .memory_probe import allocated_blocks, collect_garbage

NAMESPACE = f"benchmarks-{os.getpid()}"
"""One per process: several programs and contestants use the same Ray, at once or in close succession."""

ONE_ACTOR = rc.Packed(sessions_per_actor=1_000_000)
"""All sessions in one actor."""

_PACKED_PREFIX = "_host-"
_ROUTER_LIMITS = RouterLimits()
_DEDICATED = rc.Dedicated()
_NO_JOURNAL = NoJournal()

A = TypeVar("A")


class _Call(Protocol):
    def remote(self, function: Callable[[object], int]) -> Awaitable[int]: ...


class _Actor(Protocol):
    """The method that Ray adds to every actor; its types don't have it."""

    @property
    def __ray_call__(self) -> _Call: ...


class _Place(Protocol):
    host_id: str


class _Find(Protocol):
    def remote(self, session_id: str) -> Awaitable[_Place]: ...


class _Directory(Protocol):
    """The method of the directory that is used here."""

    @property
    def find(self) -> _Find: ...


def local_runtime(
    address: str | None = None,
    *,
    warm: int | Mapping[str, int] = 0,
    router_limits: RouterLimits = _ROUTER_LIMITS,
    namespace: str = NAMESPACE,
    journal: JournalConfig = _NO_JOURNAL,
    placement: Placement = _DEDICATED,
    quotas: Quotas | None = None,
) -> rc.Runtime:
    """A runtime on the cluster at *address*, else on the run's shared Ray, else on a Ray that it starts and ends."""
    options = rc.RuntimeOptions(
        namespace=namespace, num_cpus=shared_ray.CPUS, router_limits=router_limits, journal=journal, quotas=quotas
    )
    return rc.Runtime(address or shared_ray.join(), placement, warm=warm, options=options)


def init_ray(address: str | None) -> None:
    """Join the cluster at *address*, or start Ray, whatever else runs on this machine."""
    os.environ |= shared_ray.SETTINGS
    if address is not None:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    else:
        ray.init(
            "local", num_cpus=shared_ray.CPUS, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )


def actor_named(name: str, namespace: str = NAMESPACE) -> object:
    """The actor of that name."""
    return cast(object, ray.get_actor(name, namespace=namespace))


async def actor_of(session_id: str, namespace: str = NAMESPACE) -> object:
    """The actor of a session, as the directory of the namespace knows it."""
    place = await cast(_Directory, actor_named("_directory", namespace)).find.remote(session_id)
    return actor_named(place.host_id, namespace)


def shared_actors(namespace: str) -> dict[str, object]:
    """The actors of *namespace* that its sessions share, by what they are."""
    named = cast(list[dict[str, str]], ray.util.list_named_actors(all_namespaces=True))
    return {
        each["name"].strip("_").partition("-")[0]: actor_named(each["name"], namespace)
        for each in named
        if each["namespace"] == namespace
    }


def packed_actor() -> object:
    """The actor of all packed sessions, if they share one."""
    (name,) = [name for name in ray.util.list_named_actors() if name.startswith(_PACKED_PREFIX)]
    return actor_named(name)


def joined_address() -> str:
    """The address of the Ray that this process has joined, for other processes."""
    return cast(str, ray.get_runtime_context().gcs_address)


def kill_actor(actor: ActorProxy[A]) -> None:
    """End the process of *actor*."""
    ray.kill(cast(ActorHandle[A], actor))


async def unique_bytes(actor: object) -> int:
    """The unique memory (USS) of *actor*'s process: what would be freed if it ended."""
    return _unique_bytes(await cast(_Actor, actor).__ray_call__.remote(collect_garbage))


async def process_of(actor: object) -> psutil.Process:
    """The process of *actor*, which imports nothing for that: a local function goes by value."""

    def process_id(actor: object) -> int:
        del actor
        return os.getpid()

    return psutil.Process(await cast(_Actor, actor).__ray_call__.remote(process_id))


async def total_unique_bytes() -> int:
    """The unique memory of this process and all named actors together."""
    return _unique_bytes(collect_garbage(None)) + sum([await unique_bytes(actor) for actor in _named_actors()])


async def total_blocks() -> int:
    """The number of memory blocks that Python has allocated in this process and all named actors."""
    actors = [await cast(_Actor, actor).__ray_call__.remote(allocated_blocks) for actor in _named_actors()]
    return allocated_blocks(None) + sum(actors)


def _named_actors() -> list[object]:
    return [actor_named(name) for name in ray.util.list_named_actors()]


def _unique_bytes(pid: int) -> int:
    return int(psutil.Process(pid).memory_full_info().uss)
