"""Calls for sessions that only the journal has: each goes on from it, for the call."""

import asyncio
from collections.abc import Awaitable, Callable

from ....providers.schema.errors import RayconteurError
from ...api.catalog.entry import CatalogEntry, CatalogState
from ...api.errors import UnknownSession
from ...api.fleet.where import FleetResult, SessionOutcome, Where, in_share
from ...cluster.registry.stored_sessions import StoredSessions, place_of
from ...journal.catalog.rows import CatalogFilter

_PAGE = 500
_CONCURRENT_SESSIONS = 16
"""Waking one takes its actor some milliseconds, or a second if it needs a new one."""

Act = Callable[[str], Awaitable[bool | None]]
"""What is done to the session with that id. True if there was something to do; ``None`` if it is not one of those.

The catalog does not know which template a session follows.
"""


async def call_stored(stored: StoredSessions, where: Where, share: float, act: Act, result: FleetResult) -> None:
    """Add to *result* what *act* does to each of the *stored* sessions that *where* selects, or to a *share* of them.

    Those that *result* has already are left out. A session that is stored does nothing: no state fits.
    """
    known = {outcome.id for outcome in result}
    slots = asyncio.Semaphore(_CONCURRENT_SESSIONS)

    async def call(entry: CatalogEntry) -> None:
        async with slots:
            try:
                done = await act(entry.id)
                if done is not None:
                    result.append(SessionOutcome(entry.id, entry.epoch, done))
            except UnknownSession:
                pass  # it has ended meanwhile
            except RayconteurError as error:
                result.append(SessionOutcome(entry.id, entry.epoch, done=False, error=error))

    selected, place = CatalogFilter(where.owner, where.project, where.tag), None
    while not where.state:
        entries = await stored.entries(selected, CatalogState.STORED, place, _PAGE)
        fitting = (each for each in entries if each.id not in known and in_share(each.id, share) and _fits(where, each))
        await asyncio.gather(*map(call, fitting))
        if len(entries) < _PAGE:
            break
        place = place_of(entries[-1])
    result.sort(key=lambda outcome: outcome.id)


def _fits(where: Where, entry: CatalogEntry) -> bool:
    return where.has_id(entry.id) and where.has_labels(entry.labels) and where.has_model({entry.provider}, entry.model)
