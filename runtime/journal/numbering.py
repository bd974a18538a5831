"""Which entries a journal stores: one rule for all journals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .entry import Entry, Position, SessionKey
from .errors import RecordConflict, RecordGap, RecordRejected, StaleIncarnation

StoredMark = tuple[int, int]
"""The incarnation and the checksum of a stored entry."""


@dataclass(slots=True)
class Checked:
    """What becomes of entries: the *new* ones to store, the *positions* after them, and the result of ``append``."""

    new: list[Entry] = field(default_factory=list[Entry])
    positions: dict[SessionKey, Position] = field(default_factory=dict[SessionKey, Position])
    rejections: list[RecordRejected | None] = field(default_factory=list[RecordRejected | None])


def checked(
    entries: Iterable[Entry],
    positions: Mapping[SessionKey, Position],
    stored: Callable[[SessionKey, int], StoredMark | None],
) -> Checked:
    """Check *entries* against the *positions* of their sessions; *stored* is asked about numbers up to those."""
    result = Checked()
    rejected: dict[tuple[SessionKey, int], RecordRejected] = {}  # a commit may have entries of several incarnations
    for entry in entries:
        session = entry.session
        writer = session, entry.incarnation
        position = result.positions.get(session) or positions.get(session) or Position(session, 0)
        problem = rejected.get(writer) or _problem(entry, position, result.new, stored)
        result.rejections.append(problem)
        if problem:
            rejected[writer] = problem
        elif entry.number > position.number:
            result.new.append(entry)
            result.positions[session] = Position(session, entry.incarnation, entry.number, entry.at)
        elif entry.incarnation > position.incarnation:
            result.positions[session] = Position(session, entry.incarnation, position.number, position.at)
    return result


def _problem(
    entry: Entry,
    position: Position,
    new: Iterable[Entry],
    stored: Callable[[SessionKey, int], StoredMark | None],
) -> RecordRejected | None:
    number, session = entry.number, entry.session
    if entry.incarnation < position.incarnation:
        return StaleIncarnation(
            f"session {session} was taken over by incarnation {position.incarnation}: {entry.incarnation} must stop",
            position.incarnation,
        )
    if number > position.number + 1:
        expected = position.number + 1
        return RecordGap(f"record {number} of session {session} does not follow: the next one is {expected}", expected)
    if number <= position.number:
        twins = (each for each in new if (each.session, each.number) == (session, number))
        twin = next(((each.incarnation, each.checksum) for each in twins), None) or stored(session, number)
        if twin != (entry.incarnation, entry.checksum):
            return RecordConflict(f"session {session} has another record {number}")
    return None
