"""Messages for APIs in which roles alternate."""

from collections.abc import Iterable, Mapping, Sequence

from ..schema.messages import Message, Role

_END = b"]}"


def openings(user: str, assistant: str, content: str) -> Mapping[Role, bytes]:
    """What a message of each role begins with, by the API's names of the two roles and of a message's *content*."""
    names = {Role.USER: user, Role.ASSISTANT: assistant}
    return {role: f'{{"role":"{name}","{content}":['.encode() for role, name in names.items()}


def joined(messages: Sequence[Message], forms: Iterable[bytes], begin: Mapping[Role, bytes]) -> list[bytes]:
    """*messages*, whose blocks are *forms*, in pieces, separated by commas; *begin* is from ``openings``.

    Neighbours of one role are one message, and those that have nothing to say are left out.
    """
    pieces: list[bytes] = []
    last: Role | None = None
    next_one = {role: _END + b"," + opening for role, opening in begin.items()}
    for message, blocks in zip(messages, forms, strict=True):
        if not blocks:
            continue
        if message.role is last:
            pieces.append(b",")
        else:
            pieces.append(begin[message.role] if last is None else next_one[message.role])
            last = message.role
        pieces.append(blocks)
    return [*pieces, _END] if pieces else []
