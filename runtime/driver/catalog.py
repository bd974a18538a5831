"""The catalog: the sessions that the journal of a namespace has, running or not."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

from ...providers.schema.checks.shown import shown
from ...providers.schema.errors import InvalidConfig
from ..api.catalog.entry import CatalogEntry, CatalogState
from ..api.errors import UnknownSession
from ..cluster.registry.session_registry import SessionRegistry
from ..cluster.registry.stored_sessions import StoredSessions, place_of
from ..journal.catalog.rows import CatalogFilter
from ..journal.catalog.words import words_of
from .calls.arguments import checked_limit
from .session_handle import SessionHandle

Before = CatalogEntry | float | None
"""Where a page begins: after the last entry of the page before, or with what was last active before a time."""


class Catalog:
    """The sessions that the journal has: those that run, those that are only stored, and those that are closed.

    What it says of a session is written a moment after its turns end. Each of its methods raises ``JournalRequired`` if
    the namespace has none, and ``JournalUnavailable`` if that does not answer.

    *owner*, *project* and *tag* are those of ``Labels``; of several, all have to fit. Without any, it is all sessions.
    """

    def __init__(self, registry: SessionRegistry, attach: Callable[[str], Awaitable[SessionHandle]]) -> None:
        self._registry = registry
        self._attach = attach

    def __repr__(self) -> str:
        return f"Catalog(namespace={shown(self._registry.options.namespace)})"

    async def sessions(
        self,
        *,
        owner: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        state: CatalogState | str | None = None,
        before: Before = None,
        limit: int = 100,
    ) -> list[CatalogEntry]:
        """The first *limit* sessions, those with the latest activity first.

        For the next page, give the last entry of this one as *before*. A session that becomes active meanwhile moves to
        the first page. A time in Unix seconds as *before* selects sessions that were last active before.
        """
        return await self._list(CatalogFilter(owner, project, tag), state, before, limit)

    async def search(
        self,
        text: str,
        *,
        owner: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        state: CatalogState | str | None = None,
        before: Before = None,
        limit: int = 100,
    ) -> list[CatalogEntry]:
        """As ``sessions``: those that have all words of *text* in their title, or in the messages of one turn.

        Words are letters and digits in a row, whatever their case. The first 64 Ki characters of a turn are searched.

        Raises:
            SearchUnsupported: the journal is neither in SQLite nor in PostgreSQL.
            InvalidConfig: there is no word in *text*.
        """
        if not isinstance(cast(object, text), str) or not (words := words_of(text)):
            raise InvalidConfig("text", f"give words to search for, not {shown(text)}")
        return await self._list(CatalogFilter(owner, project, tag, words=tuple(words)), state, before, limit)

    async def count(
        self,
        *,
        owner: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        state: CatalogState | str | None = None,
    ) -> int:
        """How many sessions there are."""
        return await self._stored.count(CatalogFilter(owner, project, tag), _state_of(state))

    async def get(self, session_id: str) -> CatalogEntry:
        """What the catalog says of the last session with that id.

        Raises:
            UnknownSession: it has none.
        """
        return await self._stored.entry(session_id)

    async def delete(self, session_id: str) -> None:
        """Close the session if it runs, and delete all that the journal has of it, and of earlier ones with its id.

        Raises:
            UnknownSession: the journal has none.
        """
        stored = self._stored
        while await stored.delete(session_id):
            with suppress(UnknownSession):  # it has just ended
                await (await self._attach(session_id)).close()

    async def expire(
        self,
        *,
        before: float,
        owner: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        every: bool = False,
    ) -> int:
        """Delete sessions that were last active *before* that time, in Unix seconds. Returns how many.

        Those that run are left, however long they have been idle.

        Raises:
            InvalidConfig: neither *owner*, *project* nor *tag* is given: with *every*, it is all sessions.
        """
        selected = CatalogFilter(owner, project, tag)
        if every is (selected != CatalogFilter()):
            raise InvalidConfig(
                "expire", "say whose sessions to delete: give an owner, a project or a tag, or every=True"
            )
        return await self._stored.expire(selected, before)

    @property
    def _stored(self) -> StoredSessions:
        self._registry.require_open()
        return self._registry.stored

    async def _list(
        self, selected: CatalogFilter, state: CatalogState | str | None, before: Before, limit: int
    ) -> list[CatalogEntry]:
        place = None if before is None else place_of(before)
        return await self._stored.entries(selected, _state_of(state), place, checked_limit(limit))


def _state_of(state: CatalogState | str | None) -> CatalogState | None:
    """*state*.

    Raises:
        InvalidConfig: there is no such state.
    """
    known = [each.value for each in CatalogState]
    if state is not None and state not in known:
        raise InvalidConfig("state", f"give one of {', '.join(known)}, not {shown(state)}")
    return None if state is None else CatalogState(state)
