"""The rules for a history, independent of the provider."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role

_ALLOWED = {
    Role.USER: Text | Image | Document | ToolResult,
    Role.ASSISTANT: Text | Thinking | ToolUse | Opaque,
}


def violations(messages: Sequence[Message], *, tools_out: bool = False) -> list[str]:
    """The rules that *messages* break; empty if they can be sent.

    If *tools_out*, tools are running: then, and only then, the history ends with tool uses without results.
    """
    return [*_order(messages), *_contents(messages), *_tool_pairs(messages, tools_out)]


def _order(messages: Sequence[Message]) -> Iterator[str]:
    if messages and messages[0].role is not Role.USER and not messages[0].is_native_summary:
        yield "0: the first message must be the user's, or a provider's own compaction"
    if any(message.is_native_summary for message in messages[1:]):
        yield "a provider's own compaction must be the first message"
    ended_turns: set[int] = set()
    for index, (before, message) in enumerate(pairwise(messages), start=1):
        if message.turn != before.turn:
            ended_turns.add(before.turn)
        # Turns may be out of order (an interrupting message precedes the queued ones), but may not interleave.
        if message.turn in ended_turns:
            yield f"{index}: turn {message.turn} continues after its end"


def _contents(messages: Sequence[Message]) -> Iterator[str]:
    for index, message in enumerate(messages):
        if not message.content:
            yield f"{index}: the message is empty"
        for block in message.content:
            if not isinstance(block, _ALLOWED[message.role]):
                yield f"{index}: a {message.role} message contains a {type(block).__name__}"
            if block == Text(text=""):
                yield f"{index}: a text is empty"


def _tool_pairs(messages: Sequence[Message], tools_out: bool) -> Iterator[str]:
    seen: set[str] = set()
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        answered = [block.tool_use_id for block in message.content if isinstance(block, ToolResult)]
        if answered != open_ids:
            yield f"{index}: results of {answered} follow the tool uses {open_ids}"
        open_ids = [block.id for block in message.content if isinstance(block, ToolUse)]
        if len(seen.union(open_ids)) < len(seen) + len(open_ids):
            yield f"{index}: the ids of tool uses must differ"
        seen.update(open_ids)
    if bool(open_ids) is not tools_out:
        yield f"tools are {'' if tools_out else 'not '}running, and the history ends with the open tool uses {open_ids}"
