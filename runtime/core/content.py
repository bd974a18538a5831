"""What of a message is worth keeping: providers refuse empty messages and blank text."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from ...providers.schema.content import Block, Opaque, Text, ToolUse, UserBlock
from ...providers.schema.draft import unique_tool_ids
from ..api.errors import EmptyMessage


def said(content: Iterable[UserBlock]) -> tuple[UserBlock, ...]:
    """*content* without blank text.

    Raises:
        EmptyMessage: nothing is left.
    """
    kept = tuple(block for block in content if not _blank(block))
    if not kept:
        raise EmptyMessage("the message is empty; give it some text, an image or a document")
    return kept


def worth_keeping(content: Iterable[Block], taken: AbstractSet[str]) -> tuple[Block, ...]:
    """An answer's *content* without blank text; nothing where only thinking is left: no provider takes that back alone.

    No tool use has one of the ids *taken*: some servers count their ids anew in each answer, and others refuse
    a history with the same id twice.
    """
    kept = tuple(block for block in content if not _blank(block))
    if not any(isinstance(block, Text | ToolUse | Opaque) for block in kept):
        return ()
    if not any(isinstance(block, ToolUse) for block in kept):
        return kept
    return tuple(unique_tool_ids(kept, taken))


def _blank(block: Block) -> bool:
    return isinstance(block, Text) and not block.text.strip()
