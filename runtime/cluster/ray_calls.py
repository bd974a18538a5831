"""Ray calls, with Ray's exceptions translated."""

import os
from collections.abc import Awaitable
from functools import cache
from typing import TypeVar, cast

import ray
from ray.actor import ActorHandle, ActorProxy
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from ...providers.schema.errors import RayconteurError
from ..api.errors import RuntimeClosed
from ..streams.tls import TLS, ray_tls

T = TypeVar("T")
A = TypeVar("A")

ActorGone = RayActorError
"""Raised by a call whose actor has died or exited, or can't be reached at the moment."""

ActorDead = ActorDiedError
"""Raised by a call whose actor has died or exited, and will not be restarted."""


async def result_of(call: Awaitable[T]) -> T:
    """The result of a Ray call.

    Raises:
        RayconteurError: as it was raised in the actor.
        ActorGone: the actor has died, exited or can't be reached.
    """
    try:
        return await call
    except RayTaskError as error:
        if isinstance(error.cause, RayconteurError):
            raise error.cause from None
        raise


async def shared_result_of(call: Awaitable[T]) -> T:
    """The result of a Ray call to an actor that all drivers of the namespace share.

    Raises:
        RuntimeClosed: the actor ended with the runtime that had started it.
    """
    try:
        return await result_of(call)
    except ActorDead:
        raise RuntimeClosed("the runtime that began this namespace was left; enter a runtime again") from None


def kill_actor(actor: ActorProxy[A]) -> None:
    """Kill the actor's process at once. Its calls in flight fail."""
    ray.kill(cast(ActorHandle[A], actor))  # an ActorProxy is an ActorHandle at run time, but not for type checkers


def node_id() -> str:
    """The id of the node that this process runs on."""
    return ray.get_runtime_context().get_node_id()


@cache
def tls() -> TLS | None:
    """The TLS contexts of this process, if Ray uses TLS."""
    return ray_tls(os.environ)


def node_address() -> str:
    """The address of this node, as Ray's other processes know it."""
    return cast(str, ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
