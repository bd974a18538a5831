"""Stored sessions of the blocking API."""

from collections.abc import Iterable, Iterator
from os import PathLike

from ....providers.schema.messages import Message
from ...api.config import SessionConfig
from ...api.events import FromLLM
from ...api.placement import Placement
from ...api.tools.function_tool import FunctionTool
from .. import stored_session
from .background_loop import BackgroundLoop
from .reply import iterate
from .session_handle import SessionHandle


class StoredSession:
    """``rayconteur.runtime.StoredSession``."""

    def __init__(self, loop: BackgroundLoop, session: stored_session.StoredSession) -> None:
        self.id, self.epoch = session.id, session.epoch
        self._loop = loop
        self._session = session

    def __repr__(self) -> str:
        return repr(self._session)

    def events(self, after: int = 0) -> Iterator[FromLLM]:
        """The events from number *after* + 1 on that are stored by now; ``Missed`` for those that are not recorded."""
        return iterate(self._loop, self._session.events(after))

    def epochs(self) -> tuple[int, ...]:
        """The epochs of all sessions that the journal has of this id, the first one first."""
        return self._loop.run(self._session.epochs())

    def settings(self, at: int | None = None) -> SessionConfig:
        """The settings after the turn *at*, or the last ones, without secrets."""
        return self._loop.run(self._session.settings(at))

    def history(
        self,
        full: bool = False,
        *,
        limit: int | None = None,
        roles: Iterable[str] | None = None,
        before: int | None = None,
        after: int | None = None,
        at: int | None = None,
    ) -> tuple[Message, ...]:
        """The messages, as ``SessionHandle.history`` has them; without those of a turn that runs."""
        return self._loop.run(self._session.history(full, limit=limit, roles=roles, before=before, after=after, at=at))

    def export(self, path: str | PathLike[str] | None = None, full: bool = False, at: int | None = None) -> bytes:
        """The conversation in JSON Lines, as ``SessionHandle.export`` has it."""
        return self._loop.run(self._session.export(path, full, at))

    def fork(
        self,
        at: int | None = None,
        session_id: str | None = None,
        config: SessionConfig | None = None,
        placement: Placement | None = None,
        tools: Iterable[FunctionTool] = (),
    ) -> SessionHandle:
        """Start a session that goes on from this one, as ``SessionHandle.fork`` does. Of its tools *tools* run here."""
        fork = self._session.fork(at, session_id, config, placement, tools)
        return SessionHandle(self._loop, self._loop.run(fork))
