"""What messages come to together."""

from collections.abc import Iterable, Sequence

from ....providers.schema.messages import Message


def count_turns(messages: Iterable[Message]) -> int:
    """How many of *messages* are the user's own."""
    return sum(message.starts_turn for message in messages)


def total_bytes(messages: Iterable[Message]) -> int:
    """About how many bytes of memory *messages* take."""
    return sum(message.size_bytes for message in messages)


def not_in(messages: Sequence[Message], others: Sequence[Message]) -> list[Message]:
    """Those of *messages* that are none of *others*, by identity."""
    known = set(map(id, others))
    return [message for message in messages if id(message) not in known]
