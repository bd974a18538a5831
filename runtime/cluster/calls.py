"""Ray calls, with this house's errors in place of Ray's."""

from collections.abc import Awaitable
from typing import TypeVar, cast

import ray
from ray.actor import ActorHandle, ActorProxy
from ray.exceptions import RayActorError, RayTaskError

from ...providers.errors import RayconteurError

T = TypeVar("T")
A = TypeVar("A")

ActorGone = RayActorError
"""What a call raises whose actor has died, left, or can't be reached."""


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


def kill(actor: ActorProxy[A]) -> None:
    """End the actor's process at once."""
    ray.kill(cast(ActorHandle[A], actor))  # an ActorProxy is an ActorHandle at run time, but not for type checkers
