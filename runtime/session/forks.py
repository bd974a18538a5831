"""What a fork starts from."""

import asyncio
from typing import NamedTuple

from ..api.config import SessionConfig
from ..api.status import ForkOrigin
from ..core.past.forks import forked
from ..core.past.turns import Past
from ..journal.entry import SessionKey
from ..journal.journal import Journal
from .durable.past import recorded_past
from .pages import encode_part


class ForkStart(NamedTuple):
    """The settings of a fork, without secrets, and the parts of its initial history, encoded."""

    config: SessionConfig
    parts: list[bytes]


def fork_start(past: Past, session: tuple[str, int], turn: int | None) -> ForkStart:
    """What a fork starts from that goes on from the *past* of *session*, after *turn* or the last one that it has.

    It takes a while if the history is long, and does not have to run in an event loop.
    """
    if turn is None:
        turn = past.full[-1].turn if past.full else 0
    origin = ForkOrigin(session_id=session[0], epoch=session[1], turn=turn)
    return ForkStart(past.config, [encode_part(part) for part in forked(past, origin)])


async def recorded_fork_start(journal: Journal, session: SessionKey, turn: int | None) -> ForkStart:
    """What a fork of *session* starts from, as *journal* has it. Raises what ``recorded_past`` does."""
    past = await recorded_past(journal, session, turn)
    return await asyncio.to_thread(fork_start, past, session, turn)
