"""Frames of Amazon's event stream, encoded independently of the code under test."""

import json
import struct
from collections.abc import Mapping
from typing import Any
from zlib import crc32

EVENT = {":event-type": "", ":content-type": "application/json", ":message-type": "event"}


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A frame with text values in its headers."""
    return raw_frame(b"".join(_header(name, value) for name, value in headers.items()), payload)


def raw_frame(headers: bytes, payload: bytes) -> bytes:
    """A frame with *headers* that are already encoded."""
    head = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    body = head + struct.pack(">I", crc32(head)) + headers + payload
    return body + struct.pack(">I", crc32(body))


def event(name: str, **members: Any) -> bytes:
    """An event of Bedrock, with its padding."""
    return frame(EVENT | {":event-type": name}, json.dumps({**members, "p": "abcdefgh"}).encode())


def delta(index: int, **members: Any) -> bytes:
    """An event with a piece of block *index*."""
    return event("contentBlockDelta", contentBlockIndex=index, delta=members)


def block_stop(index: int) -> bytes:
    """The event that ends block *index*."""
    return event("contentBlockStop", contentBlockIndex=index)


def exception_frame(name: str, message: str) -> bytes:
    """A frame with an exception."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(text)) + text


START = event("messageStart", role="assistant")
END = event("messageStop", stopReason="tool_use") + event(
    "metadata", usage={"inputTokens": 12, "outputTokens": 34, "totalTokens": 46}, metrics={"latencyMs": 5}
)
THINKS_AND_CALLS = b"".join(
    (
        START,
        delta(0, reasoningContent={"text": "A raven"}),
        delta(0, reasoningContent={"text": " flies."}),
        delta(0, reasoningContent={"signature": "c2lnbmVk"}),
        block_stop(0),
        delta(1, text=""),
        delta(1, text="Let me"),
        delta(1, text=" look."),
        block_stop(1),
        event("contentBlockStart", contentBlockIndex=2, start={"toolUse": {"toolUseId": "tooluse_1", "name": "look"}}),
        delta(2, toolUse={"input": ""}),
        delta(2, toolUse={"input": '{"where":'}),
        delta(2, toolUse={"input": '"roof"}'}),
        block_stop(2),
        END,
    )
)
"""A streamed answer of thinking, text and a tool use."""
