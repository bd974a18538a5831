"""Messages for APIs that require the roles to alternate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..schema.content import ToolResult
from ..schema.messages import Message, Role
from ..schema.request import WireMemo

_END = b"]}"

_CHUNK = 256
"""The pieces of so many messages are kept together: to compare messages with them takes a few microseconds."""


def message_openings(user: str, assistant: str, content: str) -> Mapping[Role, bytes]:
    """The JSON that a message of each role begins with, given the API's names of the roles and of the content field."""
    names = {Role.USER: user, Role.ASSISTANT: assistant}
    return {role: f'{{"role":"{name}","{content}":['.encode() for role, name in names.items()}


def alternating_messages(
    messages: Sequence[Message],
    encoded_blocks: Sequence[bytes],
    openings: Mapping[Role, bytes],
    results_apart: bool = False,
    memo: WireMemo | None = None,
) -> list[bytes]:
    """The JSON of *messages* in pieces, separated by commas, from the JSON of each one's blocks.

    *openings* come from ``message_openings``. Consecutive messages of one role are merged into one, and messages
    without blocks are left out. With *results_apart*, what follows a message with tool results is not merged with it.
    The *memo* keeps the pieces of a long history for the next request.
    """
    kept = memo.pieces if memo and isinstance(memo.pieces, _Kept) else _Kept()
    chunks: list[_Chunk] = []
    pieces: list[bytes] = []
    last: Message | None = None
    for number, start in enumerate(range(0, len(messages), _CHUNK)):
        some, forms = messages[start : start + _CHUNK], encoded_blocks[start : start + _CHUNK]
        chunk = kept.chunks[number] if number < len(kept.chunks) else None
        if chunk is None or chunk.before is not last or chunk.forms != forms or chunk.messages != some:
            chunk = _chunk(some, forms, openings, results_apart, last)
        if len(some) == _CHUNK:
            chunks.append(chunk)
        pieces += chunk.pieces
        last = chunk.last
    if memo:
        memo.pieces = _Kept(chunks) if chunks else None
    return [*pieces, _END] if pieces else []


@dataclass(slots=True)
class _Chunk:
    """Some *messages* in a row: their *forms*, the message *before* them, and the *last* one, that are on the wire."""

    messages: Sequence[Message]
    forms: Sequence[bytes]
    before: Message | None
    pieces: list[bytes]
    last: Message | None


@dataclass(slots=True)
class _Kept:
    chunks: list[_Chunk] = field(default_factory=list[_Chunk])


def _chunk(
    messages: Sequence[Message],
    forms: Sequence[bytes],
    openings: Mapping[Role, bytes],
    results_apart: bool,
    before: Message | None,
) -> _Chunk:
    pieces: list[bytes] = []
    last = before
    next_openings = {role: _END + b"," + opening for role, opening in openings.items()}
    for message, blocks in zip(messages, forms, strict=True):
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
    return _Chunk(messages, forms, before, pieces, last)


def _has_results(message: Message) -> bool:
    return any(isinstance(block, ToolResult) for block in message.content)
