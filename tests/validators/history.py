"""The rules for our own history, whatever provider it goes to."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role

_SPOKEN_BY = {
    Role.USER: Text | Image | Document | ToolResult,
    Role.ASSISTANT: Text | Thinking | ToolUse | Opaque,
}


def violations(messages: Sequence[Message], *, tools_out: bool = False) -> list[str]:
    """What is wrong with a history; nothing, if it can be sent.

    With *tools_out*, tools are at work: then, and only then, the history ends with tool uses that have no results yet.
    """
    return [*_order(messages), *_contents(messages), *_tool_pairs(messages, tools_out)]


def _order(messages: Sequence[Message]) -> Iterator[str]:
    if messages and messages[0].role is not Role.USER:
        yield "0: the user speaks first"
    over: set[int] = set()
    for at, (before, message) in enumerate(pairwise(messages), start=1):
        if message.turn != before.turn:
            over.add(before.turn)
        # Turns may change places (a message that interrupts goes before those that wait), but not mix.
        if message.turn in over:
            yield f"{at}: turn {message.turn} goes on after its end"


def _contents(messages: Sequence[Message]) -> Iterator[str]:
    for at, message in enumerate(messages):
        if not message.content:
            yield f"{at}: the message is empty"
        for block in message.content:
            if not isinstance(block, _SPOKEN_BY[message.role]):
                yield f"{at}: a {message.role} message holds a {type(block).__name__}"
            if block == Text(text=""):
                yield f"{at}: a text is empty"


def _tool_pairs(messages: Sequence[Message], tools_out: bool) -> Iterator[str]:
    seen: set[str] = set()
    asked: list[str] = []
    for at, message in enumerate(messages):
        answered = [block.tool_use_id for block in message.content if isinstance(block, ToolResult)]
        if answered != asked:
            yield f"{at}: {asked} was asked for right before, and {answered} is answered"
        asked = [block.id for block in message.content if isinstance(block, ToolUse)]
        if len(seen.union(asked)) < len(seen) + len(asked):
            yield f"{at}: the ids of tool uses must differ"
        seen.update(asked)
    if bool(asked) is not tools_out:
        yield f"tools are {'' if tools_out else 'not '}at work, and the history ends with {asked} asked for"
