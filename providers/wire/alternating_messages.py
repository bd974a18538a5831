"""Messages for APIs that require the roles to alternate."""

from collections.abc import Iterable, Mapping, Sequence

from ..schema.content import ToolResult
from ..schema.messages import Message, Role

_END = b"]}"


def message_openings(user: str, assistant: str, content: str) -> Mapping[Role, bytes]:
    """The JSON that a message of each role begins with, given the API's names of the roles and of the content field."""
    names = {Role.USER: user, Role.ASSISTANT: assistant}
    return {role: f'{{"role":"{name}","{content}":['.encode() for role, name in names.items()}


def alternating_messages(
    messages: Sequence[Message],
    encoded_blocks: Iterable[bytes],
    openings: Mapping[Role, bytes],
    results_apart: bool = False,
) -> list[bytes]:
    """The JSON of *messages* in pieces, separated by commas, from the JSON of each one's blocks.

    *openings* come from ``message_openings``. Consecutive messages of one role are merged into one, and messages
    without blocks are left out. With *results_apart*, what follows a message with tool results is not merged with it.
    """
    pieces: list[bytes] = []
    last: Message | None = None
    next_openings = {role: _END + b"," + opening for role, opening in openings.items()}
    for message, blocks in zip(messages, encoded_blocks, strict=True):
        if not blocks:
            continue
        if last is None:
            pieces.append(openings[message.role])
        elif message.role is last.role and not (results_apart and _has_results(last) and not _has_results(message)):
            pieces.append(b",")
        else:
            pieces.append(next_openings[message.role])
        last = message
        pieces.append(blocks)
    return [*pieces, _END] if pieces else []


def _has_results(message: Message) -> bool:
    return any(isinstance(block, ToolResult) for block in message.content)
