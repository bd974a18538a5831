"""Deleting sessions that do not run."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from ..entry import Position, SessionKey
from ..errors import UnknownJournalSession
from ..journal import Journal

Running = Callable[[list[str]], Awaitable[Mapping[str, int]]]
"""Returns those of sessions, by their ids, that run or are about to, with their epochs."""

AT_ONCE = 20
"""So many share a commit where the journal can do that: others wait for so long."""


async def delete_idle(
    journal: Journal, sessions: Iterable[SessionKey], running: Running, last_at: float = math.inf
) -> list[SessionKey]:
    """Delete those of *sessions* that do not run, and whose last record is not after *last_at*. Returns them.

    Who goes on with a session claims its id, and then takes it over. One that is claimed after *running* has said that
    it does not run has another position when it is taken over, so it is not deleted; or it is deleted before that, and
    can't be taken over.
    """
    rest, deleted = list(sessions), list[SessionKey]()
    while rest:
        part, rest = rest[:AT_ONCE], rest[AT_ONCE:]
        deleted += await _delete_idle(journal, part, running, last_at)
    return deleted


async def _delete_idle(
    journal: Journal, sessions: Iterable[SessionKey], running: Running, last_at: float
) -> list[SessionKey]:
    positions = await asyncio.gather(*(_position(journal, session) for session in sessions))
    old = [position for position in positions if position and position.at <= last_at]
    if not old:
        return []
    epochs = await running([position.session.id for position in old])
    idle = [position for position in old if epochs.get(position.session.id) != position.session.epoch]
    deleted = await asyncio.gather(*(journal.delete(position.session, position) for position in idle))
    return [position.session for position, is_deleted in zip(idle, deleted, strict=True) if is_deleted]


async def _position(journal: Journal, session: SessionKey) -> Position | None:
    with suppress(UnknownJournalSession):
        return await journal.position(*session)
    return None
