"""Frames of Amazon's event stream, made apart from the code that reads them."""

import json
import struct
from collections.abc import Mapping
from typing import Any
from zlib import crc32

EVENT = {":event-type": "", ":content-type": "application/json", ":message-type": "event"}


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A frame with text in its headers."""
    return raw_frame(b"".join(_header(name, value) for name, value in headers.items()), payload)


def raw_frame(headers: bytes, payload: bytes) -> bytes:
    """A frame of *headers* that are encoded already."""
    head = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    body = head + struct.pack(">I", crc32(head)) + headers + payload
    return body + struct.pack(">I", crc32(body))


def event(name: str, **members: Any) -> bytes:
    """An event of Bedrock's, padded as it pads them."""
    return frame(EVENT | {":event-type": name}, json.dumps({**members, "p": "abcdefgh"}).encode())


def delta(index: int, **members: Any) -> bytes:
    """More of a block."""
    return event("contentBlockDelta", contentBlockIndex=index, delta=members)


def stop(index: int) -> bytes:
    """The end of a block."""
    return event("contentBlockStop", contentBlockIndex=index)


def fault(name: str, message: str) -> bytes:
    """An exception."""
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
        stop(0),
        delta(1, text=""),
        delta(1, text="Let me"),
        delta(1, text=" look."),
        stop(1),
        event("contentBlockStart", contentBlockIndex=2, start={"toolUse": {"toolUseId": "tooluse_1", "name": "look"}}),
        delta(2, toolUse={"input": ""}),
        delta(2, toolUse={"input": '{"where":'}),
        delta(2, toolUse={"input": '"roof"}'}),
        stop(2),
        END,
    )
)
"""An answer that thinks, says something and asks for a tool."""
