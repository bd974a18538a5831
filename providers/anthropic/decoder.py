"""Answers of Anthropic's Messages API, read into deltas."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, get_args

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
from ..schema.stop_reasons import StopReason
from ..transport.decoder import StreamDecoder
from ..transport.faults import malformed_answer, read_fault, undecodable_answer
from ..wire.raw_json import validated_json
from .errors import FAULTS, PROVIDER, STOPS
from .events import (
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    CitationPiece,
    Counts,
    Event,
    Fault,
    InputPiece,
    Loose,
    MessageDelta,
    MessageStart,
    MessageStop,
    Ping,
    RedactedBlock,
    SignaturePiece,
    Source,
    TextBlock,
    TextPiece,
    ThinkingBlock,
    ThinkingPiece,
    ToolUseBlock,
    WholeMessage,
)


def _tags(union: object) -> frozenset[object]:
    return frozenset(member.__struct_config__.tag for member in get_args(union))


_Beginning = TextDelta | ThinkingDelta | ThinkingSigned | ToolUseStarted | OpaqueReceived
_EVENTS = _tags(Event)
_PIECES = _tags(BlockDelta.__annotations__["delta"])
_BLOCKS = _tags(Block)
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_block: Callable[[bytes], Block] = msgspec.json.Decoder(Block).decode
_message = msgspec.json.Decoder(WholeMessage).decode
_loose = msgspec.json.Decoder(Loose).decode
_any_block = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class _OpaqueDraft:
    """A block that is not ours to understand, gathered until it is whole."""

    type: str
    raw: bytes
    pieces: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    input: list[str] = field(default_factory=list[str])

    def whole(self) -> bytes:
        """The block as it is to be sent back: as it came, where it came in one."""
        if not self.pieces and not self.input:
            return self.raw
        block = _any_block(self.raw)
        # Texts go on, anything else takes the place of what was there: so it is with the pieces that are known.
        for piece in self.pieces:
            for name, value in piece.items():
                before = block.get(name)
                block[name] = before + value if isinstance(before, str) and isinstance(value, str) else value
        # The token limit may leave half an input behind. Then no more is sure than what the block began with.
        with suppress(ValueError, RecursionError):
            block["input"] = msgspec.json.decode("".join(self.input))
        return msgspec.json.encode(block)


class AnthropicReader:
    """Reads one answer of the Messages API, event by event."""

    def __init__(self) -> None:
        self.ended = False
        self._message_id: str | None = None
        self._stop_reason: str | None = None
        self._counts = Counts()
        self._begun: set[int] = set()
        self._given: dict[int, str] = {}  # input that came with its tool use, until pieces of it follow
        self._opaque: dict[int, _OpaqueDraft] = {}

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = _event(data)
        except (ValueError, RecursionError) as problem:
            self._read_unknown(data, problem)
            return
        # Nearly every event is a piece of text.
        if type(event) is BlockDelta:
            piece = event.delta
            if type(piece) is TextPiece:
                if piece.text:
                    if event.index not in self._begun:
                        self._require_start(data)
                        self._begun.add(event.index)
                    deltas.append(TextDelta(event.index, piece.text))
            else:
                self._go_on(event, data, deltas)
        else:
            self._read_other(event, data, deltas)

    def begin(self, message: WholeMessage, deltas: list[Delta]) -> None:
        """Begin the answer with what *message* says of it."""
        self._message_id = message.id
        self._counts = message.usage
        deltas.append(AnswerStarted(message.id, message.model))
        deltas.append(UsageReported(self._counts.usage()))

    def finish(self, stop_reason: str | None, deltas: list[Delta]) -> None:
        """End the answer."""
        self.ended = True
        deltas.append(AnswerEnded(STOPS.get(stop_reason or "", StopReason.OTHER), stop_reason))

    def begin_block(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        """Begin block *index*, as much of it as is there."""
        try:
            block = _block(raw)
        except (ValueError, RecursionError) as problem:
            self._begin_opaque(index, raw, problem)
            return
        match block:
            case TextBlock():
                if block.text:
                    self._add(deltas, TextDelta(index, block.text))
                for source in block.citations or ():
                    self._cite(index, source, deltas)
            case ThinkingBlock():
                if block.thinking:
                    self._add(deltas, ThinkingDelta(index, block.thinking))
                if block.signature:
                    self._add(deltas, ThinkingSigned(index, block.signature))
            case RedactedBlock():
                self._add(deltas, ThinkingSigned(index, block.data, redacted=True))
            case ToolUseBlock():
                self._add(deltas, ToolUseStarted(index, block.id or f"{self._message_id}-{index}", block.name))
                if block.input:
                    self._given[index] = msgspec.json.encode(block.input).decode()

    def end_block(self, index: int, deltas: list[Delta]) -> None:
        """End block *index*, if there is anything in it."""
        if (given := self._given.pop(index, None)) is not None:
            deltas.append(ToolInputDelta(index, given))
        if (opaque := self._opaque.pop(index, None)) is not None:
            self._add(deltas, OpaqueReceived(index, opaque.type, opaque.whole()))
        if index in self._begun:
            deltas.append(BlockEnded(index))

    def _add(self, deltas: list[Delta], delta: _Beginning) -> None:
        self._begun.add(delta.index)
        deltas.append(delta)

    def _cite(self, index: int, source: Source, deltas: list[Delta]) -> None:
        if index not in self._begun:  # sources may come before the text that they stand behind
            self._add(deltas, TextDelta(index, ""))
        deltas.append(Cited(index, source.citation()))

    def _require_start(self, data: bytes) -> None:
        if self._message_id is None:
            raise malformed_answer(PROVIDER, "this came before message_start", data)

    def _go_on(self, event: BlockDelta, data: bytes, deltas: list[Delta]) -> None:
        self._require_start(data)
        index = event.index
        match event.delta:
            case InputPiece(partial_json=""):
                pass
            case InputPiece(partial_json=json) if index in self._opaque:
                self._opaque[index].input.append(json)
            case InputPiece() if index not in self._begun:
                raise malformed_answer(PROVIDER, "this came before its content_block_start", data)
            case InputPiece(partial_json=json):
                self._given.pop(index, None)
                deltas.append(ToolInputDelta(index, json))
            case ThinkingPiece(thinking=text):
                if text:
                    self._add(deltas, ThinkingDelta(index, text))
            case CitationPiece(citation=source):
                self._cite(index, source, deltas)
            case SignaturePiece(signature=signature):
                self._add(deltas, ThinkingSigned(index, signature))
            case TextPiece():
                pass

    def _read_other(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        if not isinstance(event, MessageStart | Ping | Fault):
            self._require_start(data)
        match event:
            case BlockStart():
                self.begin_block(event.index, bytes(event.content_block), deltas)
            case BlockStop():
                self.end_block(event.index, deltas)
            case MessageStart():
                self.begin(event.message, deltas)
            case MessageDelta():
                self._stop_reason = event.delta.stop_reason
                self._counts.update(event.usage)
                deltas.append(UsageReported(self._counts.usage()))
            case MessageStop():
                self.finish(self._stop_reason, deltas)
            case Fault():
                raise FAULTS.error(read_fault(data))
            case Ping() | BlockDelta():
                pass

    def _read_unknown(self, data: bytes, problem: Exception) -> None:
        """Pass over an event or a delta of an unknown type; a delta of a block that is unknown, too, goes into it."""
        try:
            event = _loose(data)
        except (ValueError, RecursionError):
            raise malformed_answer(PROVIDER, problem, data) from None
        of_block = event.type == BlockDelta.__struct_config__.tag
        piece = event.delta.pop("type", None)
        if event.type in _EVENTS and not (of_block and isinstance(piece, str) and piece not in _PIECES):
            raise malformed_answer(PROVIDER, problem, data)
        if of_block and event.index in self._opaque:
            self._opaque[event.index].pieces.append(event.delta)

    def _begin_opaque(self, index: int, raw: bytes, problem: Exception) -> None:
        try:
            kind = _loose(raw).type
        except (ValueError, RecursionError):
            raise malformed_answer(PROVIDER, problem, raw) from None
        if kind in _BLOCKS:
            raise malformed_answer(PROVIDER, problem, raw)
        self._opaque[index] = _OpaqueDraft(kind, validated_json(PROVIDER, raw))


def stream_decoder() -> StreamDecoder:
    """A decoder for one streamed answer."""
    return StreamDecoder(PROVIDER, AnthropicReader())


def whole_answer(body: bytes) -> list[Delta]:
    """The answer that *body* is.

    Raises:
        ProviderError: it is a fault, or not what it should be, or not all of it.
    """
    try:
        message = _message(body)
    except (ValueError, RecursionError) as problem:
        fault = read_fault(body)
        raise (FAULTS.error(fault) if fault.type else undecodable_answer(PROVIDER, problem, body)) from None
    deltas: list[Delta] = []
    reader = AnthropicReader()
    reader.begin(message, deltas)
    for index, block in enumerate(message.content):
        reader.begin_block(index, bytes(block), deltas)
        reader.end_block(index, deltas)
    reader.finish(message.stop_reason, deltas)
    return deltas
