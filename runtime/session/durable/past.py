"""What a session was after an earlier turn, from its journal. Nothing is written."""

from typing import NamedTuple

import msgspec

from ...api.errors import UnknownTurn
from ...api.events import Completed, Failed, FromLLM, Interrupted, MessagesAdded, Steered
from ...core.past.turns import Past, past_after, past_of
from ...journal.codec import decoded_record
from ...journal.entry import Entry, SessionKey
from ...journal.errors import CorruptRecord
from ...journal.journal import Journal
from .rebuilding import conversation_at, read_page, read_range

_ENTRIES = 100
"""So many are looked at together: mostly, it is one of the last turns that is asked for."""

_IMPORTED = "imported"

_events = msgspec.msgpack.Decoder(list[FromLLM])


class _Mark(NamedTuple):
    """The record *number* was the last one of *turn*, which it has *ended*; or it has added its messages."""

    number: int
    turn: int
    ended: bool


async def recorded_past(journal: Journal, session: SessionKey, turn: int | None = None) -> Past:
    """What *session* was after *turn*, or is now, without the turn that runs and what is queued.

    Raises:
        UnknownTurn: the turn has not ended, or never was.
        UnknownJournalSession: the journal does not have the session.
        CorruptRecord, UnknownRecord: a record up to the turn can't be read.
        JournalUnavailable: the journal does not answer.
    """
    last = (await journal.position(*session)).number
    if turn is None:
        return past_of((await conversation_at(journal, session, last))[0])
    if turn == 0:
        conversation, _ = await conversation_at(journal, session, 1)
        return past_of(conversation)
    mark = await _find(journal, session, turn, last)
    if mark is None:
        conversation, _ = await conversation_at(journal, session, await _last_import(journal, session, last))
        if turn > conversation.turns:
            raise UnknownTurn(f"session {session} has no turn {turn} that has ended")
        return past_of(conversation, turn)
    before, _ = await conversation_at(journal, session, mark.number - 1)
    (entry,) = await read_range(journal, session, mark.number - 1, mark.number)
    return past_after(before, decoded_record(entry).event, mark.turn, mark.ended)


async def _find(journal: Journal, session: SessionKey, turn: int, last: int) -> _Mark | None:
    """Where *turn* has ended among the records up to *last*; ``None`` if no record of its own says so."""
    marks: dict[int, _Mark] = {}
    damage: CorruptRecord | None = None
    while last > 0 and turn not in marks:
        first = max(0, last - _ENTRIES)
        try:
            entries = await read_range(journal, session, first, last)
        except CorruptRecord as error:  # the turn may have ended before
            damage, last, marks = error, error.number - 1, {}
            continue
        for entry in reversed(entries):
            _note(entry, turn, marks)
        last = first
    if turn not in marks and damage:
        raise damage
    return marks.get(turn)


def _note(entry: Entry, turn: int, marks: dict[int, _Mark]) -> None:
    """Note in *marks* the turns that *entry* has ended; and *turn*, if its messages came with it or entered one."""
    for event in reversed(_events.decode(entry.events) if entry.events else ()):
        match event:
            case Completed() | Failed() | Interrupted():
                marks.setdefault(event.turn, _Mark(entry.number, event.turn, ended=True))
            case MessagesAdded(turns=turns) if turn in turns:
                marks[turn] = _Mark(entry.number, turn, ended=False)
            case Steered(number=number) if number == turn and event.turn in marks:
                marks[turn] = marks[event.turn]
            case _:
                pass


async def _last_import(journal: Journal, session: SessionKey, last: int) -> int:
    """The number of the record, of *last*, with which the initial history of *session* is complete."""
    number = 1
    while number < last:
        for entry in await read_page(journal, session, number):
            if entry.kind != _IMPORTED:
                return number
            number = entry.number
    return number
