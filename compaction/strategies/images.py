"""Replace old images and documents by placeholders."""

from typing import ClassVar

import msgspec

from ...providers.schema.content import Block, Document, Image, Text, ToolResult
from ...providers.schema.messages import Role
from ..placeholders import media_placeholder
from .message_rewriter import MessageRewriter

_MEDIA = frozenset([Image, Document])


class DropImages(MessageRewriter, frozen=True, kw_only=True):
    """Replaces old images and documents, those in tool results included, by placeholders that describe them."""

    rewritten_role: ClassVar[Role] = Role.USER

    def rewrite(self, content: tuple[Block, ...]) -> tuple[Block, ...] | None:
        return tuple(map(_without_media, content)) if any(map(_has_media, content)) else None


def _has_media(block: Block) -> bool:
    return type(block) in _MEDIA or (type(block) is ToolResult and not _MEDIA.isdisjoint(map(type, block.content)))


def _without_media(block: Block) -> Block:
    match block:
        case Image() | Document():
            return media_placeholder(block)
        case ToolResult(content=content) if _has_media(block):
            parts = tuple(part if isinstance(part, Text) else media_placeholder(part) for part in content)
            return msgspec.structs.replace(block, content=parts)
        case _:
            return block
