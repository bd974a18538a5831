"""Answers of Amazon Bedrock's Converse and ConverseStream, read into deltas."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from ..schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from ..schema.errors import ProviderError
from ..schema.stop_reasons import StopReason
from ..transport.decoder import StreamDecoder
from ..transport.eventstream import FrameStream, headers, split
from ..transport.faults import Fault, malformed_answer, undecodable_answer
from ..wire.raw_json import validated_json
from . import events as wire
from .errors import FAULTS, PROVIDER, STOPS, read_aws_fault

_Beginning = TextDelta | ThinkingDelta | ThinkingSigned | ToolUseStarted | OpaqueReceived
_json = msgspec.json.encode
_delta = msgspec.json.Decoder(wire.BlockDelta).decode
_start = msgspec.json.Decoder(wire.BlockStart).decode
_stop = msgspec.json.Decoder(wire.BlockStop).decode
_message_stop = msgspec.json.Decoder(wire.MessageStop).decode
_metadata = msgspec.json.Decoder(wire.Metadata).decode
_head = msgspec.json.Decoder(wire.ToolUseHead).decode
_answer = msgspec.json.Decoder(wire.WholeAnswer).decode
_block = msgspec.json.Decoder(wire.WholeBlock).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_any = msgspec.json.Decoder(dict[str, Any]).decode
_OPAQUE = ("toolUse", "toolResult", "image")
_UNREADABLE = (ValueError, RecursionError)


class _Headers(NamedTuple):
    """What the headers of a frame say: *name* is that of the event, the exception or the error."""

    kind: str
    name: str
    message: str


@lru_cache(maxsize=64)  # an answer has hardly more than six different ones
def _read_headers(encoded: bytes) -> _Headers:
    """Raises:
    ValueError: they are not what the format says.
    """
    found = headers(encoded)
    kind = str(found.get(":message-type", "event"))
    name = found.get({"exception": ":exception-type", "error": ":error-code"}.get(kind, ":event-type"), "")
    return _Headers(kind, str(name), str(found.get(":error-message", "")))


@dataclass(slots=True)
class _OpaqueDraft:
    """A block that is not ours to understand, gathered until it is whole: its *member* of the union, begun by *raw*."""

    member: str
    raw: bytes
    input: list[str] = field(default_factory=list[str])
    content: list[msgspec.Raw] = field(default_factory=list[msgspec.Raw])
    data: list[str] = field(default_factory=list[str])

    def received(self, index: int) -> OpaqueReceived:
        """The block as it is to be sent back."""
        block = _any(self.raw)
        kind = block.get("type") if self.member == "toolUse" else None
        match self.member:
            case "toolUse":
                block["input"] = {}
                # The token limit may leave half an input behind. Then nothing of it is sure.
                with suppress(*_UNREADABLE):
                    block["input"] = msgspec.json.decode("".join(self.input) or "{}")
            case "toolResult":
                block["content"] = self.content
            case _:
                block["source"] = {"bytes": _joined(self.data)}
        return OpaqueReceived(index, str(kind or self.member), _json({self.member: block}))


def _joined(pieces: Sequence[str]) -> str:
    """The base64 of all the bytes that *pieces* are the base64 of."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return b64encode(b"".join(map(b64decode, pieces))).decode()
    except Base64Error as problem:
        raise malformed_answer(PROVIDER, problem, "".join(pieces).encode()) from None


