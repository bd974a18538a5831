"""The journal of a namespace, for its drivers and session actors."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...api.catalog.retention import RETENTION
from ...api.errors import DeathReason, RuntimeClosed
from ...api.options import RuntimeOptions
from ...journal.errors import JournalUnavailable
from ...journal.journal import IN_ONE_FILE, Capabilities
from ...journal.remote.remote_journal import RemoteJournal, ServerGone
from ...session.durable.journaling import Journaling
from ...streams.channel import Channel
from ...streams.endpoint import Endpoint
from ..directory.actor_names import JOURNAL
from ..nodes.actor_options import RayOptions, shared_actor
from ..ray_calls import START_S, node_id, result_within, tls
from ..ray_errors import ActorDead
from .actor import JournalActor, JournalHandle
from .place import JournalPlace

_JOURNAL_SHARE = 0.75
"""Of the time that a caller of a session actor has: how long the journal has."""


class JournalRef(msgspec.Struct, frozen=True):
    """The actor that has the namespace's journal open, and what that journal guarantees."""

    actor: JournalHandle
    capabilities: Capabilities

    def connect(
        self, caller_id: str, timeout_s: float, opened: Callable[[], Awaitable[object]] | None = None
    ) -> RemoteJournal:
        """The journal, for the driver or host *caller_id*, whose calls have *timeout_s*. The first one connects.

        Calls wait until it is *opened*, if that is given.
        """

        async def locate() -> Endpoint:
            try:
                return await result_within(START_S, self.actor.endpoint.remote, "the journal")
            except (ActorDead, RuntimeClosed):
                raise ServerGone("its actor has ended") from None

        return RemoteJournal(Channel(locate, caller_id, node_id(), tls()), self.capabilities, timeout_s, opened)

    def journaling(self, host_id: str, call_timeout_s: float) -> Journaling:
        """Records the sessions of *host_id*. It waits less for the journal than a caller waits for it: it says why."""
        wait_s = _JOURNAL_SHARE * call_timeout_s
        return Journaling(self.connect(host_id, wait_s), wait_s)


def find_or_start_journal(
    place: JournalPlace, options: RuntimeOptions, memory_bytes: int, one_node: RayOptions
) -> JournalHandle:
    """The actor of the journal in *place*: on the node of its file, if it is in one, or where *one_node* says.

    With a file that nobody has named, it requests no memory, since it can be nowhere else, and deletes old sessions.
    """
    retention = options.retention
    if place.is_of_ray_session:
        memory_bytes, retention = 0, retention or RETENTION
    if place.node_id:
        one_node = {"scheduling_strategy": NodeAffinitySchedulingStrategy(place.node_id, soft=False)}
    return JournalActor.options(**shared_actor(JOURNAL, options, memory_bytes, one_node)).remote(
        place.config, options.ports, options.namespace, retention
    )


class JournalOpening:
    """The opening of the journal of *actor*, which goes on while others wait for it, or do not. Create it in a loop."""

    def __init__(self, actor: JournalHandle) -> None:
        self._actor = actor
        self._opening = self._begin()

    async def opened(self) -> JournalRef:
        """The journal, once it is open. After a failure, it is opened anew. Raises what ``opened_journal`` does."""
        if self._opening.done() and not self._opening.cancelled() and self._opening.exception():
            self._opening = self._begin()
        try:
            return await asyncio.shield(self._opening)
        except asyncio.CancelledError:
            if self._opening.cancelled():  # by ``stop``, not whoever waits
                raise RuntimeClosed("the runtime was left") from None
            raise

    def stop(self) -> None:
        """Wait no more: whoever does gets ``RuntimeClosed``."""
        self._opening.cancel()

    def _begin(self) -> asyncio.Task[JournalRef]:
        opening = asyncio.create_task(opened_journal(self._actor))
        opening.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be needed by nobody
        return opening


async def opened_or_opening(
    actor: JournalHandle, place: JournalPlace, waits: bool
) -> tuple[JournalRef, JournalOpening | None]:
    """The journal of *actor* in *place*: with its opening if that is of a new file which nobody has named, else open.

    A caller that *waits* gets it open in any case, and listening: it may be another's, or find no port. Raises what
    ``opened_journal`` does.
    """
    if place.is_of_ray_session and not waits:
        return JournalRef(actor, IN_ONE_FILE), JournalOpening(actor)
    journal = await opened_journal(actor)
    if waits:
        await result_within(START_S, actor.endpoint.remote, "the journal")
    return journal, None


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
