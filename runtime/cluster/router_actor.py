"""The router actor: ``events.router.Router`` in a process of its own."""

from typing import cast

import ray
from ray.actor import ActorClass, ActorProxy

from ..events.router import Router


class _RouterCalls:
    """The methods of a router as Ray calls: type checkers read ``.remote`` from ``ray.method`` only."""

    publish = ray.method(Router.publish)
    end_sessions = ray.method(Router.end_sessions)
    positions = ray.method(Router.positions)
    update_subscriptions = ray.method(Router.update_subscriptions)
    poll = ray.method(Router.poll)

    @ray.method
    def __ray_ready__(self) -> bool:
        """True, when the router runs. Ray adds it to every actor."""
        raise NotImplementedError


RouterActor = cast("ActorClass[_RouterCalls]", ray.remote(Router))
RouterHandle = ActorProxy[_RouterCalls]
