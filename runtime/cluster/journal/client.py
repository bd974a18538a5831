"""The journal of a namespace, for its drivers and session actors."""

import msgspec
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...api.errors import DeathReason, RuntimeClosed
from ...api.options import RuntimeOptions
from ...journal.errors import JournalUnavailable
from ...journal.journal import Capabilities
from ...journal.remote.remote_journal import TIMEOUT_S, RemoteJournal, ServerGone
from ...streams.channel import Channel
from ...streams.endpoint import Endpoint
from ..directory.actor_names import JOURNAL
from ..ray_calls import CONCURRENCY, START_S, node_id, result_within, tls
from ..ray_errors import ActorDead
from .actor import JournalActor, JournalHandle
from .place import JournalPlace


class JournalRef(msgspec.Struct, frozen=True):
    """The actor that has the namespace's journal open, and what that journal guarantees."""

    actor: JournalHandle
    capabilities: Capabilities

    def connect(self, caller_id: str, timeout_s: float = TIMEOUT_S) -> RemoteJournal:
        """The journal, for the driver or host *caller_id*, whose calls have *timeout_s*. The first one connects."""

        async def locate() -> Endpoint:
            try:
                return await result_within(START_S, self.actor.endpoint.remote, "the journal")
            except (ActorDead, RuntimeClosed):
                raise ServerGone("its actor has ended") from None

        return RemoteJournal(Channel(locate, caller_id, node_id(), tls()), self.capabilities, timeout_s)


def find_or_start_journal(place: JournalPlace, options: RuntimeOptions, memory_bytes: int) -> JournalHandle:
    """The actor of the journal in *place*. It is detached and restarted, as the directory is."""
    return JournalActor.options(
        name=JOURNAL,
        namespace=options.namespace,
        get_if_exists=True,
        lifetime="detached",
        num_cpus=0,
        memory=memory_bytes,
        max_concurrency=CONCURRENCY,
        max_restarts=-1,
        scheduling_strategy=NodeAffinitySchedulingStrategy(place.node_id, soft=False) if place.node_id else "DEFAULT",
    ).remote(place.config, options.ports, options.namespace, options.retention)


async def opened_journal(actor: JournalHandle) -> JournalRef:
    """The journal of *actor*, once it is open.

    Raises:
        JournalError: it can't be opened; the class says why.
        ActorDead: the namespace is just being removed.
    """
    try:
        return JournalRef(actor, await result_within(START_S, actor.open.remote, "the journal"))
    except ActorDead as death:
        if death.reason is not DeathReason.NOT_STARTED:
            raise
        raise JournalUnavailable(
            "the journal's actor can't be started: the node of its file is gone, or its process fails; see Ray's logs"
        ) from None
