"""Removing the last turns of a history, and the originals of summaries that are removed."""

from collections.abc import Sequence
from typing import NamedTuple

from ....providers.schema.messages import Message
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
    starts = [index for index, message in enumerate(full) if message.starts_turn and not is_prompt(message)]
    if not starts:
        return Rewound(full[:], messages[:], [])
    start = starts[max(0, len(starts) - turns)]
    return _without(full[start:], full[:start], messages)


def without_turn(full: list[Message], messages: list[Message], turn: int) -> Rewound:
    """The histories without the messages of *turn*, if it is the last one."""
    start = len(full)
    while start and full[start - 1].turn == turn:
        start -= 1
    return _without(full[start:], full[:start], messages, turn)


def end_of_originals(full: Sequence[Message], messages: Sequence[Message]) -> int:
    """The end of what *messages*[0], a provider's own summary, stands for in *full*; 0 if none of it is there.

    It stands for whole turns, except that a turn which continues its own answer goes on after the answer's first part.
    """
    summary, *others = messages
    end = _end_of_turn(full, summary.turn)
    if not others or others[0].turn != summary.turn:
        return end
    same = [index for index in range(end) if full[index] == others[0]]
    return same[max(0, len(same) - others.count(others[0]))] if same else end


def _without(removed: list[Message], kept: list[Message], messages: list[Message], turn: int | None = None) -> Rewound:
    """*kept*, and *messages* without those of *turn* and what stands for any of *removed*, which followed *kept*."""
    gone = {turn, *(message.turn for message in removed)}
    # A turn of an initial history may have more than one message of the user.
    kept_ids = set(map(id, kept)) if kept and kept[-1].turn in gone else ()
    length = len(messages)
    while length and messages[length - 1].turn in gone and id(messages[length - 1]) not in kept_ids:
        length -= 1
    held = messages[:length]
    stands_for = messages[length].stands_for if length < len(messages) else None
    start = len(kept)
    if stands_for is not None:
        floor = _end_of_turn(kept, held[-1].turn) if held else 0
        turns = range(stands_for.first_turn, stands_for.last_turn + 1)
        starts = (index for index in range(floor, len(kept)) if kept[index].starts_turn)  # some may have been dropped
        start = next((index for index in starts if kept[index].turn in turns), start)
    originals = kept[start:]
    return Rewound(kept, held + originals, removed, restored=bool(originals))


def _end_of_turn(full: Sequence[Message], turn: int) -> int:
    return next((index for index in range(len(full), 0, -1) if full[index - 1].turn == turn), 0)
