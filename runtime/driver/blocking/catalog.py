"""The catalog of the blocking API."""

from ...api.catalog.entry import CatalogEntry, CatalogState
from .. import catalog
from ..catalog import Before
from .background_loop import BackgroundLoop


class Catalog:
    """``rayconteur.runtime.Catalog``, whose calls wait."""

    def __init__(self, loop: BackgroundLoop, wrapped: catalog.Catalog) -> None:
        self._loop = loop
        self._catalog = wrapped

    def __repr__(self) -> str:
        return repr(self._catalog)

    def sessions(
        self,
        *,
        owner: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        state: CatalogState | str | None = None,
        before: Before = None,
        limit: int = 100,
    ) -> list[CatalogEntry]:
        """The first *limit* sessions, those with the latest activity first; those after *before*."""
        return self._loop.run(
            self._catalog.sessions(owner=owner, project=project, tag=tag, state=state, before=before, limit=limit)
        )

    def search(
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
        """As ``sessions``: those that have all words of *text* in their title, or in the messages of one turn."""
        return self._loop.run(
            self._catalog.search(text, owner=owner, project=project, tag=tag, state=state, before=before, limit=limit)
        )

    def count(
        self,
        *,
        owner: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        state: CatalogState | str | None = None,
    ) -> int:
        """How many sessions there are."""
        return self._loop.run(self._catalog.count(owner=owner, project=project, tag=tag, state=state))

    def get(self, session_id: str) -> CatalogEntry:
        """What the catalog says of the last session with that id."""
        return self._loop.run(self._catalog.get(session_id))

    def delete(self, session_id: str) -> None:
        """Close the session if it runs, and delete all that the journal has of it, and of earlier ones with its id."""
        self._loop.run(self._catalog.delete(session_id))

    def expire(
        self,
        *,
        before: float,
        owner: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        every: bool = False,
    ) -> int:
        """Delete sessions that were last active *before* that time, in Unix seconds. Returns how many."""
        return self._loop.run(self._catalog.expire(before=before, owner=owner, project=project, tag=tag, every=every))
