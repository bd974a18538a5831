"""Images and documents that have been looked at."""

from ...providers.schema.content import Block, Document, Image, Text, ToolResult
from ...providers.schema.messages import Message, Role
from ..config import DropImages
from . import notes
from .rewrite import Rewriting

_MEDIA = frozenset([Image, Document])


def strategy(config: DropImages) -> Rewriting:
    """Old images and documents, those in tool results too, become notes."""
    return Rewriting(config, Role.USER, _shortened)


def _shortened(message: Message) -> Message | None:
    if not any(map(_has_media, message.content)):
        return None
    content = tuple(map(_noted, message.content))
    return Message(role=message.role, content=content, turn=message.turn, stands_for=message.stands_for)


def _has_media(block: Block) -> bool:
    return type(block) in _MEDIA or (type(block) is ToolResult and not _MEDIA.isdisjoint(map(type, block.content)))


def _noted(block: Block) -> Block:
    match block:
        case Image() | Document():
            return notes.of_media(block)
        case ToolResult(content=content) if _has_media(block):
            parts = tuple(part if isinstance(part, Text) else notes.of_media(part) for part in content)
            return ToolResult(
                tool_use_id=block.tool_use_id,
                content=parts,
                is_error=block.is_error,
                compact_summary=block.compact_summary,
            )
        case _:
            return block
