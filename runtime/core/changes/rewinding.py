"""Removing the last turns of a history."""

from collections.abc import Sequence
from typing import NamedTuple

from ....providers.schema.messages import Message


class Rewound(NamedTuple):
    """The *full* history and the *messages* of requests without the turns that were *removed*.

    *restored*: messages that a compaction had replaced are back, because it replaced a removed one as well.
    """

    full: list[Message]
    messages: list[Message]
    removed: list[Message]
    restored: bool = False


def rewound(full: Sequence[Message], messages: Sequence[Message], turns: int) -> Rewound:
    """The histories without the last *turns* messages of the user, and all that follows them."""
    starts = [index for index, message in enumerate(full) if message.starts_turn]
    if not starts:
        return Rewound(list(full), list(messages), [])
    start = starts[max(0, len(starts) - turns)]
    kept, removed = list(full[:start]), list(full[start:])
    first_turn = removed[0].turn
    length = len(messages)
    while length and messages[length - 1].turn >= first_turn:
        length -= 1
    held = list(messages[:length])
    stands_for = messages[length].stands_for if length < len(messages) else None
    if stands_for is None or stands_for.first_turn >= first_turn:
        return Rewound(kept, held, removed)
    originals = (message for message in kept if message.turn >= stands_for.first_turn)
    return Rewound(kept, [*held, *originals], removed, restored=True)
