"""The records of a conversation: part of the model checker."""

from collections.abc import Sequence

import msgspec

from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Instruction
from rayconteur.runtime.journal.codec import decoded_record, decoded_snapshot, encoded_record, encoded_snapshot
from rayconteur.runtime.journal.entry import SessionKey

_SESSION = SessionKey("s", 1)


class RecordLedger:
    """The *records* so far, the first of which is *opened*."""

    def __init__(self, opened: ev.Opened) -> None:
        self.records = [ev.Record(1, opened)]

    def add(self, event: ev.Event, instructions: Sequence[Instruction]) -> None:
        """*event* led to *instructions*."""
        records = [step for step in instructions if isinstance(step, ev.Record)]
        [record] = records
        assert instructions[0] is record, "something is done before the event is recorded"
        assert record.number == len(self.records) + 1
        recorded = record.event
        if isinstance(event, ev.Received) and isinstance(recorded, ev.Received) and recorded.partial == ev.NOTHING:
            event = msgspec.structs.replace(event, partial=ev.NOTHING)
        assert recorded == event
        self.records.append(record)

    def rebuilt(self) -> Conversation:
        """The conversation that the records lead to, as a journal has stored them."""
        entries = [encoded_record(record, _SESSION, 1, 0, 0.0) for record in self.records]
        return Conversation.replay(map(decoded_record, entries))


def stored_and_restored(conversation: Conversation) -> Conversation:
    """What a stored snapshot of *conversation* leads to."""
    snapshot = decoded_snapshot(encoded_snapshot(conversation.snapshot(), _SESSION, 0))
    return Conversation.restore(snapshot)
