"""Marks for prompt caching: what the next request can read from the cache.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching: at most four in a request, none on thinking. A
mark also finds what was cached at a mark up to 20 blocks before it. A prefix that is too short to be cached is ignored.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..schema.content import Document, Image, Text, ToolResult, ToolUse, is_blank
from ..schema.messages import Message, Role
from ..schema.request import Settings
from ..wire.cache_points import cache_points

_MAX_MARKS = 4
_LOOK_BACK_BLOCKS = 20
_MARKED = (Text, Image, Document, ToolUse, ToolResult)


def cache_mark(settings: Settings) -> dict[str, Any]:
    """The member of a block that is marked; nothing without prompt caching."""
    if not settings.prompt_caching:
        return {}
    ttl = {"ttl": settings.prompt_cache_ttl} if settings.prompt_cache_ttl else {}
    return {"cache_control": {"type": "ephemeral", **ttl}}


def mark_messages(
    messages: Sequence[Message], forms: list[bytes], settings: Settings, head: Mapping[str, Any]
) -> list[bytes]:
    """*forms* of *messages*, with marks on up to three of them: as many as those in *head* leave."""
    mark = cache_mark(settings)
    if not mark:
        return forms
    mark_json = b"," + msgspec.json.encode(mark)[1:]
    marked = list(forms)
    in_system = head["system"] if isinstance(head.get("system"), list) else ()
    free = _MAX_MARKS - sum("cache_control" in block for block in (*head.get("tools", ()), *in_system))
    for index in sorted(_points(messages), reverse=True)[:free]:
        marked[index] = marked[index][:-1] + mark_json
    return marked


def _points(messages: Sequence[Message]) -> set[int]:
    """The messages to mark: before this turn, its last one, and the end of the previous request if that is far away."""
    points = cache_points(messages, _can_be_marked)
    previous = _end_of_previous_request(messages)
    nearest = min((point for point in points if point >= previous), default=None)
    if nearest is not None and previous >= 0 and _can_be_marked(messages[previous]):
        blocks = sum(len(message.content) for message in messages[previous + 1 : nearest + 1])
        if blocks > _LOOK_BACK_BLOCKS:
            points.add(previous)
    return points


def _end_of_previous_request(messages: Sequence[Message]) -> int:
    """The index of the message before the last answer, or -1."""
    index = len(messages)
    for message in reversed(messages):
        index -= 1
        if message.role is Role.ASSISTANT:
            return index - 1
    return -1


def _can_be_marked(message: Message) -> bool:
    last = message.content[-1] if message.content else None
    return isinstance(last, _MARKED) and not (isinstance(last, Text) and is_blank(last.text))
