"""The ids of messages that compactions write."""

from collections.abc import Iterable, Iterator

import msgspec

from ....providers.schema.messages import Message


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
