"""Answers of Anthropic's Messages API, decoded into deltas."""

from collections.abc import Callable
from uuid import uuid4

import msgspec

from ..schema.deltas import (
    AnswerStarted,
    BlocksWithdrawn,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
)
from ..transport.fault_bodies import read_fault, reported_fault
from ..transport.faults import incomplete_answer, malformed_answer
from ..transport.streams.decoder import AnswerDecoder
from ..wire.indexed_blocks import IndexedBlocks
from ..wire.json_decoding import MALFORMED, tags_of
from ..wire.lenient.block_places import BlockKind, BlockPlaces
from ..wire.lenient.decoder import LenientDecoder, repaired_json
from .blocks.deviations import normalized_block, normalized_event, normalized_message
from .blocks.opaque_draft import OpaqueDraft, unknown_type
from .ending import Ending
from .errors import FAULTS, PROVIDER
from .events import (
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
    TextBlock,
    TextPiece,
    ThinkingBlock,
    ThinkingPiece,
    ToolUseBlock,
    WholeMessage,
    citation,
)
from .fallbacks import FALLBACK, AttemptBlocks

_NO_BLOCK = (b"", b"null")
_EVENTS = tags_of(Event)
_PIECES = tags_of(BlockDelta.__annotations__["delta"])
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_any_event = msgspec.json.Decoder(AnyEvent).decode
_block: Callable[[bytes], Block] = msgspec.json.Decoder(Block).decode
_message = msgspec.json.Decoder(WholeMessage).decode
_lenient = LenientDecoder[Event](Event, normalized_event)
_lenient_any = LenientDecoder[AnyEvent](AnyEvent)
_lenient_block = LenientDecoder[Block](Block, normalized_block)
_lenient_message = LenientDecoder[WholeMessage](WholeMessage, normalized_message)


