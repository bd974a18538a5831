"""What is left in a full history of messages that are dropped because it is too large."""

from collections.abc import Sequence

from ....providers.schema.messages import Message


def successors(full: Sequence[Message], messages: Sequence[Message]) -> dict[int, Message]:
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
