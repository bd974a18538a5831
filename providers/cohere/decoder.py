"""Answers of Cohere's v2 chat, decoded into deltas."""

from collections.abc import Callable

import msgspec

from ..schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Cited,
    Delta,
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
from ..wire.json_decoding import MALFORMED, tags_of
from ..wire.lenient.decoder import LenientDecoder
from ..wire.stop_reasons import failure, inferred_stop_reason, stop_reason
from .errors import FAULTS, PROVIDER
from .events import (
    PLAN,
    STOP_REASONS,
    AnyEvent,
    CallDelta,
    CallEnd,
    CallStart,
    CitationsStart,
    CitationStart,
    CitedSpan,
    ContentDelta,
    ContentEnd,
    ContentStart,
    End,
    Event,
    MessageEnd,
    MessageStart,
    Piece,
    PlanDelta,
    ToolCall,
    WholeAnswer,
)
from .forms import documented_form

_TEXT_TYPES = (None, "TEXT_CONTENT")  # thinking and the plan may be cited, too; our citations are of text only
_EVENTS = tags_of(Event)
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_any_event = msgspec.json.Decoder(AnyEvent).decode
_answer = msgspec.json.Decoder(WholeAnswer).decode
_lenient = LenientDecoder[Event](Event, documented_form)
_lenient_citations = LenientDecoder[CitationsStart](CitationsStart)
_lenient_any = LenientDecoder[AnyEvent](AnyEvent)
_lenient_answer = LenientDecoder[WholeAnswer](WholeAnswer, documented_form)


