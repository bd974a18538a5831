"""The runtime of the blocking API, for scripts that can't await: the async API's names, over the same code.

Every call waits until it is done, and any thread may call. Ctrl-C during a call cancels the call; the runtime is not
affected. Tools are run in the thread that waits for the answer; *on_progress* is called in the runtime's own thread,
where it must not call the runtime.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Self, TypeVar, cast, overload

from ....providers.schema.errors import RayconteurError
from ....providers.schema.messages import Message
from ...api.config import SessionConfig
from ...api.errors import RuntimeClosed
from ...api.fleet.templates import Template
from ...api.fleet.where import FleetResult, Where
from ...api.messages import Configure
from ...api.options import RuntimeOptions
from ...api.placement import Dedicated, Placement
from ...api.status import SessionList
from ...api.tools.function_tool import FunctionTool
from .. import runtime
from ..answers.final_answer import FinalAnswer
from ..config_file.reading import load_config
from ..config_file.runtime_config import RuntimeConfig
from ..prompt_map import Prompt, PromptMap
from ..typed_reply import TypedAnswer
from .background_loop import BackgroundLoop, CallerThread
from .catalog import Catalog
from .nodes import Nodes
from .reader import Reader, call_in_loop
from .reply import RunTool, in_caller
from .session_handle import SessionHandle
from .sigterm import ExitOnSigterm
from .stored_session import StoredSession
from .templates import Templates

T = TypeVar("T")
A = TypeVar("A", bound=FinalAnswer)

_DEDICATED = Dedicated()
_OPTIONS = RuntimeOptions()


class Runtime:
    """``rayconteur.Runtime``, used with ``with``."""

    def __init__(
        self,
        address: str | None = None,
        placement: Placement = _DEDICATED,
        warm: int | Mapping[str, int] = 0,
        options: RuntimeOptions = _OPTIONS,
    ) -> None:
        self._runtime = runtime.Runtime(address, placement, warm, options)
        self._loop: BackgroundLoop | None = None
        self._sigterm: ExitOnSigterm | None = None

    @classmethod
    def from_config(cls, config: RuntimeConfig | str | PathLike[str] | None = None) -> Self:
        """A runtime as a config file says: *config* is what ``load_config`` returns, or takes."""
        if not isinstance(config, RuntimeConfig):
            config = load_config(config)
        return cls(config.address, config.placement, config.warm, config.options)

    def __enter__(self) -> Self:
        loop = BackgroundLoop()
        try:
            loop.run(self._runtime.__aenter__())  # which rejects a second entry, before anything else
        except BaseException:
            loop.close()
            raise
        self._loop, self._sigterm = loop, ExitOnSigterm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = self._require_entered()
        self._loop = None
        if loop.is_forked:
            return  # what it holds belongs to the process that forked this one
        if self._sigterm and threading.current_thread() is threading.main_thread():
            self._sigterm.stop()
        try:
            loop.run(self._runtime.__aexit__(kind, error, trace))
        finally:
            loop.close()

    def drain(self, timeout_s: float = 30.0) -> list[str]:
        """Let what runs end, and start nothing more."""
        return self._require_entered().run(self._runtime.drain(timeout_s))

    def __repr__(self) -> str:
        return repr(self._runtime)

    def spawn(
        self,
        config: SessionConfig | Template,
        session_id: str | None = None,
        placement: Placement | None = None,
        history: Iterable[Message] = (),
    ) -> SessionHandle:
        """Start a session. Without *session_id*, an id is generated. It goes on from *history*, if one is given."""
        loop = self._require_entered()
        return SessionHandle(loop, loop.run(self._runtime.spawn(config, session_id, placement, history)))

    def spawn_many(
        self,
        config: SessionConfig | Template,
        ids: int | Sequence[str],
        placement: Placement | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[SessionHandle]:
        """Start many sessions with one config: all of them, or none. *ids* are their ids, or how many to generate."""
        loop = self._require_entered()
        sessions = loop.run(self._runtime.spawn_many(config, ids, placement, on_progress))
        return [SessionHandle(loop, session) for session in sessions]

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
    ) -> list[FinalAnswer | RayconteurError]: ...

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
    ) -> list[TypedAnswer[T] | RayconteurError]: ...

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
    ) -> list[FinalAnswer | RayconteurError] | list[TypedAnswer[T] | RayconteurError]:
        """Ask each of *prompts* in a conversation of its own. Returns the answers in order, or errors in their places.

        Tools that the models ask for are run with *run_tool*, in this thread, one after the other.
        """
        loop, caller = self._require_entered(), CallerThread()
        run = in_caller(run_tool, caller) if run_tool is not None else None
        mapped = self._runtime.map(
            config, prompts, concurrency, on_progress, retries=retries, run_tool=run, output_type=output_type
        )

        results = _all_of(cast("PromptMap[TypedAnswer[T]]", mapped))
        return loop.run(results, caller if run_tool is not None else None)

    def session(self, session_id: str, tools: Iterable[FunctionTool] = ()) -> SessionHandle:
        """A handle for an existing session, whichever driver spawned it. Of its tools, *tools* run here."""
        loop = self._require_entered()
        return SessionHandle(loop, loop.run(self._runtime.session(session_id, tools)))

    def open(
        self, session_id: str, config: SessionConfig | Template, placement: Placement | None = None
    ) -> SessionHandle:
        """The session with that id, which is started if there is none."""
        loop = self._require_entered()
        return SessionHandle(loop, loop.run(self._runtime.open(session_id, config, placement)))

    def stored(self, session_id: str, epoch: int | None = None) -> StoredSession:
        """What the journal has of a session, open or closed, to be read: in its last epoch, if none is given."""
        loop = self._require_entered()
        return StoredSession(loop, loop.run(self._runtime.stored(session_id, epoch)))

    def sessions(self, limit: int | None = None, after: str = "") -> SessionList:
        """The status of every session in the namespace, by id: all, or the first *limit* that come after *after*."""
        return self._require_entered().run(self._runtime.sessions(limit, after))

    def interrupt(self, where: Where) -> FleetResult:
        """Interrupt the running turns of all sessions that *where* selects. Done is what had one."""
        return self._require_entered().run(self._runtime.interrupt(where))

    def configure(self, change: Configure, where: Where, share: float = 1.0, *, stored: bool = False) -> FleetResult:
        """Change settings of all sessions that *where* selects, or of a *share* of them, 0 to 1."""
        return self._require_entered().run(self._runtime.configure(change, where, share, stored=stored))

    def close(self, where: Where, drain: bool = False, *, stored: bool = False) -> FleetResult:
        """Close all sessions that *where* selects: now, or with *drain* after the turns that are queued already."""
        return self._require_entered().run(self._runtime.close(where, drain, stored=stored))

    @property
    def catalog(self) -> Catalog:
        """The sessions that the journal has, running or not: list, count, search, delete and expire them."""
        loop = self._require_entered()
        return Catalog(loop, loop.run(call_in_loop(lambda: self._runtime.catalog)))

    @property
    def templates(self) -> Templates:
        """The templates that sessions follow."""
        loop = self._require_entered()
        return Templates(loop, loop.run(call_in_loop(lambda: self._runtime.templates)))

    @property
    def nodes(self) -> Nodes:
        """The nodes of the cluster: list and drain them, and move sessions between them."""
        loop = self._require_entered()
        return Nodes(loop, loop.run(call_in_loop(lambda: self._runtime.nodes)))

    def events(self, after: int | None = None) -> Reader:
        """Read the events of all sessions: from now on, or with ``after=0`` also those that the routers still hold."""
        loop = self._require_entered()
        return Reader(loop, loop.run(call_in_loop(lambda: self._runtime.events(after))))

    def _require_entered(self) -> BackgroundLoop:
        if self._loop is None:
            raise RuntimeClosed("the runtime was left, or not entered yet; use it inside 'with Runtime()'")
        return self._loop


async def _all_of(mapped: PromptMap[A]) -> list[A | RayconteurError]:
    return await mapped
