"""What of a message's content is worth keeping."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from ....providers.schema.content import Block, Opaque, Text, Thinking, ToolResult, ToolUse, UserBlock, is_blank
from ....providers.schema.draft import unique_tool_ids
from ....providers.schema.messages import Message
from ...api.errors import EmptyMessage


def without_blank_text(content: Iterable[UserBlock]) -> tuple[UserBlock, ...]:
    """*content* without blank text, which providers reject.

    Raises:
        EmptyMessage: nothing is left.
    """
    kept = only_with_text(content)
    if not kept:
        raise EmptyMessage("the message is empty; give it some text, an image or a document")
    return kept


def only_with_text(content: Iterable[UserBlock]) -> tuple[UserBlock, ...]:
    """*content* without blank text. Nothing may be left."""
    return tuple([block for block in content if not _is_blank(block)])


def worth_keeping(content: Iterable[Block], taken_ids: AbstractSet[str]) -> tuple[Block, ...]:
    """An answer's *content* without blank text; nothing if only thinking is left, which no provider accepts alone.

    Nor does any accept signed thinking at the end of an answer, which broke off there: it is left out.

    No tool use keeps an id that is in *taken_ids*: some servers restart their ids in each answer, and others reject a
    history that has the same id twice. Signed thinking after a tool use that got another id is left out: it was made
    after the old one.
    """
    kept = [block for block in content if not _is_blank(block)]
    while kept and _is_signed_thinking(kept[-1]):
        del kept[-1]
    if not any(isinstance(block, Text | ToolUse | Opaque) for block in kept):
        return ()
    if not any(isinstance(block, ToolUse) for block in kept):
        return tuple(kept)
    unique = list(unique_tool_ids(kept, taken_ids))
    changed = next((index for index, block in enumerate(kept) if _id(block) != _id(unique[index])), len(kept))
    return tuple(block for index, block in enumerate(unique) if index < changed or not _is_signed_thinking(block))


def tool_use_ids(content: Iterable[Block]) -> list[str]:
    """The ids of the tool uses in *content*, in order."""
    return [block.id for block in content if isinstance(block, ToolUse)]


def with_result_ids(message: Message, ids: Mapping[str, str]) -> Message:
    """*message*, whose results are those of tool uses that have got other *ids*."""
    if not any(isinstance(block, ToolResult) for block in message.content):
        return message
    content = tuple(
        msgspec.structs.replace(block, tool_use_id=ids[block.tool_use_id]) if isinstance(block, ToolResult) else block
        for block in message.content
    )
    return msgspec.structs.replace(message, content=content)


def _is_blank(block: Block) -> bool:
    return isinstance(block, Text) and is_blank(block.text)


def _is_signed_thinking(block: Block) -> bool:
    return isinstance(block, Thinking) and block.signature is not None


def _id(block: Block) -> str | None:
    return block.id if isinstance(block, ToolUse) else None
