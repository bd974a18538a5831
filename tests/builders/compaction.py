"""Short words for tests of compaction: messages, and a history that is shortened."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from builders.histories import sums_up, tokens

from rayconteur.compaction.compact import shorten
from rayconteur.compaction.config import Compaction, Shortened
from rayconteur.compaction.task import Ask, Task
from rayconteur.providers.schema.content import Block, Text, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message, Role

LONG = "It hides food, and remembers where. " * 30


def user(turn: int, *content: Block | str) -> Message:
    return Message(role=Role.USER, content=_blocks(content), turn=turn)


def assistant(turn: int, *content: Block | str) -> Message:
    return Message(role=Role.ASSISTANT, content=_blocks(content), turn=turn)


def step(turn: int, name: str, result: str = LONG, summary: str | None = None) -> list[Message]:
    """A tool use and its result."""
    return [
        assistant(turn, ToolUse(name, "look", {"at": "roof"})),
        user(turn, ToolResult(name, (Text(result),), compact_summary=summary)),
    ]


def turns(number: int, text: str = LONG) -> list[Message]:
    """So many questions and answers."""
    return [message for turn in range(1, number + 1) for message in (user(turn, text), assistant(turn, text))]


def size(messages: Sequence[Message]) -> int:
    return sum(map(tokens, messages))


def compacted(
    messages: Sequence[Message],
    config: Compaction,
    budget_tokens: int,
    ask: Callable[[Ask], Awaitable[Answer]] = sums_up,
) -> Shortened:
    """What comes of *messages* in a turn that runs."""
    task = Task(
        messages=messages,
        budget_tokens=budget_tokens,
        tokens=tokens,
        ask=ask,
        running_turn=messages[-1].turn,
        window_tokens=100_000,
    )
    return asyncio.run(shorten(task, config))


def _blocks(content: Sequence[Block | str]) -> tuple[Block, ...]:
    return tuple(Text(block) if isinstance(block, str) else block for block in content)
