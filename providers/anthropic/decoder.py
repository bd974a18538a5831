"""Answers of Anthropic's Messages API, decoded into deltas."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlocksWithdrawn,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from ..transport.fault_bodies import read_fault, reported_fault
from ..transport.faults import incomplete_answer, malformed_answer
from ..transport.streams.decoder import AnswerDecoder
from ..wire.indexed_blocks import IndexedBlocks
from ..wire.json_decoding import MALFORMED, tags_of, unknown_type, validated_json
from ..wire.lenient.decoder import LenientDecoder
from ..wire.stop_reasons import stop_reason
from .errors import FAULTS, PROVIDER
from .events import (
    STOP_REASONS,
    AnyEvent,
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    CitationPiece,
    Error,
    Event,
    InputPiece,
    MessageDelta,
    MessageStart,
    MessageStop,
    Ping,
    RedactedBlock,
    SignaturePiece,
    Stop,
    TextBlock,
    TextPiece,
    ThinkingBlock,
    ThinkingPiece,
    TokenCounts,
    ToolUseBlock,
    WholeMessage,
    citation,
    stop_details,
)
from .fallbacks import FALLBACK, AttemptBlocks

_EVENTS = tags_of(Event)
_PIECES = tags_of(BlockDelta.__annotations__["delta"])
_BLOCKS = tags_of(Block)
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_any_event = msgspec.json.Decoder(AnyEvent).decode
_block: Callable[[bytes], Block] = msgspec.json.Decoder(Block).decode
_any_block = msgspec.json.Decoder(dict[str, Any]).decode
_message = msgspec.json.Decoder(WholeMessage).decode
_lenient = LenientDecoder[Event](Event)
_lenient_any = LenientDecoder[AnyEvent](AnyEvent)
_lenient_message = LenientDecoder[WholeMessage](WholeMessage)


@dataclass(slots=True)
class _OpaqueDraft:
    """A block of a type unknown to this version, until it is complete."""

    type: str
    raw: bytes
    pieces: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    input: list[str] = field(default_factory=list[str])

    def complete(self) -> bytes:
        """The block as it is sent back later: the very bytes, if no pieces followed its start."""
        if not self.pieces and not self.input:
            return self.raw
        block = _any_block(self.raw)
        # As in the known kinds of delta, strings are continued and any other value is replaced.
        for piece in self.pieces:
            for name, value in piece.items():
                before = block.get(name)
                block[name] = before + value if isinstance(before, str) and isinstance(value, str) else value
        # The token limit may cut an input short. The block then keeps the input that it started with.
        with suppress(*MALFORMED):
            block["input"] = msgspec.json.decode("".join(self.input))
        return msgspec.json.encode(block)


class AnthropicReader:
    """Reads one answer of the Messages API, event by event."""

    def __init__(self) -> None:
        self.ended = self.settled = False
        self._message_id: str | None = None
        self._stop = Stop()
        self._counts = TokenCounts()
        self._blocks = IndexedBlocks()
        self._started = self._blocks.started
        self._whole_inputs: dict[int, str] = {}  # that came with the start of a tool use; pieces of it replace them
        self._opaque: dict[int, _OpaqueDraft] = {}
        self._attempt = AttemptBlocks()

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = _event(data)
        except MALFORMED as problem:
            self._read_unknown(data, problem, deltas)
            return
        # Nearly every event is a piece of text.
        if type(event) is BlockDelta:
            piece = event.delta
            if type(piece) is TextPiece:
                if piece.text:
                    if event.index not in self._started:
                        self._require_message(data)
                        self._started.add(event.index)
                    deltas.append(TextDelta(event.index, piece.text))
            else:
                self._read_piece(event, data, deltas)
        else:
            self._read_other(event, data, deltas)

    def finish(self, deltas: list[Delta]) -> None:
        if self._stop.stop_reason is None:
            raise incomplete_answer(PROVIDER)
        self._end_answer(self._stop, deltas)

    def _start_answer(self, message: WholeMessage, deltas: list[Delta]) -> None:
        """Start the answer with the id, the model and the token counts of *message*."""
        self._message_id = message.id
        self._counts = message.usage
        deltas.append(AnswerStarted(message.id, message.model))
        deltas.append(UsageReported(self._counts.usage()))

    def _end_answer(self, stop: Stop | WholeMessage, deltas: list[Delta]) -> None:
        """End the answer, with the reason for stopping that *stop* has."""
        self.ended = True
        reason = stop.stop_reason
        deltas.append(AnswerEnded(stop_reason(STOP_REASONS, reason), reason, stop_details(stop.stop_details)))

    def _start_block(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        """Start block *index* with the content that *raw* has; a whole answer has all of it there."""
        try:
            block = _block(raw)
        except MALFORMED as problem:
            kind = unknown_type(PROVIDER, raw, _BLOCKS, problem)
            self._opaque[index] = _OpaqueDraft(kind, validated_json(PROVIDER, raw))
            if kind == FALLBACK and (withdrawn := self._attempt.withdrawn()):
                deltas.append(BlocksWithdrawn(withdrawn))
            return
        if not isinstance(block, TextBlock):
            self._attempt.own.add(index)
        add = self._blocks.add
        match block:
            case TextBlock():
                if block.text:
                    add(TextDelta(index, block.text), deltas)
                for source in block.citations or ():
                    self._blocks.cite(index, citation(bytes(source)), deltas)
            case ThinkingBlock():
                if block.thinking:
                    add(ThinkingDelta(index, block.thinking), deltas)
                if block.signature:
                    add(ThinkingSigned(index, block.signature), deltas)
            case RedactedBlock():
                add(ThinkingSigned(index, block.data, redacted=True), deltas)
            case ToolUseBlock():
                add(ToolUseStarted(index, block.id or f"{self._message_id}-{index}", block.name), deltas)
                if block.input:
                    self._whole_inputs[index] = msgspec.json.encode(block.input).decode()

    def _end_block(self, index: int, deltas: list[Delta]) -> None:
        """End block *index*, unless it is empty."""
        if (json := self._whole_inputs.pop(index, None)) is not None:
            deltas.append(ToolInputDelta(index, json))
        if (opaque := self._opaque.pop(index, None)) is not None:
            complete = opaque.complete()
            self._attempt.opaque[index] = opaque.type, complete
            self._blocks.add(OpaqueReceived(index, opaque.type, complete), deltas)
        self._blocks.end(index, deltas)

    def _require_message(self, data: bytes) -> None:
        if self._message_id is None:
            raise malformed_answer(PROVIDER, "an event before message_start", data)

    def _read_piece(self, event: BlockDelta, data: bytes, deltas: list[Delta]) -> None:
        self._require_message(data)
        index = event.index
        match event.delta:
            case InputPiece(partial_json=""):
                pass
            case InputPiece(partial_json=json) if index in self._opaque:
                self._opaque[index].input.append(json)
            case InputPiece() if index not in self._started:
                raise malformed_answer(PROVIDER, "an input_json_delta before its content_block_start", data)
            case InputPiece(partial_json=json):
                self._whole_inputs.pop(index, None)
                deltas.append(ToolInputDelta(index, json))
            case ThinkingPiece(thinking=text):
                if text:
                    self._blocks.add(ThinkingDelta(index, text), deltas)
            case CitationPiece(citation=source):
                self._blocks.cite(index, citation(bytes(source)), deltas)
            case SignaturePiece(signature=signature):
                self._blocks.add(ThinkingSigned(index, signature), deltas)
            case TextPiece(text=text):
                if text:
                    self._blocks.add(TextDelta(index, text), deltas)

    def _read_other(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        if not isinstance(event, MessageStart | Ping | Error):
            self._require_message(data)
        match event:
            case BlockStart():
                self._start_block(event.index, bytes(event.content_block), deltas)
            case BlockStop():
                self._end_block(event.index, deltas)
            case MessageStart():
                self._start_answer(event.message, deltas)
            case MessageDelta():
                self._stop = event.delta
                self._counts.update(event.usage)
                deltas.append(UsageReported(self._counts.usage()))
            case MessageStop():
                self._end_answer(self._stop, deltas)
            case Error():
                raise FAULTS.error(read_fault(data))
            case Ping() | BlockDelta():
                pass

    def _read_unknown(self, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Ignore an event or a delta of an unknown type; but a delta of an unknown block becomes a part of it."""
        try:
            event = _any_event(data)
        except MALFORMED:
            event = _lenient_any.decode(PROVIDER, data, problem, streamed=True)
        if event.type == "message" or (event.type is None and bytes(event.content)):
            self._read_whole(data, problem, deltas)
            return
        if event.type is None:
            if reported_fault(data) is not None:
                raise FAULTS.error(read_fault(data))
            raise malformed_answer(PROVIDER, problem, data)
        is_delta = event.type == BlockDelta.__struct_config__.tag
        piece_type = event.delta.pop("type", None)
        has_unknown_piece = is_delta and isinstance(piece_type, str) and piece_type not in _PIECES
        if event.type in _EVENTS and not has_unknown_piece:
            known = _lenient.decode(PROVIDER, data, problem, streamed=True)
            if isinstance(known, BlockDelta):
                self._read_piece(known, data, deltas)
            else:
                self._read_other(known, data, deltas)
        elif is_delta and event.index in self._opaque:
            self._opaque[event.index].pieces.append(event.delta)

    def _read_whole(self, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Read an answer that is not streamed."""
        try:
            message = _message(data)
        except MALFORMED:
            message = _lenient_message.decode(PROVIDER, data, problem)
        self._start_answer(message, deltas)
        for index, block in enumerate(message.content):
            self._start_block(index, bytes(block), deltas)
            self._end_block(index, deltas)
        self._end_answer(message, deltas)


def answer_decoder() -> AnswerDecoder:
    """A decoder for one answer."""
    return AnswerDecoder(PROVIDER, AnthropicReader())
