"""What a record did to its session, and how that differs from what was recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.content import Text
from ...providers.schema.errors import RayconteurError
from ...runtime.api.events import FromLLM
from ...runtime.api.messages import ToLLM, UserMessage
from ...runtime.core import events as ev
from ...runtime.core.conversation import Conversation
from ...runtime.core.instructions import Emit, Instruction
from ...runtime.core.past.snapshot import Snapshot
from ...runtime.journal.codec import decoded_record
from ...runtime.journal.entry import Entry
from ...runtime.journal.errors import CorruptRecord
from ..formatting import one_line

_TEXT_CHARS = 50

_events = msgspec.msgpack.Decoder(list[FromLLM])


class State(NamedTuple):
    """What a conversation is doing, and what it holds and counts."""

    phase: str
    messages: int
    queued: int
    turns: int
    requests: int
    compactions: int
    tokens: int

    @classmethod
    def of(cls, conversation: Conversation) -> "State":
        """That of *conversation* now."""
        counters, usage = conversation.counters, conversation.usage
        return cls(
            str(conversation.phase.__struct_config__.tag),
            conversation.message_count,
            len(conversation.queue),
            counters.turns,
            counters.requests,
            counters.compactions,
            (usage.input.tokens or 0) + (usage.output.tokens or 0),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """What the record in *entry* did when it was replayed: it led to *instructions*, and from one state to another.

    *differences* are those between what it did then and what was recorded.
    """

    entry: Entry
    event: ev.Event
    before: State
    after: State
    instructions: Sequence[Instruction]
    differences: tuple[str, ...]

    @property
    def emitted(self) -> list[FromLLM]:
        """The events for readers."""
        return [step.event for step in self.instructions if isinstance(step, Emit)]


def replay_record(conversation: Conversation, entry: Entry) -> Step:
    """Replay the record in *entry* with this version of the code: *conversation* is as it was before.

    Raises:
        CorruptRecord, UnknownRecord: it can't be read.
    """
    event, recorded = decoded_record(entry).event, _recorded_events(entry)
    before = State.of(conversation)
    instructions: list[Instruction] = []
    try:
        instructions = conversation.handle(event)
        applies = any(isinstance(step, ev.Record) and step.event == event for step in instructions)
        problem = "" if applies else "nothing waits for it now"
    except RayconteurError as error:
        problem = f"it is refused now: {error.code}: {error.message}"
    emitted = [step.event for step in instructions if isinstance(step, Emit)]
    differences = (problem,) if problem else tuple(_differences(recorded, emitted))
    return Step(entry, event, before, State.of(conversation), instructions, differences)


def state_differences(conversation: Conversation, snapshot: Snapshot) -> tuple[str, ...]:
    """What *conversation* has other than *snapshot*, which was stored of it: the names of the parts."""
    now = conversation.snapshot()
    names = [name for name in Snapshot.__struct_fields__ if getattr(now, name) != getattr(snapshot, name)]
    return tuple(f"the state has another {name} than the stored snapshot" for name in names)


def line_of(step: Step) -> str:
    """What the record did, in one line."""
    entry = step.entry
    at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    kind = f"{entry.kind} {_kind(step.event.message)}" if isinstance(step.event, ev.Received) else entry.kind
    changes = ", ".join([*_changes(step.before, step.after), *_counted(map(_kind, step.emitted))])
    text = _text(step.event)
    return f"{entry.number:>7}  {at}  {kind:<24}{entry.size_bytes:>9,} B  {changes or 'no change'}{text}"


def json_of(step: Step) -> dict[str, object]:
    """What the record did, for JSON."""
    entry = step.entry
    return {
        "record": entry.number,
        "at": entry.at,
        "incarnation": entry.incarnation,
        "kind": entry.kind,
        "message": _kind(step.event.message) if isinstance(step.event, ev.Received) else None,
        "bytes": entry.size_bytes,
        "before": step.before._asdict(),
        "after": step.after._asdict(),
        "events": [_kind(event) for event in step.emitted],
        "differences": step.differences,
    }


def message_text(message: UserMessage) -> str:
    """The text of a user's message."""
    return " ".join(block.text for block in message.content if isinstance(block, Text))


def answer_text(answered: ev.Answered) -> str:
    """The text of an answer."""
    return "".join(block.text for block in answered.answer.content if isinstance(block, Text))


def _recorded_events(entry: Entry) -> list[FromLLM]:
    try:
        return _events.decode(entry.events) if entry.events else []
    except msgspec.MsgspecError as error:
        problem = f"the events of record {entry.number} of session {entry.session} can't be read: {error}"
        raise CorruptRecord(problem, entry.session.id, entry.number) from error


def _differences(recorded: Sequence[FromLLM], emitted: Sequence[FromLLM]) -> Iterator[str]:
    for index, (old, new) in enumerate(zip_longest(recorded, emitted), 1):
        if old is None or new is None or type(old) is not type(new):
            yield f"event {index}: recorded {_kind(old)}, now {_kind(new)}"
            continue
        for name in old.__struct_fields__:
            then, now = getattr(old, name), getattr(new, name)
            if then != now and name not in ("session_id", "seq", "at"):  # these are given when it is sent
                yield f"{_kind(old)}.{name}: recorded {_shown(then)}, now {_shown(now)}"


def _changes(before: State, after: State) -> Iterator[str]:
    if before.phase != after.phase:
        yield f"{before.phase} → {after.phase}"
    for name, then, now in zip(State._fields[1:], before[1:], after[1:], strict=True):
        if then != now:
            yield f"{now - then:+,} {name}"


def _counted(kinds: Iterator[str]) -> Iterator[str]:
    """Each of *kinds*, with how often it comes in a row."""
    row: list[str] = []
    for kind in kinds:
        if row and row[0] != kind:
            yield _row(row)
            row = []
        row.append(kind)
    if row:
        yield _row(row)


def _row(row: Sequence[str]) -> str:
    return row[0] if len(row) == 1 else f"{len(row)} {row[0]}"


def _text(event: ev.Event) -> str:
    match event:
        case ev.Received(message=UserMessage() as message):
            text = message_text(message)
        case ev.Answered():
            text = answer_text(event)
        case ev.RequestFailed(failure=failure):
            text = f"{failure.code}: {failure.message}"
        case _:
            text = ""
    return f"  {one_line(text, _TEXT_CHARS)!r}" if text else ""


def _shown(value: object) -> str:
    return shown(repr(value), quoted=False)


def _kind(struct: FromLLM | ToLLM | None) -> str:
    return str(struct.__struct_config__.tag) if struct is not None else "nothing"
