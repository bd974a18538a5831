"""What of a message is worth keeping: providers refuse empty messages and blank text."""

from collections.abc import Iterable

from ..providers.content import Block, Opaque, Text, ToolUse, UserBlock
from .errors import EmptyMessage


def said(content: Iterable[UserBlock]) -> tuple[UserBlock, ...]:
    """*content* without blank text.

    Raises:
        EmptyMessage: nothing is left.
    """
    kept = tuple(block for block in content if not _blank(block))
    if not kept:
        raise EmptyMessage("the message is empty; give it some text, an image or a document")
    return kept


def worth_keeping(content: Iterable[Block]) -> tuple[Block, ...]:
    """An answer's *content* without blank text; nothing at all where only thinking is left, which no provider takes back alone."""
    kept = tuple(block for block in content if not _blank(block))
    return kept if any(isinstance(block, Text | ToolUse | Opaque) for block in kept) else ()


def _blank(block: Block) -> bool:
    return isinstance(block, Text) and not block.text.strip()
