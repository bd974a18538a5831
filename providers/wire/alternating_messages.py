"""Messages for APIs that require the roles to alternate."""

from collections.abc import Iterable, Mapping, Sequence

from ..schema.messages import Message, Role

_END = b"]}"


def message_openings(user: str, assistant: str, content: str) -> Mapping[Role, bytes]:
    """The JSON that a message of each role begins with, given the API's names of the roles and of the content field."""
    names = {Role.USER: user, Role.ASSISTANT: assistant}
    return {role: f'{{"role":"{name}","{content}":['.encode() for role, name in names.items()}


def alternating_messages(
    messages: Sequence[Message], encoded_blocks: Iterable[bytes], openings: Mapping[Role, bytes]
) -> list[bytes]:
    """The JSON of *messages* in pieces, separated by commas, from the JSON of each one's blocks.

    *openings* come from ``message_openings``. Consecutive messages of one role are merged into one, and messages
    without blocks are left out.
    """
    pieces: list[bytes] = []
    last: Role | None = None
    next_openings = {role: _END + b"," + opening for role, opening in openings.items()}
    for message, blocks in zip(messages, encoded_blocks, strict=True):
        if not blocks:
            continue
        if message.role is last:
            pieces.append(b",")
        else:
            pieces.append(openings[message.role] if last is None else next_openings[message.role])
            last = message.role
        pieces.append(blocks)
    return [*pieces, _END] if pieces else []
