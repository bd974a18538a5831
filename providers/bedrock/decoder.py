"""Answers of Amazon Bedrock's Converse and ConverseStream, decoded into deltas."""

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
from ..transport.streams.eventstream import FrameStream, split
from ..wire.indexed_blocks import IndexedBlocks
from ..wire.json_decoding import MALFORMED
from ..wire.lenient.block_places import BlockKind, BlockPlaces
from ..wire.lenient.decoder import LenientDecoder, repaired_json, tolerant_decoder, tool_input
from ..wire.stop_reasons import failure, inferred_stop_reason
from . import events as wire
from .errors import FAULTS, PROVIDER, read_aws_fault
from .model_families import traits_of
from .stops import stop_details_of, stop_reason_of, thinking_tokens_of

_delta = msgspec.json.Decoder(wire.BlockDelta).decode
_lenient_delta = LenientDecoder[wire.BlockDelta](wire.BlockDelta, wire.documented_delta)
_start = tolerant_decoder(PROVIDER, wire.BlockStart, streamed=True)
_stop = tolerant_decoder(PROVIDER, wire.BlockStop, streamed=True)
_message_stop = tolerant_decoder(PROVIDER, wire.MessageStop, streamed=True)
_metadata = tolerant_decoder(PROVIDER, wire.Metadata, streamed=True)
_tool_use_start = tolerant_decoder(PROVIDER, wire.WholeToolUse)
_answer = tolerant_decoder(PROVIDER, wire.WholeAnswer, normalize=wire.documented_answer)
_block = tolerant_decoder(PROVIDER, wire.WholeBlock)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
# Of the size of a frame, which is less than 32 MB.
_FIRST_OF_FRAMES = 1
_OPAQUE = ("toolUse", "toolResult", "image")
_EVENTS = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)


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
        self._stopped = False
        self._maker_fields: object = None
        self._trace: object = None
        self._metadata_read = False
        self._usage_reported = False
        self._blocks = IndexedBlocks()
        self._places = BlockPlaces()
        self._text = self._places.text
        self._has_called = False
        self._whole_inputs: dict[int, str] = {}  # that came with the start of a tool use; pieces of it replace them
        self._rewritten: int | None = None  # the last tool use whose input came as an object
        self._redacted: dict[int, list[str]] = {}
        self._opaque: dict[int, wire.OpaqueDraft] = {}

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        if data[0] > _FIRST_OF_FRAMES:
            self._read_text(data.lstrip(), deltas)
            return
        encoded, payload = split(data)
        try:
            head = wire.read_headers(encoded)
            # Nearly every event is a piece of text.
            if head.name == "contentBlockDelta":
                try:
                    event = _delta(payload)
                except MALFORMED as problem:
                    event = _lenient_delta.decode(PROVIDER, payload, problem, streamed=True)
                text, index = event.delta.text, event.content_block_index
                if text and index in self._text:
                    deltas.append(TextDelta(index, text))
                else:
                    self._read_piece(index, event.delta, payload, deltas)
            else:
                self._read_other(head, payload or b"{}", deltas)
        except MALFORMED as problem:
            raise malformed_answer(PROVIDER, problem, payload) from None

    def finish(self, deltas: list[Delta]) -> None:
        if not self._stopped:
            raise incomplete_answer(PROVIDER)
        self._end_answer(deltas)

    def _read_text(self, data: bytes, deltas: list[Delta]) -> None:
        """Read what is no frame: an answer that is not streamed, an error, events in JSON, or OpenAI's end marker."""
        if data.startswith(b"[DONE]"):
            self.finish(deltas)
        elif data.startswith(b"{") and (events := _events_in(data)):
            for name, payload in events.items():
                self._read_other(wire.Headers("event", name, ""), bytes(payload), deltas)
        elif data.startswith(b"{"):
            self._read_whole(data, deltas)
        elif error := _error_in(data):
            raise error
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
        self._stop(answer)
        self._read_metadata(answer, deltas)
        if not self.ended:
            self._end_answer(deltas)

    def _start_answer(self, deltas: list[Delta]) -> None:
        """Start the answer, at its first event: a repeated messageStart, or one that is missing, changes nothing."""
        if not self._answer_started:
            self._answer_started = True
            deltas.append(AnswerStarted(self.message_id, self._model))

    def _stop(self, event: wire.MessageStop | wire.WholeAnswer) -> None:
        self._stopped = True
        self._stop_reason, self._maker_fields = event.stop_reason, event.additional_model_response_fields

    def _require_answer(self, payload: bytes) -> None:
        if not self._answer_started:
            raise malformed_answer(PROVIDER, "an event before messageStart", payload)

    def _read_other(self, head: wire.Headers, payload: bytes, deltas: list[Delta]) -> None:
        if head.kind == "error":
            raise FAULTS.error(Fault(message=head.message or Fault().message, code=head.name or None))
        if head.kind == "exception":
            raise FAULTS.error(read_aws_fault(payload, head.name))
        match head.name:
            case "messageStart":
                self._start_answer(deltas)
            case "contentBlockStart":
                self._start_answer(deltas)
                self._start_block(_start(payload), deltas)
            case "contentBlockDelta":
                event = _slow_delta(payload)
                self._read_piece(event.content_block_index, event.delta, payload, deltas)
            case "contentBlockStop":
                self._end_block(_stop(payload).content_block_index, deltas)
            case "messageStop":
                self._require_answer(payload)
                stop = _message_stop(payload)
                self._stop(stop)
                self._report(stop.usage, deltas)
                self._end_if_complete(deltas)
            case "metadata":
                self._require_answer(payload)
                self._read_metadata(_metadata(payload), deltas)
            case name:
                if "exception" in name.lower() or "error" in name.lower():
                    raise FAULTS.error(read_aws_fault(payload, name))
                if _has_error(payload):
                    raise FAULTS.error(read_aws_fault(payload, None))

    def _read_metadata(self, metadata: wire.Metadata | wire.WholeAnswer, deltas: list[Delta]) -> None:
        self._metadata_read = True
        if metadata.error:
            raise FAULTS.error(read_aws_fault(msgspec.json.encode({"error": metadata.error}), None))
        self._trace = metadata.trace or self._trace
        self._report(metadata.usage, deltas)
        self._end_if_complete(deltas)

    def _report(self, usage: wire.TokenCounts | None, deltas: list[Delta]) -> None:
        """Report *usage*. Counts that are missing, or all zero, may follow in another event."""
        if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
            return
        deltas.append(UsageReported(usage.usage(thinking_tokens_of(self._maker_fields))))
        self._usage_reported = usage.output_tokens is not None and bool(usage.input_tokens or usage.output_tokens)

    def _end_if_complete(self, deltas: list[Delta]) -> None:
        """End the answer, if it has both its token counts and, mostly before them, its reason for stopping."""
        if self._usage_reported and self._stopped:
            self._end_answer(deltas)
        else:  # the token counts may follow
            self.settled = self._metadata_read and self._stopped

    def _end_answer(self, deltas: list[Delta]) -> None:
        raw = self._stop_reason
        for key in self._places.open():
            self._end_block(key, deltas)
        if error := failure(PROVIDER, raw):
            raise error
        self.ended = True
        details = stop_details_of(raw or "", self._trace, self._maker_fields)
        reason = inferred_stop_reason(stop_reason_of(raw or "", traits_of(self._model).family), self._has_called)
        deltas.append(AnswerEnded(reason, raw, details).with_rewritten(self._rewritten))

    def _start_block(self, event: wire.BlockStart, deltas: list[Delta]) -> None:
        key = event.content_block_index
        if self._places.has(key):
            self._end_block(key, deltas)
        index = self._places.begin(key)
        for member, value in event.start.items():
            raw = bytes(value)
            if raw == b"null":  # not the member that is set
                continue
            if member == "toolUse" and not (use := _tool_use_start(raw)).server_type:
                self._places.set_kind(key, BlockKind.TOOL_USE)
                self._start_tool_use(index, use, deltas)
                if (json := tool_input(bytes(use.input))) not in ("", "{}"):
                    self._whole_inputs[index] = json
            elif member in _OPAQUE:
                self._places.set_kind(key, BlockKind.OPAQUE)
                self._opaque[index] = wire.OpaqueDraft(member, raw)

    def _start_tool_use(self, index: int, use: wire.ToolUseStart, deltas: list[Delta]) -> None:
        self._has_called = True
        use_id = use.tool_use_id or f"{self.message_id}-{index}"
        self._blocks.add(ToolUseStarted(index, use_id, use.name), deltas)

    def _read_piece(self, key: int, piece: wire.Piece, payload: bytes, deltas: list[Delta]) -> None:
        """Read a piece of the block with the server's index *key*."""
        self._start_answer(deltas)
        place = self._places.find(key)
        if place and (opaque := self._opaque.get(place[0])) is not None:
            opaque.add(piece)
        elif piece.text:
            self._blocks.add(TextDelta(self._index_for(key, BlockKind.TEXT, deltas), piece.text), deltas)
        elif piece.tool_use is not None and piece.tool_use.input:
            index = place[0] if place and place[1] is BlockKind.TOOL_USE else self._places.last_tool_use()
            if index is None:
                raise malformed_answer(PROVIDER, "a tool input before its contentBlockStart", payload)
            self._whole_inputs.pop(index, None)
            deltas.append(ToolInputDelta(index, piece.tool_use.input))
        elif piece.reasoning_content is not None:
            self._add_thinking(key, piece.reasoning_content, deltas)
        elif citation := bytes(piece.citation):
            source = wire.read_citation(citation)
            self._blocks.cite(self._index_for(key, BlockKind.TEXT, deltas), source, deltas)

    def _index_for(self, key: int, kind: BlockKind, deltas: list[Delta]) -> int:
        """The index of the block that a piece of *kind* continues, which begins unless one is open."""
        if (index := self._places.continued(key, kind)) is not None:
            return index
        self._end_block(key, deltas)
        return self._places.begin(key, kind)

    def _add_thinking(self, key: int, piece: wire.ReasoningPiece, deltas: list[Delta]) -> None:
        shown = piece.reasoning_text or piece
        if not (shown.text or shown.signature or piece.redacted_content):
            return
        index = self._index_for(key, BlockKind.THINKING, deltas)
        if shown.text:
            self._blocks.add(ThinkingDelta(index, shown.text), deltas)
        if shown.signature:
            self._blocks.add(ThinkingSigned(index, shown.signature), deltas)
        if piece.redacted_content:
            self._redacted.setdefault(index, []).append(piece.redacted_content)

    def _end_block(self, key: int, deltas: list[Delta]) -> None:
        """End the block with the server's index *key*, unless it is empty."""
        if (index := self._places.end(key)) is None:
            return
        if (json := self._whole_inputs.pop(index, None)) is not None:
            self._rewritten = index
            deltas.append(ToolInputDelta(index, json))
        if (opaque := self._opaque.pop(index, None)) is not None:
            self._blocks.add(opaque.complete(index), deltas)
        if (pieces := self._redacted.pop(index, None)) is not None:
            self._blocks.add(ThinkingSigned(index, wire.join_base64(pieces), redacted=True), deltas)
        self._blocks.end(index, deltas, rewritten=index == self._rewritten)

    def _read_whole_block(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        if raw == b"null":
            return
        self._places.begin(index)
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
                self._rewritten = index
                deltas.append(ToolInputDelta(index, json))
        else:
            member = next(iter(_members(raw)), "")
            kind = (use and use.server_type) or member
            self._blocks.add(OpaqueReceived(index, kind, repaired_json(PROVIDER, raw)), deltas)
        self._end_block(index, deltas)


def answer_decoder(reader: BedrockReader) -> AnswerDecoder:
    """A decoder for one answer, which *reader* reads."""
    return AnswerDecoder(PROVIDER, reader, FrameStream(PROVIDER))


def _slow_delta(payload: bytes) -> wire.BlockDelta:
    try:
        return _delta(payload)
    except MALFORMED as problem:
        return _lenient_delta.decode(PROVIDER, payload, problem, streamed=True)


def _events_in(data: bytes) -> dict[str, msgspec.Raw]:
    """The events in the object *data*, by their names; none if it is something else."""
    try:
        members = _members(data)
    except MALFORMED:
        return {}
    return members if members and _EVENTS.issuperset(members) else {}


def _has_error(payload: bytes) -> bool:
    """True if *payload*, of an unknown event, has a member for an error."""
    try:
        return bytes(_members(payload).get("error", msgspec.Raw(b"null"))) not in (b"null", b"{}", b'""', b"false")
    except MALFORMED:
        return False


def _error_in(body: bytes) -> ProviderError | None:
    fault = read_aws_fault(body, None)
    return FAULTS.error(fault) if fault.code or reported_fault(body) is not None else None
