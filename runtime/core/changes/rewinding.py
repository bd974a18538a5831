"""Removing the last turns of a history, and the originals of summaries that are removed."""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from ....providers.schema.messages import Message, Role
from .continuation import is_prompt


class Rewound(NamedTuple):
    """The *full* history and the *messages* of requests without the turns that were *removed*.

    *restored*: messages that a compaction had replaced are back, because it replaced a removed one as well.
    """

    full: list[Message]
    messages: list[Message]
    removed: list[Message]
    restored: bool = False


def rewound(full: list[Message], messages: list[Message], turns: int) -> Rewound:
    """The histories without the last *turns* messages of the user, and all that follows them."""
    starts = [
        index
        for index, message in enumerate(full)
        if message.starts_turn and not is_prompt(message) and not _entered_turn(full, index)
    ]
    if not starts:
        return Rewound(full[:], messages[:], [])
    start = starts[max(0, len(starts) - turns)]
    return _without(full, start, messages, full[start].turn)


def rewound_to(full: list[Message], messages: list[Message], turn: int) -> Rewound:
    """The histories without what follows the messages of *turn*; if there are none, without later turns."""
    end = _end_of_turn(full, turn) or next((i for i, message in enumerate(full) if message.turn > turn), len(full))
    if end == len(full):
        return Rewound(full[:], messages[:], [])
    return _without(full, end, messages, full[end].turn)


def without_turn(full: list[Message], messages: list[Message], turn: int) -> Rewound:
    """The histories without the messages of *turn*, if it is the last one."""
    start = len(full)
    while start and full[start - 1].turn == turn:
        start -= 1
    return _without(full, start, messages, turn)


def end_of_originals(full: Sequence[Message], messages: Sequence[Message]) -> int:
    """The end of what *messages*[0] stands for in *full*, or its own place there; 0 if none of it is there.

    A summary stands for whole turns, but a turn that continues its own answer goes on after the answer's first part.
    """
    first, *others = messages
    end = _end_of_turn(full, first.turn)
    if first.stands_for is None:
        return next((index + 1 for index in range(end) if full[index] is first), end)
    rest = list(takewhile(lambda message: _has_part_of(message, first.turn), others))
    if not rest:
        return end
    if rest[-1].stands_for is not None:
        end = end_of_originals(full, others[len(rest) - 1 :])
    end -= sum(1 if message.stands_for is None else message.stands_for.messages for message in rest)
    while end > 0 and not full[end].starts_turn:
        end -= 1
    return max(0, end)


def message_of_turn(full: Sequence[Message], turn: int) -> Message | None:
    """The message of the user's that *turn* started with, if it is in *full*."""
    start = end = _end_of_turn(full, turn)
    while start and full[start - 1].turn == turn:
        start -= 1
    return full[start] if start < end and full[start].starts_turn else None


def _entered_turn(full: Sequence[Message], index: int) -> bool:
    """True if the user's message at *index* entered a running turn: it follows the results of tools in that."""
    turn = full[index].turn
    while index and full[index - 1].turn == turn and full[index - 1].starts_turn:
        index -= 1
    before = full[index - 1] if index else None
    return before is not None and before.turn == turn and before.role is Role.USER


def _has_part_of(message: Message, turn: int) -> bool:
    stands_for = message.stands_for
    return message.turn == turn if stands_for is None else stands_for.first_turn <= turn <= stands_for.last_turn


def _without(full: list[Message], start: int, messages: list[Message], turn: int) -> Rewound:
    """*full* up to *start*, and *messages* without those of *turn* and what stands for any that *full* loses."""
    kept, removed = full[:start], full[start:]
    gone = {turn, *(message.turn for message in removed)}
    # A turn of an initial history may have more than one message of the user.
    kept_ids = set(map(id, kept)) if kept and kept[-1].turn in gone else ()
    length = len(messages)
    while length and messages[length - 1].turn in gone and id(messages[length - 1]) not in kept_ids:
        length -= 1
    held = messages[:length]
    stands_for = messages[length].stands_for if length < len(messages) else None
    first = len(kept)
    if stands_for is not None:
        floor = end_of_originals(full, messages[length - 1 :]) if held else 0
        turns = range(stands_for.first_turn, stands_for.last_turn + 1)
        starts = (index for index in range(floor, len(kept)) if kept[index].starts_turn)  # some may have been dropped
        first = next((index for index in starts if kept[index].turn in turns), first)
    originals = kept[first:]
    return Rewound(kept, held + originals, removed, restored=bool(originals))


def _end_of_turn(full: Sequence[Message], turn: int) -> int:
    return next((index for index in range(len(full), 0, -1) if full[index - 1].turn == turn), 0)
