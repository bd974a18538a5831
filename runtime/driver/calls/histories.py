"""Reading the history of a session, and its past: from its journal if there is one, or else from its actor."""

from ....providers.schema.messages import Message
from ...journal.entry import SessionKey as JournalKey
from ...session.durable.past import recorded_past
from ...session.forks import ForkStart, recorded_fork_start
from ...session.pages import HistorySelection
from .session_calls import SessionCalls


async def read_history(calls: SessionCalls, full: bool, selection: HistorySelection) -> tuple[Message, ...]:
    """The messages of *selection*; if *full*, with those that compactions removed, and without summaries."""
    journal = calls.registry.journal
    if journal and selection.at is not None:
        past = await recorded_past(journal, JournalKey(*calls.session.key), selection.at)
        return selection.of(past.full if full else past.messages)
    return await calls.history(full, selection)


async def read_fork_start(calls: SessionCalls, at: int | None) -> ForkStart:
    """What a fork of the session starts from that goes on after the turn *at*, or after the last one."""
    key = calls.session.key
    if journal := calls.registry.journal:
        return await recorded_fork_start(journal, JournalKey(*key), at)
    return await calls.call(lambda host: host.call_while_alive(host.actor.fork_start.remote(key, at)))
