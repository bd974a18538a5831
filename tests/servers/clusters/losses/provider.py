"""A provider with Anthropic's API that has a tool called, and keeps its own books of what it was asked."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from builders.anthropic import START, STOP, events
from servers.clusters.losses.driver import TOOL
from servers.loopback import Exchange

_PIECES = 4
_PAUSE_S = 0.5


@dataclass(slots=True)
class Books:
    """What sessions asked, by their ids, which begin the texts of their questions.

    A question is ``SESSION NUMBER``. Every second one has the tool called before it is answered.
    """

    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """The messages of the last request of each session."""
    answered: dict[str, list[tuple[float, float]]] = field(default_factory=dict[str, list[tuple[float, float]]])
    """Of each answer that ends a turn: when it began, and when it was complete."""

    async def respond(self, exchange: Exchange) -> None:
        """Stream an answer, a piece at a time."""
        messages = json.loads(exchange.request.body)["messages"]
        question = questions(messages)[-1]
        session, _, number = question.partition(" ")
        began_at = time.monotonic()
        uses_tool = int(number) % 2 == 0 and not results(messages[-1:])
        await exchange.send_head()
        await exchange.send_chunk(events(START, _block(0, '{"type":"text","text":""}')))
        for piece in range(_PIECES):
            text = json.dumps(f"{question}, part {piece}. ")
            delta = f'{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{text}}}}}'
            await exchange.send_chunk(events(delta))
            await asyncio.sleep(_PAUSE_S)
        await exchange.send_chunk(events(_END, *(_use(session, number) if uses_tool else ()), *_stop(uses_tool)))
        await exchange.end_body()
        self.histories[session] = messages
        if not uses_tool:
            self.answered.setdefault(session, []).append((began_at, time.monotonic()))

    def late(self, sessions: list[str], since: float) -> list[str]:
        """Those of *sessions* that have not had an answer that began after *since*."""
        return [each for each in sessions if not any(began >= since for began, _ in self.answered.get(each, ()))]

    def count_answered(self, since: float) -> int:
        """How many answers have been complete after *since*."""
        return sum(done >= since for times in self.answered.values() for _, done in times)


def questions(messages: list[dict[str, Any]]) -> list[str]:
    """The texts of the user's messages, in order."""
    return [block["text"] for block in _user_blocks(messages) if block["type"] == "text"]


def results(messages: list[dict[str, Any]]) -> list[str]:
    """The ids of the tool uses that have results, in order."""
    return [block["tool_use_id"] for block in _user_blocks(messages) if block["type"] == "tool_result"]


def uses(messages: list[dict[str, Any]]) -> list[str]:
    """The ids of the tool uses, in order."""
    blocks = [block for each in messages if each["role"] == "assistant" for block in _blocks(each)]
    return [block["id"] for block in blocks if block["type"] == "tool_use"]


def _user_blocks(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [block for each in messages if each["role"] == "user" for block in _blocks(each)]


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


_END = '{"type":"content_block_stop","index":0}'


def _block(index: int, block: str) -> str:
    return f'{{"type":"content_block_start","index":{index},"content_block":{block}}}'


def _use(session: str, number: str) -> tuple[str, ...]:
    name = json.dumps({"question": f"{session} {number}"})
    delta = json.dumps(
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": name}}
    )
    use = f'{{"type":"tool_use","id":"use_{session}_{number}","name":"{TOOL}","input":{{}}}}'
    return _block(1, use), delta, '{"type":"content_block_stop","index":1}'


def _stop(uses_tool: bool) -> tuple[str, ...]:
    reason = "tool_use" if uses_tool else "end_turn"
    return f'{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}},"usage":{{"output_tokens":9}}}}', STOP
