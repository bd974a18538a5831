"""Where a request marks what a provider is to cache."""

from collections.abc import Callable, Sequence

from ..schema.messages import Message


def cache_points(messages: Sequence[Message], can_be_marked: Callable[[Message], bool]) -> set[int]:
    """The indexes of the messages to mark: the last one before this turn, and the last one of this turn.

    The provider caches everything up to a mark, and the next request begins with it: so a turn with many tools pays for
    each step once. Where a message can't be marked, the one before it is.
    """
    length = before = len(messages)
    turn = messages[-1].turn if messages else 0
    for message in reversed(messages):
        if message.turn != turn:
            break
        before -= 1
    ends = [before, length] if length - before > 1 else [before]
    found = (next((index for index in range(end - 1, -1, -1) if can_be_marked(messages[index])), None) for end in ends)
    return {index for index in found if index is not None}
