"""Deleting sessions that do not run."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from ..entry import Position, SessionKey
from ..errors import UnknownJournalSession
from ..journal import Journal

Running = Callable[[list[str]], Awaitable[Mapping[str, int]]]
"""Returns those of sessions, by their ids, that run or are about to, with their epochs."""


async def delete_idle(
    journal: Journal, sessions: Iterable[SessionKey], running: Running, last_at: float = math.inf
) -> list[SessionKey]:
    """Delete those of *sessions* that do not run, and whose last record is not after *last_at*. Returns them.

    Who goes on with a session claims its id, and then takes it over. One that is claimed after *running* has said that
    it does not run has another position when it is taken over, so it is not deleted; or it is deleted before that, and
    can't be taken over.
    """
    positions: list[Position] = []
    for session in sessions:
        with suppress(UnknownJournalSession):
            positions.append(await journal.position(*session))
    old = [position for position in positions if position.at <= last_at]
    if not old:
        return []
    epochs = await running([position.session.id for position in old])
    idle = [position for position in old if epochs.get(position.session.id) != position.session.epoch]
    return [position.session for position in idle if await journal.delete(position.session, position)]
