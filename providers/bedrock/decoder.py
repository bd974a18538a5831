"""Answers of Amazon Bedrock's Converse and ConverseStream, decoded into deltas."""

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
from ..transport.fault_bodies import Fault, reported_fault
from ..transport.faults import incomplete_answer, malformed_answer, unreadable_body
from ..transport.streams.decoder import AnswerDecoder
from ..transport.streams.eventstream import FrameStream, headers, split
from ..wire.indexed_blocks import IndexedBlocks
from ..wire.json_decoding import MALFORMED
from ..wire.lenient.decoder import LenientDecoder, repaired_json, tolerant_decoder, tool_input
from . import events as wire
from .errors import FAULTS, PROVIDER, read_aws_fault
from .model_families import traits_of
from .stops import stop_details_of, stop_reason_of, thinking_tokens_of

_json = msgspec.json.encode
_delta = msgspec.json.Decoder(wire.BlockDelta).decode
_lenient_delta = LenientDecoder[wire.BlockDelta](wire.BlockDelta, wire.documented_delta)
_start = tolerant_decoder(PROVIDER, wire.BlockStart, streamed=True)
_stop = tolerant_decoder(PROVIDER, wire.BlockStop, streamed=True)
_message_stop = tolerant_decoder(PROVIDER, wire.MessageStop, streamed=True)
_metadata = tolerant_decoder(PROVIDER, wire.Metadata, streamed=True)
_tool_use_start = tolerant_decoder(PROVIDER, wire.ToolUseStart)
_answer = tolerant_decoder(PROVIDER, wire.WholeAnswer)
_block = tolerant_decoder(PROVIDER, wire.WholeBlock)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode
# Of the size of a frame, which is less than 32 MB.
_FIRST_OF_FRAMES = 1
_OPAQUE = ("toolUse", "toolResult", "image")


class _Headers(NamedTuple):
    """The headers of a frame: *name* is that of the event, of the exception, or the code of the error."""

    kind: str
    name: str
    message: str


@lru_cache(maxsize=64)  # an answer has hardly more than six different ones
def _read_headers(encoded: bytes) -> _Headers:
    """Raises:
    ValueError: *encoded* is malformed.
    """
    values = headers(encoded)
    kind = str(values.get(":message-type", "event"))
    name = values.get({"exception": ":exception-type", "error": ":error-code"}.get(kind, ":event-type"), "")
    return _Headers(kind, str(name), str(values.get(":error-message", "")))


@dataclass(slots=True)
class _OpaqueDraft:
    """A block that only Bedrock understands, until it is complete: member *member* of the union, started by *raw*."""

    member: str
    raw: bytes
    input: list[str] = field(default_factory=list[str])
    content: list[msgspec.Raw] = field(default_factory=list[msgspec.Raw])
    data: list[str] = field(default_factory=list[str])

    def complete(self, index: int) -> OpaqueReceived:
        """The block as it is sent back later."""
        block = _object(self.raw)
        kind = block.get("type") if self.member == "toolUse" else None
        match self.member:
            case "toolUse":
                block["input"] = {}
                # The token limit may cut an input short. Then none of it is kept.
                with suppress(*MALFORMED):
                    block["input"] = msgspec.json.decode("".join(self.input) or "{}")
            case "toolResult":
                block["content"] = self.content
            case _:
                block["source"] = {"bytes": _join_base64(self.data)}
        return OpaqueReceived(index, str(kind or self.member), _json({self.member: block}))


