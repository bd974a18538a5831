"""Whether a history that a program's own strategy returns can be sent."""

from collections.abc import Sequence
from typing import cast

from ...providers.schema.content import ToolResult, ToolUse
from ...providers.schema.messages import Message, Role


def broken_rule(messages: object, last: Message) -> str | None:
    """The rule that *messages* break, and where; ``None`` if they can be sent. They must end with *last*."""
    problem = f"it is no sequence of messages: {type(messages).__name__}"
    if not isinstance(messages, Sequence):
        return problem
    given = cast("Sequence[object]", messages)
    history = [message for message in given if isinstance(message, Message)]
    return problem if len(history) < len(given) else _broken_in(history, last)


def _broken_in(messages: Sequence[Message], last: Message) -> str | None:
    if not messages:
        return "it is empty"
    if messages[-1] != last:
        return "its last message is not that of the history: the next request answers it"
    if messages[0].role is not Role.USER and not messages[0].is_native_summary:
        return "message 0 is the assistant's: a history begins with the user"
    before: list[Message | None] = [None, *messages]
    return next(filter(None, map(_broken_at, range(len(messages)), before, messages)), None)


def _broken_at(index: int, before: Message | None, message: Message) -> str | None:
    uses = [block.id for block in before.content if isinstance(block, ToolUse)] if before else []
    results = [block.tool_use_id for block in message.content if isinstance(block, ToolResult)]
    if not message.content:
        return f"message {index} is empty"
    if uses != results:
        return f"message {index} has results for {results or 'no tool use'}, and the message before it uses {uses}"
    if before and before.role is message.role is Role.ASSISTANT:
        return f"messages {index - 1} and {index} are both the assistant's"
    if before and message.turn < before.turn:
        return f"message {index} is of turn {message.turn}, and the message before it of turn {before.turn}"
    return None
