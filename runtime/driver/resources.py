"""What a runtime holds while it is entered."""

from dataclasses import dataclass

from ..cluster.pool.actor_pool import ActorPool
from ..cluster.registry.session_registry import SessionRegistry
from ..cluster.shared_actors import SharedActors
from ..events.router_connections import RouterConnections
from .reply import ReplyOptions


@dataclass(frozen=True, slots=True)
class Resources:
    """What a runtime holds while it is entered."""

    shared_actors: SharedActors
    pool: ActorPool
    registry: SessionRegistry
    connections: RouterConnections
    replies: ReplyOptions
