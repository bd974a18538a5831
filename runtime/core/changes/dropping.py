"""What is left in a full history of messages that are dropped because it is too large."""

from collections.abc import Sequence

from ....providers.schema.messages import Message


def without_oldest(
    full: Sequence[Message], messages: Sequence[Message], excess_bytes: int
) -> tuple[list[Message], int]:
    """The *full* history without the oldest of those that *messages* does not have, which come to *excess_bytes*.

    What requests hold in place of one, such as a shorter tool result, takes its place. Returns also how many are gone.
    """
    held_by_requests = set(map(id, messages))
    places = _successors(full, messages)
    kept: list[Message] = []
    dropped = 0
    for index, message in enumerate(full):
        if excess_bytes <= 0 or id(message) in held_by_requests:
            kept.append(message)
            continue
        excess_bytes -= message.size_bytes
        dropped += 1
        if index in places:
            kept.append(places[index])
    return kept, dropped


def _successors(full: Sequence[Message], messages: Sequence[Message]) -> dict[int, Message]:
    """What requests hold in place of messages of the *full* history, by their indexes there.

    Compactions that rewrite messages keep their places, counted from the end.
    """
    places: dict[int, Message] = {}
    for back, message in enumerate(reversed(messages), start=1):
        index = len(full) - back
        if message.stands_for is not None or index < 0 or full[index].turn != message.turn:
            break
        if full[index].role is message.role:
            places[index] = message
    return places
