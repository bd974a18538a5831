"""A streamed answer of each provider that asks for two tools at once: ``look`` at the roof, and at the tree."""

import json
from typing import Any

from builders.eventstream import END, START, block_stop, delta, event

PLACES = ("roof", "tree")


def sse(*data: dict[str, Any], named: bool = False) -> bytes:
    """Server-sent events of *data*; *named* ones have their type as their name."""
    names = (f"event: {each['type']}\n" if named else "" for each in data)
    return "".join(f"{name}data: {json.dumps(each)}\n\n" for name, each in zip(names, data, strict=True)).encode()


def _anthropic() -> tuple[bytes, bytes]:
    usage = {"input_tokens": 5, "output_tokens": 9}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
    }
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message | {"usage": usage}}]
    for index, place in enumerate(PLACES):
        block: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{place}", "name": "look", "input": {}}
        piece = {"type": "input_json_delta", "partial_json": json.dumps({"where": place})}
        events += [
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_delta", "index": index, "delta": piece},
            {"type": "content_block_stop", "index": index},
        ]
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": usage}
    return sse(*events, named=True), sse(end, {"type": "message_stop"}, named=True)


def _chat() -> tuple[bytes, bytes]:
    calls = [
        {
            "index": index,
            "id": f"call_{place}",
            "type": "function",
            "function": {"name": "look", "arguments": json.dumps({"where": place})},
        }
        for index, place in enumerate(PLACES)
    ]
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
    asked: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", "tool_calls": calls}, "finish_reason": None}
    ended: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    return sse(chunk | {"choices": [asked]}), sse(chunk | {"choices": [ended]}) + b"data: [DONE]\n\n"


def _responses() -> tuple[bytes, bytes]:
    response: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-x",
        "status": "in_progress",
        "output": [],
    }
    events: list[dict[str, Any]] = [{"type": "response.created", "response": response}]
    output: list[dict[str, Any]] = []
    for index, place in enumerate(PLACES):
        arguments = json.dumps({"where": place})
        item = {"id": f"fc_{place}", "type": "function_call", "call_id": f"call_{place}", "name": "look"}
        done = item | {"arguments": arguments, "status": "completed"}
        at = {"output_index": index}
        events += [
            at | {"type": "response.output_item.added", "item": item | {"arguments": "", "status": "in_progress"}},
            at | {"type": "response.function_call_arguments.delta", "item_id": item["id"], "delta": arguments},
            at | {"type": "response.function_call_arguments.done", "item_id": item["id"], "arguments": arguments},
            at | {"type": "response.output_item.done", "item": done},
        ]
        output.append(done)
    usage = {"input_tokens": 5, "output_tokens": 9, "total_tokens": 14}
    completed = response | {"status": "completed", "output": output, "usage": usage}
    events.append({"type": "response.completed", "response": completed})
    numbered = [each | {"sequence_number": number} for number, each in enumerate(events)]
    return sse(*numbered[:-1], named=True), sse(numbered[-1], named=True)


def _google() -> tuple[bytes, bytes]:
    parts = [{"functionCall": {"name": "look", "args": {"where": place}}} for place in PLACES]
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 9, "totalTokenCount": 14}
    asked = {"content": {"role": "model", "parts": parts}, "index": 0}
    ended = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "index": 0}
    rest = {"usageMetadata": usage, "modelVersion": "gemini-x", "responseId": "r"}
    return sse({"candidates": [asked]} | rest), sse({"candidates": [ended]} | rest)


def _cohere() -> tuple[bytes, bytes]:
    events: list[dict[str, Any]] = [
        {"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant", "content": []}}}
    ]
    for index, place in enumerate(PLACES):
        function = {"name": "look", "arguments": ""}
        call = {"id": f"look_{place}", "type": "function", "function": function}
        piece = {"function": {"arguments": json.dumps({"where": place})}}
        events += [
            {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": call}}},
            {"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": piece}}},
            {"type": "tool-call-end", "index": index},
        ]
    usage = {"billed_units": {"input_tokens": 5, "output_tokens": 9}, "tokens": {"input_tokens": 5, "output_tokens": 9}}
    end = {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}}
    return sse(*events, named=True), sse(end, named=True)


def _bedrock() -> tuple[bytes, bytes]:
    frames: list[bytes] = [START]
    for index, place in enumerate(PLACES):
        start = {"toolUse": {"toolUseId": f"tooluse_{place}", "name": "look"}}
        frames += [
            event("contentBlockStart", contentBlockIndex=index, start=start),
            delta(index, toolUse={"input": json.dumps({"where": place})}),
            block_stop(index),
        ]
    return b"".join(frames), END


CALLS_AND_END = {
    "anthropic": _anthropic(),
    "openai": _chat(),
    "responses": _responses(),
    "azure": _chat(),
    "google": _google(),
    "cohere": _cohere(),
    "bedrock": _bedrock(),
}
"""By the names of the providers in ``fixtures.clients``: the answer up to the input of the last tool, and its end."""

PARALLEL_CALLS = {name: calls + end for name, (calls, end) in CALLS_AND_END.items()}
"""The whole answers."""
