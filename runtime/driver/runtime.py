"""The runtime: sessions on a Ray cluster, for programs that use asyncio."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Self, TypeVar, overload

from ...providers.schema.checks.shown import shown
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.messages import Message
from ..api.config import SessionConfig
from ..api.errors import RuntimeClosed, UnknownSession, WrongContext
from ..api.fleet.templates import Template
from ..api.fleet.where import FleetResult, Where, checked_share
from ..api.messages import Configure, Interrupt
from ..api.options import RuntimeOptions
from ..api.placement import Dedicated, Packed, Placement
from ..api.status import SessionList
from ..api.tools.function_tool import FunctionTool
from ..api.validation import validated_struct
from ..events.reader import Reader
from ..events.segments import START
from ..journal.errors import UnknownJournalSession
from ..session.fleet.orders import FleetOrder
from .answers.final_answer import FinalAnswer
from .calls.arguments import (
    checked_address,
    checked_limit,
    checked_placement,
    checked_timeout,
    session_ids_of,
    warm_by_provider,
)
from .calls.preparation import encoded_history, prepared_change
from .calls.tool_runs import RunTool, checked_functions, checked_run_tool
from .catalog import Catalog
from .config_file.reading import load_config
from .config_file.runtime_config import RuntimeConfig
from .handles import Handles, opener
from .nodes.nodes import Nodes
from .prompt_map import MapOptions, MapSessions, Prompt, PromptMap, asker, checked_prompts, typed_asker
from .resources import Resources, acquire
from .session_handle import SessionHandle
from .stored_session import StoredSession
from .templates.templates import Templates
from .typed_reply import TypedAnswer

T = TypeVar("T")

log = logging.getLogger(__name__)

_DEDICATED = Dedicated()
_OPTIONS = RuntimeOptions()


class Runtime:
    """Many sessions on one Ray cluster: spawn them, find them, read their events. Use it with ``async with``.

    It connects to the cluster at *address*, or at ``RAY_ADDRESS``; without either it starts Ray on this machine, and
    shuts it down at the end. Its sessions leave memory with it, unless its options say ``detached``; they go on from
    the journal in the next one, unless these say ``NoJournal()``.
    *placement* is the default for ``spawn``. *warm* is how many idle actors are kept ready for dedicated sessions, or
    how many for each provider, such as ``{"anthropic": 2}``, whose modules and certificates these actors have loaded.

    Raises:
        RayUnreachable: on entering, if there is no cluster at the address.
        WrongContext: on entering, if it is entered already.
    """

    def __init__(
        self,
        address: str | None = None,
        placement: Placement = _DEDICATED,
        warm: int | Mapping[str, int] = 0,
        options: RuntimeOptions = _OPTIONS,
    ) -> None:
        self._address = checked_address(address)
        self._placement = checked_placement(placement)
        self._warm = warm_by_provider(warm)
        self._options = validated_struct(options, (RuntimeOptions,), "options")
        if self._options.quotas:
            self._options.quotas.require_known_providers()
        self._resources: Resources | None = None
        self._is_entering = False

    @classmethod
    def from_config(cls, config: RuntimeConfig | str | PathLike[str] | None = None) -> Self:
        """A runtime as a config file says: *config* is what ``load_config`` returns, or takes."""
        if not isinstance(config, RuntimeConfig):
            config = load_config(config)
        return cls(config.address, config.placement, config.warm, config.options)

    async def __aenter__(self) -> Self:
        held = self._resources
        if self._is_entering or (held and not held.registry.owner.is_forked):
            raise WrongContext("the runtime is entered already; leave it first, or create another Runtime")
        self._is_entering = True
        try:
            resources = self._resources = await acquire(self._address, self._options, self._placement, self._warm)
        finally:
            self._is_entering = False
        routers = len(resources.shared_actors.routers)
        log.info("entered the namespace %s, with %d routers", self._options.namespace, routers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        resources, self._resources = self._resources, None
        if resources is None or resources.registry.owner.is_forked:
            return  # what it holds belongs to the process that forked this one
        try:
            await resources.release()
            log.info("left the namespace %s", self._options.namespace)
        finally:
            resources.disconnect()
        resources.termination.exit_if_due()

    async def drain(self, timeout_s: float = 30.0) -> list[str]:
        """Let what runs end, and start nothing more: before the program ends, or is replaced by another one.

        From now on, this runtime opens no session, and its actors start no turn: that raises ``RuntimeDraining``. With
        a journal, sessions leave their actors as soon as they are idle, and go on wherever another program uses them;
        turns that have not ended within *timeout_s* seconds are asked again there. Without one, these are interrupted,
        and all sessions are closed. Then the actors end, and so do this program's readers, with ``RuntimeDraining``.

        Returns the ids of the sessions whose turns did not end in time.
        """
        return await self._require_entered().drain(checked_timeout(timeout_s))

    def __repr__(self) -> str:
        state = "entered" if self._resources else "not entered"
        return f"Runtime(namespace={shown(self._options.namespace)}, address={shown(self._address)}, {state})"

    async def spawn(
        self,
        config: SessionConfig | Template,
        session_id: str | None = None,
        placement: Placement | None = None,
        history: Iterable[Message] = (),
    ) -> SessionHandle:
        """Start a session. Without *session_id*, an id is generated. It goes on from *history*, if one is given.

        The messages of a *history* need no turn numbers; if it ends with a message of the user's, ``retry`` answers it.
        With a ``Template`` in place of a config, the session follows that.

        Raises:
            ConfigError: the config is invalid, or a key or an SDK is missing: the field, variable or extra is named.
                Or the *history* is not valid: the message is named, and the reason.
            SessionExists: the id is taken.
            HistoryFull: the *history* is larger than ``limits.history_bytes``, or than the session actor has room for.
        """
        handles = self._require_handles()
        ids, are_new = session_ids_of(1 if session_id is None else [session_id]), session_id is None
        prepared, tools = await handles.prepared(config)
        pages = await asyncio.to_thread(encoded_history, history, prepared.provider.source)
        return (await handles.open(prepared, tools, ids, placement, history=pages, are_new=are_new))[0]

    async def spawn_many(
        self,
        config: SessionConfig | Template,
        ids: int | Sequence[str],
        placement: Placement | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[SessionHandle]:
        """Start many sessions with one config: all of them, or none. *ids* are their ids, or how many ids to generate.

        *on_progress* is called with the number of sessions started so far, and their total.

        Raises:
            ConfigError, SessionExists: as for ``spawn``; sessions started already are closed again.
        """
        handles = self._require_handles()
        prepared, tools = await handles.prepared(config)
        are_new = isinstance(ids, int)
        return await handles.open(prepared, tools, session_ids_of(ids), placement, on_progress, are_new=are_new)

    @overload
    def map(
        self,
        config: SessionConfig | Template,
        prompts: Iterable[Prompt],
        concurrency: int = 20,
        on_progress: Callable[[int, int | None], None] | None = None,
        *,
        retries: int = 1,
        run_tool: RunTool | None = None,
        output_type: None = None,
    ) -> PromptMap[FinalAnswer]: ...

    @overload
    def map(
        self,
        config: SessionConfig | Template,
        prompts: Iterable[Prompt],
        concurrency: int = 20,
        on_progress: Callable[[int, int | None], None] | None = None,
        *,
        retries: int = 1,
        run_tool: RunTool | None = None,
        output_type: type[T],
    ) -> PromptMap[TypedAnswer[T]]: ...

    def map(
        self,
        config: SessionConfig | Template,
        prompts: Iterable[Prompt],
        concurrency: int = 20,
        on_progress: Callable[[int, int | None], None] | None = None,
        *,
        retries: int = 1,
        run_tool: RunTool | None = None,
        output_type: type[T] | None = None,
    ) -> PromptMap[FinalAnswer] | PromptMap[TypedAnswer[T]]:
        """Ask each of *prompts* in a conversation of its own, *concurrency* of them at once.

        Await the result for the list of the answers, or iterate over it; they are in the order of the prompts. In the
        place of an answer that failed is the error. A prompt is asked up to *retries* times again if it failed for
        something that may pass, after the session's own ``RetryPolicy``. *on_progress* is called with the number of
        prompts that are done and, where *prompts* has a length, with their total.

        The sessions share an actor, unless the placement of the runtime says ``Packed`` with more.

        Raises:
            InvalidConfig: an argument is invalid, such as a single prompt; it is named.
            ConfigError: awaiting or iterating: the config is invalid, or a key or an SDK is missing.
        """
        checked_prompts(prompts)
        checked_run_tool(run_tool)
        options = MapOptions(concurrency, retries, on_progress)
        placement = self._placement if isinstance(self._placement, Packed) else Packed()
        open_session = opener(config, placement, self._require_handles)
        if output_type is None:
            return PromptMap(prompts, MapSessions(open_session, asker(run_tool)), options)
        return PromptMap(prompts, MapSessions(open_session, typed_asker(run_tool, output_type)), options)

    async def session(self, session_id: str, tools: Iterable[FunctionTool] = ()) -> SessionHandle:
        """A handle for an existing session, whichever driver spawned it. Of its tools, *tools* run here.

        Raises:
            UnknownSession: there is no session with that id.
            InvalidConfig: one of *tools* is no function below ``rayconteur.tool``.
        """
        return await self._require_handles().attach(session_id, checked_functions(tools))

    async def open(
        self, session_id: str, config: SessionConfig | Template, placement: Placement | None = None
    ) -> SessionHandle:
        """The session with that id: as ``session`` if it exists, on an actor or in the journal, else as ``spawn``.

        Of programs that do so at the same time, one starts it. If it exists, it keeps its settings; its functions among
        the tools of *config* run here, and its providers have the credentials of those in *config*.
        """
        self._require_entered()
        return await self._require_handles().attach_or_open(session_id, config, placement)

    async def stored(self, session_id: str, epoch: int | None = None) -> StoredSession:
        """What the journal has of a session, open or closed, to be read: in its last epoch, if none is given.

        Raises:
            UnknownSession: the journal has none, or the namespace has no journal.
        """
        journal = self._require_entered().registry.journal
        if journal is None:
            raise UnknownSession("nothing is stored: the namespace was started with NoJournal()")
        try:
            position = await journal.position(session_id, epoch)
        except UnknownJournalSession as unknown:
            raise UnknownSession(unknown.message) from None
        return StoredSession(position.session, journal, self._require_handles().fork)

    async def sessions(self, limit: int | None = None, after: str = "") -> SessionList:
        """The status of every session in the namespace, whichever driver spawned it, in the order of their ids.

        Sessions whose actor does not answer within ``call_timeout_s`` are in its ``unreachable``.

        To read them page by page, give a *limit* and the ``last`` of the previous page as *after*: the page has the
        first sessions after that id, which may have ended. It is the last page if its ``last`` is ``None``.
        """
        limit = None if limit is None else checked_limit(limit)
        return await self._require_entered().registry.statuses.read(limit, after)

    async def interrupt(self, where: Where) -> FleetResult:
        """Interrupt the running turns of all sessions that *where* selects. Done is what had one."""
        return await self._require_entered().registry.fleet.tell(FleetOrder(where, message=Interrupt()))

    async def configure(
        self, change: Configure, where: Where, share: float = 1.0, *, stored: bool = False
    ) -> FleetResult:
        """Change settings of all sessions that *where* selects, or of a *share* of them, 0 to 1.

        The share is by their ids: a larger one has the sessions of a smaller one, and more; the settings of before, for
        the same share, undo it. Sessions that have these settings already are left alone. With *stored*, it is also for
        sessions that only the journal has: they go on from it for a moment.

        Raises:
            ConfigError: *change* is invalid, or a key or an SDK is missing. What only one session rejects is its error.
            JournalRequired: *stored*, and the namespace has none.
        """
        handles, registry = self._require_handles(), self._require_entered().registry
        change = await prepared_change(change, self._options, "message")
        result = await registry.fleet.tell(FleetOrder(where, checked_share(share), change))
        if stored:
            await handles.configure_stored(change, where, share, result)
        return result

    async def close(self, where: Where, drain: bool = False, *, stored: bool = False) -> FleetResult:
        """Close all sessions that *where* selects: now, or with *drain* after the turns that are queued already.

        With *stored*, also those that only the journal has.
        """
        result = await self._require_entered().registry.fleet.close(where, drain)
        if stored:
            await self._require_handles().close_stored(where, result)
        return result

    @property
    def catalog(self) -> Catalog:
        """The sessions that the journal has, running or not: list, count, search, delete and expire them."""
        return Catalog(self._require_entered().registry, self.session)

    @property
    def templates(self) -> Templates:
        """The templates that sessions follow: store, change and delete them."""
        return self._require_handles().templates

    @property
    def nodes(self) -> Nodes:
        """The nodes of the cluster: list and drain them, and move sessions between them."""
        return Nodes(self._require_entered())

    def events(self, after: int | None = None) -> Reader:
        """Read the events of all sessions in the namespace, as they arrive.

        From now on, or with ``after=0`` also those that the routers still hold.
        """
        if after:
            raise InvalidConfig("after", "sessions number their own events; give 0 for all that are held, or None")
        return self._require_handles().read(None, None if after is None else START)

    def _require_handles(self) -> Handles:
        return Handles(self._require_entered(), self._options, self._placement)

    def _require_entered(self) -> Resources:
        if self._resources is None:
            raise RuntimeClosed("the runtime was left, or not entered yet; use it inside 'async with Runtime()'")
        self._resources.registry.require_open()
        return self._resources
