"""The ids of messages that compactions write."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from ....providers.schema.messages import Message

_written_by = re.compile(r"c(\d{1,9})\.\d+")


def last_compaction(messages: Iterable[Message]) -> int:
    """The highest number of a compaction that has written some of *messages*; 0 if none has."""
    found = map(_written_by.fullmatch, (message.id for message in messages))
    return max((int(match[1]) for match in found if match), default=0)


def with_ids(messages: Iterable[Message], compaction: int, at: float) -> Iterator[Message]:
    """*messages*, of which those without an id, or with that of one before, are new *at* that time, and get one.

    The ids are those of the *compaction* with that number, of which a session has only one.
    """
    used: set[str] = set()
    written = 0
    for message in messages:
        kept = message
        if not kept.id or kept.id in used:
            written += 1
            kept = msgspec.structs.replace(message, id=f"c{compaction}.{written}", at=at)
        used.add(kept.id)
        yield kept