class CohereReader:
    """Reads one answer of *model*, event by event.

    Cohere numbers contents and tool calls separately, and the tool plan not at all. Here they are blocks in the order
    in which they start; the plan is thinking with a mark. ``[DONE]``, which follows the end, is never read.
    """

    def __init__(self, model: str) -> None:
        self.ended = self.settled = False
        self._model = model
        self._started = False
        self._blocks = 0
        self._plan: int | None = None
        # By the index of the content or of the tool call, the block that it is.
        self._texts: dict[int | None, int] = {}
        self._thoughts: dict[int | None, int] = {}
        self._ended_texts: dict[int | None, int] = {}  # which may still be cited
        self._calls: dict[int | None, int] = {}
        self._has_called = False
        self._unknown: bytes | None = None  # the first event that is none of this API

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = _event(data)
        except MALFORMED as problem:
            self._read_unknown(data, problem, deltas)
            return
        # Nearly every event is a piece of text.
        if type(event) is ContentDelta:
            text = event.delta.message.content.text
            block = self._texts.get(event.index)
            if text and block is not None:
                deltas.append(TextDelta(block, text))
                return
        self._read_other(event, data, deltas)

    def finish(self, deltas: list[Delta]) -> None:
        if not self._started and self._unknown is not None:
            raise malformed_answer(PROVIDER, "no event of this API", self._unknown)
        raise incomplete_answer(PROVIDER)

    def start_answer(self, message_id: str, deltas: list[Delta]) -> None:
        """Start the answer. A repeated start counts for nothing, nor does one that comes after the first block."""
        if self._started:
            return
        self._started = True
        deltas.append(AnswerStarted(message_id, self._model))

    def add_plan(self, text: str, deltas: list[Delta]) -> None:
        """Add *text* to the tool plan."""
        if not text:
            return
        if self._plan is None:
            self._plan = self._next_block()
            deltas.append(ThinkingSigned(self._plan, PLAN))
        deltas.append(ThinkingDelta(self._plan, text))

    def add_content(self, index: int | None, piece: Piece, deltas: list[Delta]) -> None:
        """Add *piece* to content *index*."""
        if piece.thinking:
            if index not in self._thoughts:
                self._thoughts[index] = self._next_block()
            deltas.append(ThinkingDelta(self._thoughts[index], piece.thinking))
        if piece.text:
            deltas.append(TextDelta(self._text_block(index), piece.text))

    def end_content(self, index: int | None, deltas: list[Delta]) -> None:
        """End content *index*, unless it is empty."""
        if (thought := self._thoughts.pop(index, None)) is not None:
            deltas.append(BlockEnded(thought))
        if (text := self._texts.pop(index, None)) is not None:
            self._ended_texts[index] = text
            deltas.append(BlockEnded(text))

    def start_call(self, index: int | None, call: ToolCall, data: bytes, deltas: list[Delta]) -> None:
        """Start tool call *index* with the input that *call* has."""
        if not call.function.name:
            raise malformed_answer(PROVIDER, "a tool call that starts without a name", data)
        self.end_call(index, deltas)  # the previous call of a server that gives no index
        block = self._calls[index] = self._next_block()
        self._has_called = True
        deltas.append(ToolUseStarted(block, call.id or f"call_{block}", call.function.name))
        self._add_input(index, call, data, deltas)

    def end_call(self, index: int | None, deltas: list[Delta]) -> None:
        """End tool call *index*, if it has started."""
        if (block := self._calls.pop(index, None)) is not None:
            deltas.append(BlockEnded(block))

    def add_citations(self, span: CitedSpan, deltas: list[Delta]) -> None:
        """Add a citation for each source of *span*."""
        if span.type not in _TEXT_TYPES:
            return
        index, texts = span.content_index, self._ended_texts | self._texts
        if index is None:  # models before Command A+ give no index, and have a single text
            index = next(iter(texts), 0)
        if (block := texts.get(index)) is None:
            block = self._text_block(index)
            deltas.append(TextDelta(block, ""))
        deltas.extend(Cited(block, citation) for citation in span.citations())

    def end_answer(self, end: End, deltas: list[Delta]) -> None:
        """End the answer.

        Raises:
            ProviderError: it failed.
        """
        reason = end.finish_reason
        failed = failure(PROVIDER, reason)
        if failed or end.error:
            fault = read_fault(msgspec.json.encode({"error": end.error, "error_type": end.error_type}))
            message = failed.message if failed and not end.error else fault.message
            raise FAULTS.error(msgspec.structs.replace(fault, message=message, type=fault.type or reason))
        if end.usage is not None:
            deltas.append(UsageReported(end.usage.usage()))
        self.ended = True
        ours = inferred_stop_reason(stop_reason(STOP_REASONS, reason), calls_tools=self._has_called)
        deltas.append(AnswerEnded(ours, reason))

    def _read_other(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        if not self._started and not isinstance(event, MessageStart):
            if isinstance(event, MessageEnd):
                raise malformed_answer(PROVIDER, "an event before message-start", data)
            self.start_answer("", deltas)
        match event:
            case ContentDelta() | ContentStart():
                self.add_content(event.index, event.delta.message.content, deltas)
            case PlanDelta():
                self.add_plan(event.delta.message.tool_plan, deltas)
            case CallDelta():
                self._continue_call(event.index, event.delta.message.tool_calls, data, deltas)
            case CitationStart():
                self.add_citations(event.delta.message.citations, deltas)
            case ContentEnd():
                self.end_content(event.index, deltas)
            case CallStart():
                self.start_call(event.index, event.delta.message.tool_calls, data, deltas)
            case CallEnd():
                self.end_call(event.index, deltas)
            case MessageStart():
                self.start_answer(event.id or "", deltas)
            case MessageEnd():
                self.end_answer(event.end(), deltas)

    def _continue_call(self, index: int | None, call: ToolCall, data: bytes, deltas: list[Delta]) -> None:
        """Add a piece to tool call *index*; some servers start a call with it."""
        if call.function.name and index not in self._calls:
            self.start_call(index, call, data, deltas)
        else:
            self._add_input(index, call, data, deltas)

    def _add_input(self, index: int | None, call: ToolCall, data: bytes, deltas: list[Delta]) -> None:
        """Add the piece of input in *call* to tool call *index*, or to the one that began last."""
        if not call.function.arguments:
            return
        block = self._calls.get(index)
        if block is None and (block := next(reversed(self._calls.values()), None)) is None:
            raise malformed_answer(PROVIDER, "a tool-call-delta before its tool-call-start", data)
        deltas.append(ToolInputDelta(block, call.function.arguments))

    def _text_block(self, index: int | None) -> int:
        """The block of content *index*, a text: a new one, if it has none."""
        if index not in self._texts:
            self._texts[index] = self._next_block()
        return self._texts[index]

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1

    def _read_unknown(self, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Ignore an event of an unknown type; but raise an error that has the form of a refusal, or of a gateway's."""
        if data.startswith(b"[DONE]"):
            self.finish(deltas)
            return
        if data.strip() == b"null":  # keeps the connection alive
            return
        try:
            event = _any_event(data)
        except MALFORMED:
            if data.lstrip().startswith(b"[") and reported_fault(data) is not None:  # Google's form
                raise FAULTS.error(read_fault(data)) from None
            event = _lenient_any.decode(PROVIDER, data, problem, streamed=True)
        if event.type in _EVENTS:
            self._read_deviating(event, data, problem, deltas)
        elif isinstance(event.message, dict) and "error" not in (event.type or ""):
            self._read_whole(data, deltas)
        elif event.is_fault() and reported_fault(data) is not None:
            raise FAULTS.error(read_fault(data))
        elif self._unknown is None:
            self._unknown = data

    def _read_deviating(self, event: AnyEvent, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Read *data*, an event of a known type that failed to decode with *problem*."""
        if event.error and event.type != MessageEnd.__struct_config__.tag:
            raise FAULTS.error(read_fault(msgspec.json.encode({"error": event.error})))
        if event.type == CitationStart.__struct_config__.tag:
            for span in _lenient_citations.decode(PROVIDER, data, problem).spans():
                self.add_citations(span, deltas)
            return
        self._read_other(_lenient.decode(PROVIDER, data, problem, streamed=True), data, deltas)

    def _read_whole(self, data: bytes, deltas: list[Delta]) -> None:
        """Read an answer that is not streamed."""
        try:
            answer = _answer(data)
        except MALFORMED as problem:
            answer = _lenient_answer.decode(PROVIDER, data, problem)
        message = answer.message
        self.start_answer(answer.id or "", deltas)
        self.add_plan(message.tool_plan or "", deltas)
        for index, piece in enumerate(message.content or ()):
            self.add_content(index, piece, deltas)
            self.end_content(index, deltas)
        for index, call in enumerate(message.tool_calls or ()):
            self.start_call(index, call, data, deltas)
            self.end_call(index, deltas)
        for span in message.citations or ():
            self.add_citations(span, deltas)
        self.end_answer(answer, deltas)


def answer_decoder(model: str) -> AnswerDecoder:
    """A decoder for one answer of *model*, whose name is not in the answer."""
    return AnswerDecoder(PROVIDER, CohereReader(model))
