"""The blocks of Anthropic's own tool search: its results refer to the tools that it has found by their names."""

from collections.abc import Collection

import msgspec

from ...schema.content import Opaque
from ...schema.messages import Message
from ..content import linked_ids
from ..errors import PROVIDER

_RESULT = "tool_search_tool_result"


class _Reference(msgspec.Struct, frozen=True):
    tool_name: str = ""


class _Found(msgspec.Struct, frozen=True):
    tool_references: tuple[_Reference, ...] = ()


class _Result(msgspec.Struct, frozen=True):
    tool_use_id: str = ""
    content: _Found = _Found()


_result = msgspec.json.Decoder(_Result).decode


def without_missing_tools(message: Message, tools: Collection[str]) -> Message:
    """*message* without the searches that found a tool which is none of *tools* any more.

    "Tool reference 'unknown_tool' has no corresponding tool definition", says the API of their results:
    https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-search-tool.
    """
    searches = {use for block in message.content if isinstance(block, Opaque) for use in _missing(block, tools)}
    if not searches:
        return message
    content = tuple(
        block
        for block in message.content
        if not (isinstance(block, Opaque) and block.provider == PROVIDER and searches.intersection(linked_ids(block)))
    )
    return msgspec.structs.replace(message, content=content)


def _missing(block: Opaque, tools: Collection[str]) -> tuple[str, ...]:
    """The id of the search that *block* is the result of, if it refers to a tool that is not among *tools*."""
    if (block.provider, block.type) != (PROVIDER, _RESULT):
        return ()
    try:
        result = _result(block.json)
    except msgspec.ValidationError:  # a compatible server's form
        return ()
    return () if all(each.tool_name in tools for each in result.content.tool_references) else (result.tool_use_id,)
