"""Builders for tests of compaction: messages, and a compacted history."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from builders.histories import count_tokens, send_summary

from rayconteur.compaction import Compaction, CompactionJob, CompactionResult, SideRequest, compact
from rayconteur.providers.schema.content import Block, Text, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message, Role

LONG = "It hides food, and remembers where. " * 30


def user(turn: int, *content: Block | str) -> Message:
    return Message(role=Role.USER, content=_blocks(content), turn=turn)


def assistant(turn: int, *content: Block | str) -> Message:
    return Message(role=Role.ASSISTANT, content=_blocks(content), turn=turn)


def step(turn: int, name: str, result: str = LONG, summary: str | None = None) -> list[Message]:
    """A step: a tool use and its result."""
    return [
        assistant(turn, ToolUse(name, "look", {"at": "roof"})),
        user(turn, ToolResult(name, (Text(result),), compact_summary=summary)),
    ]


def turns(number: int, text: str = LONG) -> list[Message]:
    """*number* turns, each a question and an answer."""
    return [message for turn in range(1, number + 1) for message in (user(turn, text), assistant(turn, text))]


def total_tokens(messages: Sequence[Message]) -> int:
    return sum(map(count_tokens, messages))


def compacted(
    messages: Sequence[Message],
    config: Compaction,
    budget_tokens: int,
    send: Callable[[SideRequest], Awaitable[Answer]] = send_summary,
    natively: Callable[[Sequence[Message], str | None], Awaitable[Answer]] | None = None,
    **limits: int,
) -> CompactionResult:
    """The result of compacting *messages* while their last turn is running. *limits* are those of the job."""
    job = CompactionJob(
        messages=messages,
        budget_tokens=budget_tokens,
        count_tokens=count_tokens,
        send=send,
        compact_natively=natively,
        running_turn=messages[-1].turn,
        window_tokens=100_000,
    )
    return asyncio.run(compact(replace(job, **limits), config))  # type: ignore[arg-type]


def _blocks(content: Sequence[Block | str]) -> tuple[Block, ...]:
    return tuple(Text(block) if isinstance(block, str) else block for block in content)