class AnthropicReader:
    """Reads one answer of the Messages API, event by event."""

    def __init__(self) -> None:
        self.ended = self.settled = False
        self._message_id: str | None = None
        self._is_named = False  # by a message_start
        self._ending = Ending()
        self._places = BlockPlaces()
        self._text, self._thinking = self._places.text, self._places.thinking
        self._blocks = IndexedBlocks()
        self._first_content: list[msgspec.Raw] = []  # that came with the start of a streamed answer
        self._calls: dict[int, str] = {}  # the ids of the tool uses
        self._whole_inputs: dict[int, str] = {}  # that came with the start of a tool use; pieces of it replace them
        self._rewritten: int | None = None  # the last tool use whose input came as an object
        self._opaque: dict[int, OpaqueDraft] = {}
        self._attempt = AttemptBlocks()
        self._unknown: bytes | None = None  # the first event that is none of this API

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
                    if event.index in self._text:
                        deltas.append(TextDelta(event.index, piece.text))
                    else:
                        self._read_piece(event, data, deltas)
            else:
                self._read_piece(event, data, deltas)
        else:
            self._read_other(event, data, deltas)

    def finish(self, deltas: list[Delta]) -> None:
        if self._message_id is None and self._unknown is not None:
            raise malformed_answer(PROVIDER, "no event of this API", self._unknown)
        if not self._ending.is_known:
            raise incomplete_answer(PROVIDER)
        self._end_answer(deltas)

    def _start_answer(self, message: WholeMessage, deltas: list[Delta]) -> None:
        """Start the answer with the id, the model and the token counts of *message*. A repeated start only counts."""
        is_other = self._is_named and message.id not in ("", self._message_id) and self._places.used
        if self._message_id is None or is_other:
            self._message_id = message.id or f"msg_{uuid4().hex}"
            deltas.append(AnswerStarted(self._message_id, message.model))
        deltas.append(self._ending.note_start(message))

    def _end_answer(self, deltas: list[Delta]) -> None:
        """End the answer, and the blocks that have not ended."""
        if not self._places.used:
            self._read_content(self._first_content, deltas)
        for index in self._places.open():
            self._end_block(index, deltas)
        deltas.append(self._ending.delta(calls_tools=bool(self._calls)).with_rewritten(self._rewritten))
        self.ended = True

    def _read_content(self, content: list[msgspec.Raw], deltas: list[Delta]) -> None:
        for index, block in enumerate(content):
            self._start_block(index, bytes(block), deltas)
            self._end_block(index, deltas)

    def _start_block(self, key: int, raw: bytes, deltas: list[Delta]) -> None:
        """Start the block with the server's index *key* and the content that *raw* has; a whole answer has all of it.

        A block that is open at this index ends. Without content, the pieces that follow begin the block.
        """
        if raw in _NO_BLOCK:
            return
        try:
            block = _block(raw)
        except MALFORMED as problem:
            if (kind := unknown_type(raw, problem)) is not None:
                self._start_opaque(key, kind, raw, deltas)
                return
            block = _lenient_block.decode(PROVIDER, raw, problem)
        if self._places.has(key):
            before = self._places.find(key)
            if isinstance(block, ToolUseBlock) and block.id and before and self._calls.get(before[0]) == block.id:
                return  # the same start again
            self._end_block(key, deltas)
        index = self._places.begin(key)
        if not isinstance(block, TextBlock):
            self._attempt.own.add(index)
        self._start_known(key, index, block, deltas)

    def _start_opaque(self, key: int, kind: str, raw: bytes, deltas: list[Delta]) -> None:
        if self._places.has(key):
            self._end_block(key, deltas)
        index = self._places.begin(key, BlockKind.OPAQUE)
        self._opaque[index] = OpaqueDraft(kind, repaired_json(PROVIDER, raw))
        if kind == FALLBACK and (withdrawn := self._attempt.withdrawn()):
            for call in withdrawn:
                self._calls.pop(call, None)
            deltas.append(BlocksWithdrawn(withdrawn))

    def _start_known(self, key: int, index: int, block: Block, deltas: list[Delta]) -> None:
        add = self._blocks.add
        match block:
            case TextBlock():
                if block.text:
                    self._places.set_kind(key, BlockKind.TEXT)
                    add(TextDelta(index, block.text), deltas)
                for source in block.citations or ():
                    self._places.set_kind(key, BlockKind.TEXT)
                    self._blocks.cite(index, citation(bytes(source)), deltas)
            case ThinkingBlock():
                if block.thinking or block.signature:
                    self._places.set_kind(key, BlockKind.THINKING)
                if block.thinking:
                    add(ThinkingDelta(index, block.thinking), deltas)
                if block.signature:
                    add(ThinkingSigned(index, block.signature), deltas)
            case RedactedBlock():
                self._places.set_kind(key, BlockKind.OPAQUE)
                add(ThinkingSigned(index, block.data, redacted=True), deltas)
            case ToolUseBlock():
                self._places.set_kind(key, BlockKind.TOOL_USE)
                self._calls[index] = block.id or f"{self._message_id}-{index}"
                add(ToolUseStarted(index, self._calls[index], block.name), deltas)
                if json := block.input_json():
                    self._whole_inputs[index] = json

    def _end_block(self, key: int, deltas: list[Delta]) -> None:
        """End the block with the server's index *key*, unless it is empty."""
        if (index := self._places.end(key)) is None:
            return
        if (json := self._whole_inputs.pop(index, None)) is not None:
            self._rewritten = index
            deltas.append(ToolInputDelta(index, json))
        if (opaque := self._opaque.pop(index, None)) is not None:
            complete = opaque.complete()
            self._attempt.opaque[index] = opaque.type, complete
            self._blocks.add(OpaqueReceived(index, opaque.type, complete), deltas)
        self._blocks.end(index, deltas, rewritten=index == self._rewritten)

    def _require_message(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        """Start the answer if *event*, before any message_start, is of a block: its content does not depend on it."""
        if self._message_id is None:
            if not isinstance(event, BlockStart | BlockDelta):
                raise malformed_answer(PROVIDER, "an event before message_start", data)
            self._start_answer(WholeMessage(), deltas)

    def _read_piece(self, event: BlockDelta, data: bytes, deltas: list[Delta]) -> None:
        if type(event.delta) is ThinkingPiece and event.delta.thinking and event.index in self._thinking:
            deltas.append(ThinkingDelta(event.index, event.delta.thinking))
            return
        self._require_message(event, data, deltas)
        place = self._places.find(event.index)
        if self._opaque and place is not None and (opaque := self._opaque.get(place[0])) is not None:
            opaque.add(event.delta)
            return
        match event.delta:
            case InputPiece(partial_json=""):
                pass
            case InputPiece(partial_json=json):
                index = place[0] if place and place[1] is BlockKind.TOOL_USE else self._places.last_tool_use()
                if index is None:
                    raise malformed_answer(PROVIDER, "an input_json_delta before its content_block_start", data)
                self._whole_inputs.pop(index, None)
                deltas.append(ToolInputDelta(index, json))
            case ThinkingPiece(thinking=text):
                if text:
                    self._blocks.add(ThinkingDelta(self._thinking_index(event.index, deltas), text), deltas)
            case CitationPiece(citation=source):
                index = self._index_for(event.index, BlockKind.TEXT, deltas)
                self._blocks.cite(index, citation(bytes(source)), deltas)
            case SignaturePiece(signature=signature):
                if signature:
                    self._blocks.add(ThinkingSigned(self._thinking_index(event.index, deltas), signature), deltas)
            case TextPiece(text=text):
                if text:
                    self._blocks.add(TextDelta(self._index_for(event.index, BlockKind.TEXT, deltas), text), deltas)

    def _thinking_index(self, key: int, deltas: list[Delta]) -> int:
        index = self._index_for(key, BlockKind.THINKING, deltas)
        self._attempt.own.add(index)
        return index

    def _index_for(self, key: int, kind: BlockKind, deltas: list[Delta]) -> int:
        """The index of the block that a piece of *kind* continues, which begins unless one is open."""
        if (index := self._places.continued(key, kind)) is not None:
            return index
        self._end_block(key, deltas)
        return self._places.begin(key, kind)

    def _read_other(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        if not isinstance(event, MessageStart | Ping | Error):
            self._require_message(event, data, deltas)
        match event:
            case BlockStart():
                self._start_block(event.index, bytes(event.content_block), deltas)
            case BlockStop():
                self._end_block(event.index, deltas)
            case MessageStart():
                self._first_content = event.message.content or self._first_content
                if event.usage is not None:
                    event.message.usage.update(event.usage)
                self._start_answer(event.message, deltas)
                self._is_named = True
            case MessageDelta() | MessageStop():
                deltas += self._ending.note(event)
                if error := event.error or event.inner.error:
                    raise FAULTS.error(read_fault(msgspec.json.encode({"error": error})))
                if isinstance(event, MessageStop):
                    self._end_answer(deltas)
            case Error():
                raise FAULTS.error(read_fault(data))
            case _:
                pass

    def _read_unknown(self, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Read what is no documented event: an answer that is not streamed, a fault, or an event of a newer type.

        Such an event is ignored, and so is a delta of a newer type; but in an unknown block it becomes a part of it.
        """
        if data.startswith(b"[DONE]"):  # from gateways, in place of message_stop
            self.finish(deltas)
            return
        if data.strip() == b"null":
            return
        try:
            event = _any_event(data)
        except MALFORMED:
            if data.lstrip().startswith(b"[") and reported_fault(data) is not None:  # Google's form
                raise FAULTS.error(read_fault(data)) from None
            event = _lenient_any.decode(PROVIDER, data, problem, streamed=True)
        if event.type == "message" or (event.type is None and bytes(event.content)):
            self._read_whole(data, problem, deltas)
        elif event.type in _EVENTS:
            self._read_deviating(event, data, problem, deltas)
        elif (event.type is None or event.is_fault()) and reported_fault(data) is not None:
            raise FAULTS.error(read_fault(data))
        elif self._unknown is None:
            self._unknown = data

    def _read_deviating(self, event: AnyEvent, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Read *data*, an event of a known type that failed to decode with *problem*."""
        piece_type = event.delta.pop("type", None)
        is_delta = event.type == BlockDelta.__struct_config__.tag
        if error := event.error or event.delta.get("error"):
            raise FAULTS.error(read_fault(msgspec.json.encode({"error": error})))
        if is_delta and not event.delta and piece_type is None:
            return
        if is_delta and isinstance(piece_type, str) and piece_type not in _PIECES:
            place = self._places.find(event.index)
            if place is not None and (opaque := self._opaque.get(place[0])) is not None:
                opaque.pieces.append(event.delta)
            return
        known = _lenient.decode(PROVIDER, data, problem, streamed=True)
        if isinstance(known, BlockDelta):
            self._read_piece(known, data, deltas)
        else:
            self._read_other(known, data, deltas)

    def _read_whole(self, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Read an answer that is not streamed."""
        try:
            message = _message(data)
        except MALFORMED:
            message = _lenient_message.decode(PROVIDER, data, problem)
        if message.error or (not message.content and not message.stop_reason):
            if reported_fault(data) is not None:
                raise FAULTS.error(read_fault(data))
            raise malformed_answer(PROVIDER, "an answer without content", data)
        self._start_answer(message, deltas)
        self._read_content(message.content, deltas)
        self._end_answer(deltas)


def answer_decoder() -> AnswerDecoder:
    """A decoder for one answer."""
    return AnswerDecoder(PROVIDER, AnthropicReader())