def _join_base64(pieces: Sequence[str]) -> str:
    """The base64 of the bytes that *pieces*, each in base64, are together."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return b64encode(b"".join(map(b64decode, pieces))).decode()
    except Base64Error as problem:
        raise malformed_answer(PROVIDER, problem, "".join(pieces).encode()) from None


class BedrockReader:
    """Reads one answer of *model*, event by event or whole.

    Neither an id nor the model's name is in the answer. *message_id* may be set until the answer starts.
    """

    def __init__(self, model: str, message_id: str) -> None:
        self.message_id = message_id
        self.ended = self.settled = False
        self._model = model
        self._answer_started = False
        self._stop_reason: str | None = None
        self._maker_fields: object = None
        self._trace: object = None
        self._metadata_read = False
        self._usage_reported = False
        self._blocks = IndexedBlocks()
        self._started = self._blocks.started
        self._redacted: dict[int, list[str]] = {}
        self._opaque: dict[int, _OpaqueDraft] = {}

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        if data[0] > _FIRST_OF_FRAMES:
            self._read_text(data.lstrip(), deltas)
            return
        encoded, payload = split(data)
        try:
            head = _read_headers(encoded)
            # Nearly every event is a piece of text.
            if head.name == "contentBlockDelta":
                try:
                    event = _delta(payload)
                except MALFORMED as problem:
                    event = _lenient_delta.decode(PROVIDER, payload, problem, streamed=True)
                text, index = event.delta.text, event.content_block_index
                if text and index in self._started:
                    deltas.append(TextDelta(index, text))
                else:
                    self._require_answer(payload)
                    self._read_piece(index, event.delta, payload, deltas)
            else:
                self._read_other(head, payload, deltas)
        except MALFORMED as problem:
            raise malformed_answer(PROVIDER, problem, payload) from None

    def finish(self, deltas: list[Delta]) -> None:
        if self._stop_reason is None:
            raise incomplete_answer(PROVIDER)
        self._end_answer(self._stop_reason, deltas)

    def _read_text(self, data: bytes, deltas: list[Delta]) -> None:
        """Read what is no frame: an answer that is not streamed, an error, or the marker of OpenAI's ends."""
        if data.startswith(b"[DONE]"):
            self.finish(deltas)
        elif data.startswith(b"{"):
            self._read_whole(data, deltas)
        else:
            raise unreadable_body(PROVIDER, data)

    def _read_whole(self, body: bytes, deltas: list[Delta]) -> None:
        """Read an answer that is not streamed."""
        try:
            answer = _answer(body)
        except ProviderError as problem:
            raise _error_in(body) or problem from None
        try:
            self._start_answer(deltas)
            for index, raw in enumerate(answer.output.message.content):
                self._read_whole_block(index, bytes(raw), deltas)
        except MALFORMED as problem:
            raise malformed_answer(PROVIDER, problem, body) from None
        self._stop_reason, self._maker_fields = answer.stop_reason, answer.additional_model_response_fields
        self._read_metadata(answer, deltas)
        if not self.ended:
            self._end_answer(answer.stop_reason, deltas)

    def _start_answer(self, deltas: list[Delta]) -> None:
        self._answer_started = True
        deltas.append(AnswerStarted(self.message_id, self._model))

    def _require_answer(self, payload: bytes) -> None:
        if not self._answer_started:
            raise malformed_answer(PROVIDER, "an event before messageStart", payload)

    def _read_other(self, head: _Headers, payload: bytes, deltas: list[Delta]) -> None:
        if head.kind == "error":
            raise FAULTS.error(Fault(message=head.message or Fault().message, code=head.name or None))
        if head.kind == "exception":
            raise FAULTS.error(read_aws_fault(payload, head.name))
        match head.name:
            case "messageStart":
                self._start_answer(deltas)
            case "contentBlockStart":
                self._require_answer(payload)
                self._start_block(_start(payload), deltas)
            case "contentBlockStop":
                self._end_block(_stop(payload).content_block_index, deltas)
            case "messageStop":
                self._require_answer(payload)
                event = _message_stop(payload)
                self._stop_reason, self._maker_fields = event.stop_reason, event.additional_model_response_fields
                self._end_if_complete(deltas)
            case "metadata":
                self._require_answer(payload)
                self._read_metadata(_metadata(payload), deltas)
            case _:
                pass

    def _read_metadata(self, metadata: wire.Metadata | wire.WholeAnswer, deltas: list[Delta]) -> None:
        self._metadata_read = True
        self._trace = metadata.trace or self._trace
        usage = metadata.usage
        if usage is not None and (usage.input_tokens is not None or usage.output_tokens is not None):
            self._usage_reported = True
            deltas.append(UsageReported(usage.usage(thinking_tokens_of(self._maker_fields))))
        self._end_if_complete(deltas)

    def _end_if_complete(self, deltas: list[Delta]) -> None:
        """End the answer, if it has both its token counts and, mostly before them, its reason for stopping."""
        if self._usage_reported and self._stop_reason is not None:
            self._end_answer(self._stop_reason, deltas)
        else:  # the token counts may follow
            self.settled = self._metadata_read and self._stop_reason is not None

    def _end_answer(self, reason: str, deltas: list[Delta]) -> None:
        self.ended = True
        details = stop_details_of(reason, self._trace, self._maker_fields)
        deltas.append(AnswerEnded(stop_reason_of(reason, traits_of(self._model).family), reason, details))

    def _start_block(self, event: wire.BlockStart, deltas: list[Delta]) -> None:
        index = event.content_block_index
        for member, raw in event.start.items():
            if member == "toolUse" and not (use := _tool_use_start(raw)).server_type:
                self._start_tool_use(index, use, deltas)
            elif member in _OPAQUE:
                self._opaque[index] = _OpaqueDraft(member, bytes(raw))

    def _start_tool_use(self, index: int, use: wire.ToolUseStart, deltas: list[Delta]) -> None:
        use_id = use.tool_use_id or f"{self.message_id}-{index}"
        self._blocks.add(ToolUseStarted(index, use_id, use.name), deltas)

    def _read_piece(self, index: int, piece: wire.Piece, payload: bytes, deltas: list[Delta]) -> None:
        if piece.text:
            self._blocks.add(TextDelta(index, piece.text), deltas)
        elif piece.tool_use is not None and piece.tool_use.input:
            if index in self._opaque:
                self._opaque[index].input.append(piece.tool_use.input)
            elif index in self._started:
                deltas.append(ToolInputDelta(index, piece.tool_use.input))
            else:
                raise malformed_answer(PROVIDER, "a tool input before its contentBlockStart", payload)
        elif piece.reasoning_content is not None:
            self._add_thinking(index, piece.reasoning_content, deltas)
        elif citation := bytes(piece.citation):
            self._blocks.cite(index, wire.read_citation(citation), deltas)
        elif index in self._opaque:
            self._opaque[index].content += piece.tool_result or ()
            if piece.image is not None and piece.image.source is not None:
                self._opaque[index].data.append(piece.image.source.bytes)

    def _add_thinking(self, index: int, piece: wire.ReasoningPiece, deltas: list[Delta]) -> None:
        if piece.text:
            self._blocks.add(ThinkingDelta(index, piece.text), deltas)
        if piece.signature:
            self._blocks.add(ThinkingSigned(index, piece.signature), deltas)
        if piece.redacted_content:
            self._redacted.setdefault(index, []).append(piece.redacted_content)

    def _end_block(self, index: int, deltas: list[Delta]) -> None:
        if (opaque := self._opaque.pop(index, None)) is not None:
            self._blocks.add(opaque.complete(index), deltas)
        if (pieces := self._redacted.pop(index, None)) is not None:
            self._blocks.add(ThinkingSigned(index, _join_base64(pieces), redacted=True), deltas)
        self._blocks.end(index, deltas)

    def _read_whole_block(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        block = _block(raw)
        if block.text is not None:
            self._read_piece(index, wire.Piece(text=block.text), raw, deltas)
        elif (cited := block.citations_content) is not None:
            self._blocks.add(TextDelta(index, "".join(text.text for text in cited.content)), deltas)
            for source in cited.citations:
                self._blocks.cite(index, wire.read_citation(bytes(source)), deltas)
        elif (reasoning := block.reasoning_content) is not None:
            shown = reasoning.reasoning_text
            text, signature = (shown.text, shown.signature) if shown else (None, None)
            self._add_thinking(index, wire.ReasoningPiece(text, signature, reasoning.redacted_content), deltas)
        elif (use := block.tool_use) is not None and not use.server_type:
            self._start_tool_use(index, use, deltas)
            if json := tool_input(bytes(use.input)):
                deltas.append(ToolInputDelta(index, json))
        else:
            member = next(iter(_members(raw)), "")
            kind = (use and use.server_type) or member
            self._blocks.add(OpaqueReceived(index, kind, repaired_json(PROVIDER, raw)), deltas)
        self._end_block(index, deltas)


def answer_decoder(reader: BedrockReader) -> AnswerDecoder:
    """A decoder for one answer, which *reader* reads."""
    return AnswerDecoder(PROVIDER, reader, FrameStream(PROVIDER))


def _error_in(body: bytes) -> ProviderError | None:
    fault = read_aws_fault(body, None)
    return FAULTS.error(fault) if fault.code or reported_fault(body) is not None else None
