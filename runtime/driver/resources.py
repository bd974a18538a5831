"""What a runtime holds while it is entered."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ..api.errors import RuntimeClosed, RuntimeDraining
from ..api.options import RuntimeOptions
from ..api.placement import Placement
from ..cluster.pool.actor_pool import ActorPool
from ..cluster.registry.session_registry import SessionRegistry
from ..cluster.shared_actors import SharedActors, find_or_start_shared_actors
from ..cluster.start.ray_start import connect_to_ray, shut_down_ray
from ..events.router_connections import RouterConnections
from ..session.durable.reading import last_recorded
from .calls.abandoned_turns import AbandonedTurns
from .calls.reply_options import ReplyOptions
from .calls.tool_runs import ToolLimits
from .kept_readers import KeptReaders
from .termination import Termination


@dataclass(frozen=True, slots=True)
class Resources:
    """What a runtime holds while it is entered. *started_ray*: it is on a Ray that it has started itself."""

    started_ray: bool
    shared_actors: SharedActors
    pool: ActorPool
    registry: SessionRegistry
    connections: RouterConnections
    replies: ReplyOptions
    termination: Termination

    async def drain(self, timeout_s: float) -> list[str]:
        """Finish what runs on the actors of this program, and start nothing more; then these end, and no event comes.

        Returns the ids of the sessions whose turns did not end within *timeout_s*.
        """
        late = await self.pool.drain(timeout_s)
        self.replies.kept_readers.close()
        reason = "the runtime has been drained: what it had begun goes on when another one opens the session"
        await self.connections.close(RuntimeDraining(reason))
        return late

    async def release(self) -> None:
        """End what this program holds in the namespace, and what is only its own."""
        await self.termination.stop()
        await self.replies.abandoned_turns.finish()
        self.replies.kept_readers.close()
        await self.connections.close(RuntimeClosed("the runtime was left"))
        await self.shared_actors.release(unregisters=not self.started_ray)  # first: it says why they end
        await self.registry.shut_down(ends_actors=not self.started_ray)

    def disconnect(self) -> None:
        """Shut Ray down, if it was started for this runtime."""
        if self.started_ray:
            shut_down_ray()


async def acquire(
    address: str | None, options: RuntimeOptions, placement: Placement, warm: Mapping[str, int]
) -> Resources:
    """Connect to Ray at *address*, or start it, and join the namespace of the *options*, or start that.

    Raises:
        RayUnreachable: there is no cluster at the address.
    """
    started_ray = connect_to_ray(address, options)
    try:
        shared_actors = await find_or_start_shared_actors(options)
        pool = ActorPool(shared_actors, options, warm)
        registry = SessionRegistry(shared_actors, options, pool, placement)
        journal = registry.journal
        if not shared_actors.journal_opening:  # else when they are needed
            await registry.templates.load()
        connections = shared_actors.connect_to_routers(partial(last_recorded, journal) if journal else None)
    except BaseException:
        if started_ray:
            shut_down_ray()
        raise
    replies = ReplyOptions(KeptReaders(), AbandonedTurns(), ToolLimits.of(options), options.on_abandon)
    termination = Termination(lambda: pool.drain(options.drain_s))
    return Resources(started_ray, shared_actors, pool, registry, connections, replies, termination)
