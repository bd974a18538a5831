"""Ray calls, with this house's errors in place of Ray's."""

from collections.abc import Awaitable
from typing import TypeVar, cast

import ray
from ray.actor import ActorHandle, ActorProxy
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from ...providers.schema.errors import RayconteurError
from ..api.errors import RuntimeClosed

T = TypeVar("T")
A = TypeVar("A")

ActorGone = RayActorError
"""What a call raises whose actor has died, left, or can't be reached."""

ActorDead = ActorDiedError
"""What it raises when the actor has died or left, and won't come back."""


async def answered(call: Awaitable[T]) -> T:
    """What *call* comes back with.

    Raises:
        RayconteurError: as it was raised in the actor.
        ActorGone: the actor is no longer there.
    """
    try:
        return await call
    except RayTaskError as error:
        if isinstance(error.cause, RayconteurError):
            raise error.cause from None
        raise


async def asked(call: Awaitable[T]) -> T:
    """What *call*, of an actor that all drivers share, comes back with.

    Raises:
        RuntimeClosed: the actor ended with the driver that had started it.
    """
    try:
        return await answered(call)
    except ActorDead:
        raise RuntimeClosed("the runtime that began this namespace was left; enter a runtime again") from None


def kill(actor: ActorProxy[A]) -> None:
    """End the actor's process at once."""
    ray.kill(cast(ActorHandle[A], actor))  # an ActorProxy is an ActorHandle at run time, but not for type checkers