class BedrockReader:
    """Reads one answer of *model*, event by event or whole.

    The API gives an answer neither an id nor the model's name. *message_id* may be told until it begins.
    """

    def __init__(self, model: str, message_id: str) -> None:
        self.message_id = message_id
        self.ended = False
        self._model = model
        self._started = False
        self._stop_reason: str | None = None
        self._counted = False
        self._begun: set[int] = set()
        self._redacted: dict[int, list[str]] = {}
        self._opaque: dict[int, _OpaqueDraft] = {}

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        encoded, payload = split(data)
        try:
            head = _read_headers(encoded)
            # Nearly every event is a piece of text.
            if head.name == "contentBlockDelta":
                event = _delta(payload)
                text, index = event.delta.text, event.content_block_index
                if text and index in self._begun:
                    deltas.append(TextDelta(index, text))
                else:
                    self._require_start(payload)
                    self._go_on(event, payload, deltas)
            else:
                self._read_other(head, payload, deltas)
        except _UNREADABLE as problem:
            raise malformed_answer(PROVIDER, problem, payload) from None

    def whole(self, body: bytes) -> list[Delta]:
        """The answer that *body* is.

        Raises:
            ProviderError: it is a fault, or not what it should be, or not all of it.
        """
        deltas: list[Delta] = []
        try:
            answer = _answer(body)
        except _UNREADABLE as problem:
            raise _unread(body, problem) from None
        try:
            self._begin(deltas)
            for index, raw in enumerate(answer.output.message.content):
                self._read_block(index, bytes(raw), deltas)
        except _UNREADABLE as problem:
            raise malformed_answer(PROVIDER, problem, body) from None
        self._stop_reason = answer.stop_reason
        self._count(answer.usage, deltas)
        return deltas

    def _begin(self, deltas: list[Delta]) -> None:
        self._started = True
        deltas.append(AnswerStarted(self.message_id, self._model))

    def _require_start(self, payload: bytes) -> None:
        if not self._started:
            raise malformed_answer(PROVIDER, "this came before messageStart", payload)

    def _add(self, deltas: list[Delta], delta: _Beginning) -> None:
        self._begun.add(delta.index)
        deltas.append(delta)

    def _read_other(self, head: _Headers, payload: bytes, deltas: list[Delta]) -> None:
        if head.kind == "error":
            raise FAULTS.error(Fault(message=head.message or Fault().message, code=head.name or None))
        if head.kind == "exception":
            raise FAULTS.error(read_aws_fault(payload, head.name))
        match head.name:
            case "messageStart":
                self._begin(deltas)
            case "contentBlockStart":
                self._require_start(payload)
                self._begin_block(_start(payload), deltas)
            case "contentBlockStop":
                self._end_block(_stop(payload).content_block_index, deltas)
            case "messageStop":
                self._require_start(payload)
                self._stop_reason = _message_stop(payload).stop_reason
                self._finish(deltas)
            case "metadata":
                self._require_start(payload)
                self._count(_metadata(payload).usage, deltas)
            case _:
                pass

    def _count(self, counts: wire.Counts, deltas: list[Delta]) -> None:
        self._counted = True
        deltas.append(UsageReported(counts.usage()))
        self._finish(deltas)

    def _finish(self, deltas: list[Delta]) -> None:
        """End the answer, if all of it is there: the counts come after the reason to stop."""
        if self._counted and self._stop_reason is not None:
            self.ended = True
            deltas.append(AnswerEnded(STOPS.get(self._stop_reason, StopReason.OTHER), self._stop_reason))

    def _begin_block(self, event: wire.BlockStart, deltas: list[Delta]) -> None:
        index = event.content_block_index
        for member, raw in event.start.items():
            if member == "toolUse" and not (use := _head(raw)).served:
                self._add(deltas, ToolUseStarted(index, use.tool_use_id or self._made_id(index), use.name))
            elif member in _OPAQUE:
                self._opaque[index] = _OpaqueDraft(member, bytes(raw))

    def _made_id(self, index: int) -> str:
        return f"{self.message_id}-{index}"

    def _go_on(self, event: wire.BlockDelta, payload: bytes, deltas: list[Delta]) -> None:
        index, piece = event.content_block_index, event.delta
        if piece.text:
            self._add(deltas, TextDelta(index, piece.text))
        elif piece.tool_use is not None and piece.tool_use.input:
            if index in self._opaque:
                self._opaque[index].input.append(piece.tool_use.input)
            elif index in self._begun:
                deltas.append(ToolInputDelta(index, piece.tool_use.input))
            else:
                raise malformed_answer(PROVIDER, "this came before its contentBlockStart", payload)
        elif piece.reasoning_content is not None:
            self._think(index, piece.reasoning_content, deltas)
        elif piece.citation is not None:
            self._cite(index, piece.citation, deltas)
        elif index in self._opaque:
            self._opaque[index].content += piece.tool_result or ()
            if piece.image is not None and piece.image.source is not None:
                self._opaque[index].data.append(piece.image.source.bytes)

    def _think(self, index: int, piece: wire.ReasoningPiece, deltas: list[Delta]) -> None:
        if piece.text:
            self._add(deltas, ThinkingDelta(index, piece.text))
        if piece.signature:
            self._add(deltas, ThinkingSigned(index, piece.signature))
        if piece.redacted_content:
            self._redacted.setdefault(index, []).append(piece.redacted_content)

    def _cite(self, index: int, source: wire.Source, deltas: list[Delta]) -> None:
        if index not in self._begun:  # sources come before the text that they stand behind
            self._add(deltas, TextDelta(index, ""))
        deltas.append(Cited(index, source.citation()))

    def _end_block(self, index: int, deltas: list[Delta]) -> None:
        if (opaque := self._opaque.pop(index, None)) is not None:
            self._add(deltas, opaque.received(index))
        if (pieces := self._redacted.pop(index, None)) is not None:
            self._add(deltas, ThinkingSigned(index, _joined(pieces), redacted=True))
        if index in self._begun:
            deltas.append(BlockEnded(index))

    def _read_block(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        """Read a block that is not streamed."""
        block = _block(raw)
        if block.text is not None:
            self._go_on(wire.BlockDelta(wire.Piece(text=block.text), index), raw, deltas)
        elif block.citations_content is not None:
            self._add(deltas, TextDelta(index, "".join(words.text for words in block.citations_content.content)))
            for source in block.citations_content.citations:
                self._cite(index, source, deltas)
        elif (thought := block.reasoning_content) is not None:
            said = thought.reasoning_text
            text, signature = (said.text, said.signature) if said else (None, None)
            self._think(index, wire.ReasoningPiece(text, signature, thought.redacted_content), deltas)
        elif (use := block.tool_use) is not None and not use.served:
            self._add(deltas, ToolUseStarted(index, use.tool_use_id or self._made_id(index), use.name))
            deltas.append(ToolInputDelta(index, bytes(use.input).decode()))
        else:
            member = next(iter(_members(raw)), "")
            self._add(deltas, OpaqueReceived(index, (use and use.served) or member, validated_json(PROVIDER, raw)))
        self._end_block(index, deltas)


def stream_decoder(reader: BedrockReader) -> StreamDecoder:
    """A decoder for one streamed answer, which *reader* reads."""
    return StreamDecoder(PROVIDER, reader, FrameStream(PROVIDER))


def _unread(body: bytes, problem: Exception) -> ProviderError:
    fault = read_aws_fault(body, None)
    return FAULTS.error(fault) if fault.code else undecodable_answer(PROVIDER, problem, body)
