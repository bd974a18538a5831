"""The records of a conversation."""

from collections.abc import Sequence

import msgspec

from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.instructions import Instruction


def record_in(instructions: Sequence[Instruction], event: ev.Event, number: int) -> ev.Record:
    """The record of *event* among *instructions*: it has the *number*, and comes first."""
    [record] = [step for step in instructions if isinstance(step, ev.Record)]
    assert instructions[0] is record, "something is done before the event is recorded"
    assert record.number == number
    recorded = record.event
    if isinstance(event, ev.Received) and isinstance(recorded, ev.Received) and recorded.partial == ev.NOTHING:
        event = msgspec.structs.replace(event, partial=ev.NOTHING)
    assert recorded == event
    return record
