"""Streamed answers of each provider that have nothing but text, in small pieces."""

from collections.abc import Callable
from typing import Any

from builders.answers.parallel_calls import sse
from builders.eventstream import START, block_stop, delta, event

_PIECE = 7
_USAGE: dict[str, Any] = {"input_tokens": 5, "output_tokens": 9}


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _anthropic(text: str) -> bytes:
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x"}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"content": [], "usage": _USAGE}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    for piece in _pieces(text):
        change = {"type": "text_delta", "text": piece}
        events.append({"type": "content_block_delta", "index": 0, "delta": change})
    events += [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": _USAGE},
        {"type": "message_stop"},
    ]
    return sse(*events, named=True)


def _chat(text: str) -> bytes:
    chunk: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
    spoken: list[dict[str, Any]] = [
        {"index": 0, "delta": {"role": "assistant", "content": piece}} for piece in _pieces(text)
    ]
    ended: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return sse(*(chunk | {"choices": [choice]} for choice in (*spoken, ended))) + b"data: [DONE]\n\n"


def _responses(text: str) -> bytes:
    response: dict[str, Any] = {"id": "r", "object": "response", "model": "gpt-x", "status": "in_progress"}
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant"}
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    done: dict[str, Any] = message | {"status": "completed", "content": [part]}
    at: dict[str, Any] = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
    usage = _USAGE | {"total_tokens": 14}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response | {"output": []}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": message | {"status": "in_progress", "content": []},
        },
        at | {"type": "response.content_part.added", "part": part | {"text": ""}},
        *(at | {"type": "response.output_text.delta", "delta": piece} for piece in _pieces(text)),
        at | {"type": "response.output_text.done", "text": text},
        at | {"type": "response.content_part.done", "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {
            "type": "response.completed",
            "response": response | {"status": "completed", "output": [done], "usage": usage},
        },
    ]
    return sse(*(each | {"sequence_number": number} for number, each in enumerate(events)), named=True)


def _google(text: str) -> bytes:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 9, "totalTokenCount": 14}
    spoken: list[dict[str, Any]] = [
        {"content": {"role": "model", "parts": [{"text": piece}]}, "index": 0} for piece in _pieces(text)
    ]
    ended: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "index": 0}
    about: dict[str, Any] = {"usageMetadata": usage, "modelVersion": "gemini-x", "responseId": "r"}
    return sse(*({"candidates": [candidate], **about} for candidate in (*spoken, ended)))


def _cohere(text: str) -> bytes:
    content: dict[str, Any] = {"type": "text", "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": content}}},
    ]
    events += [
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
        for piece in _pieces(text)
    ]
    usage = {"billed_units": _USAGE, "tokens": _USAGE}
    events += [
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    ]
    return sse(*events, named=True)


def _bedrock(text: str) -> bytes:
    usage = {"inputTokens": 5, "outputTokens": 9, "totalTokens": 14}
    frames = [START, *(delta(0, text=piece) for piece in _pieces(text)), block_stop(0)]
    frames += [event("messageStop", stopReason="end_turn"), event("metadata", usage=usage, metrics={"latencyMs": 5})]
    return b"".join(frames)


SPOKEN: dict[str, Callable[[str], bytes]] = {
    "anthropic": _anthropic,
    "openai": _chat,
    "responses": _responses,
    "azure": _chat,
    "google": _google,
    "cohere": _cohere,
    "bedrock": _bedrock,
}
"""By the names of the providers in ``fixtures.clients``: the answer with a text."""
