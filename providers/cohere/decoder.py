"""Answers of Cohere's v2 chat, read into deltas."""

from collections.abc import Callable
from typing import get_args

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
from ..schema.stop_reasons import StopReason
from ..transport.decoder import StreamDecoder
from ..transport.faults import Fault, malformed_answer, read_fault, undecodable_answer
from .errors import FAILURES, FAULTS, PLAN, PROVIDER, STOPS
from .events import (
    Call,
    CallDelta,
    CallEnd,
    CallStart,
    CitationStart,
    Cite,
    ContentDelta,
    ContentEnd,
    ContentStart,
    End,
    Event,
    Loose,
    MessageEnd,
    MessageStart,
    Piece,
    PlanDelta,
    WholeAnswer,
)

_IN_TEXT = (None, "TEXT_CONTENT")  # citations may stand in thinking and in the plan, too: ours are of text only
_EVENTS = frozenset(member.__struct_config__.tag for member in get_args(Event))
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_loose = msgspec.json.Decoder(Loose).decode
_whole = msgspec.json.Decoder(WholeAnswer).decode


class CohereReader:
    """Reads one answer of *model*, event by event.

    Cohere counts contents, tool calls and the plan each by itself. Here they are blocks in the order in which they
    begin; the plan is thinking with a mark. ``[DONE]``, which follows the end, says nothing more.
    """

    def __init__(self, model: str) -> None:
        self.ended = False
        self._model = model
        self._begun = False
        self._blocks = 0
        self._plan: int | None = None
        self._texts: dict[int, int] = {}  # the block of each content; likewise below
        self._thoughts: dict[int, int] = {}
        self._over: dict[int, int] = {}  # texts that are complete: they may still be cited
        self._calls: dict[int, int] = {}

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = _event(data)
        except (ValueError, RecursionError) as problem:
            self._read_unknown(data, problem)
            return
        # Nearly every event is a piece of text.
        if type(event) is ContentDelta:
            text = event.delta.message.content.text
            block = self._texts.get(event.index)
            if text and block is not None:
                deltas.append(TextDelta(block, text))
                return
        if not self._begun and not isinstance(event, MessageStart):
            raise malformed_answer(PROVIDER, "this came before message-start", data)
        self._read_other(event, data, deltas)

    def begin(self, message_id: str, deltas: list[Delta]) -> None:
        """Begin the answer."""
        self._begun = True
        deltas.append(AnswerStarted(message_id, self._model))

    def plan(self, text: str, deltas: list[Delta]) -> None:
        """Add *text* to the tool plan."""
        if not text:
            return
        if self._plan is None:
            self._plan = self._next_block()
            deltas.append(ThinkingSigned(self._plan, PLAN))
        deltas.append(ThinkingDelta(self._plan, text))

    def say(self, index: int, piece: Piece, deltas: list[Delta]) -> None:
        """Add *piece* to content *index*."""
        if piece.thinking:
            if index not in self._thoughts:
                self._thoughts[index] = self._next_block()
            deltas.append(ThinkingDelta(self._thoughts[index], piece.thinking))
        if piece.text:
            deltas.append(TextDelta(self._text_of(index), piece.text))

    def end_content(self, index: int, deltas: list[Delta]) -> None:
        """End content *index*, if there is anything in it."""
        if (thought := self._thoughts.pop(index, None)) is not None:
            deltas.append(BlockEnded(thought))
        if (text := self._texts.pop(index, None)) is not None:
            self._over[index] = text
            deltas.append(BlockEnded(text))

    def call(self, index: int, call: Call, data: bytes, deltas: list[Delta]) -> None:
        """Begin tool call *index*, as much of it as is there."""
        if not call.function.name:
            raise malformed_answer(PROVIDER, "a tool call begins without a name", data)
        block = self._calls[index] = self._next_block()
        deltas.append(ToolUseStarted(block, call.id or f"call_{block}", call.function.name))
        self._go_on(index, call, data, deltas)

    def end_call(self, index: int, deltas: list[Delta]) -> None:
        """End tool call *index*, if it has begun."""
        if (block := self._calls.pop(index, None)) is not None:
            deltas.append(BlockEnded(block))

    def cite(self, cite: Cite, deltas: list[Delta]) -> None:
        """Name the sources of a piece of text."""
        if cite.type not in _IN_TEXT:
            return
        index, known = cite.content_index, self._over | self._texts
        if index is None:  # models before Command A+ say no more than the text, and have but one
            index = next(iter(known), 0)
        if (block := known.get(index)) is None:
            block = self._text_of(index)
            deltas.append(TextDelta(block, ""))
        deltas.extend(Cited(block, citation) for citation in cite.citations())

    def finish(self, end: End, deltas: list[Delta]) -> None:
        """End the answer."""
        reason = end.finish_reason
        if reason in FAILURES:
            said = end.error or f"the answer ended with {reason!r}"
            raise FAULTS.error(Fault(message=said, type=end.error_type or reason))
        if end.usage is not None:
            deltas.append(UsageReported(end.usage.usage()))
        self.ended = True
        deltas.append(AnswerEnded(STOPS.get(reason or "", StopReason.OTHER), reason))

    def _read_other(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        match event:
            case ContentDelta() | ContentStart():
                self.say(event.index, event.delta.message.content, deltas)
            case PlanDelta():
                self.plan(event.delta.message.tool_plan, deltas)
            case CallDelta():
                self._go_on(event.index, event.delta.message.tool_calls, data, deltas)
            case CitationStart():
                self.cite(event.delta.message.citations, deltas)
            case ContentEnd():
                self.end_content(event.index, deltas)
            case CallStart():
                self.call(event.index, event.delta.message.tool_calls, data, deltas)
            case CallEnd():
                self.end_call(event.index, deltas)
            case MessageStart():
                self.begin(event.id or "", deltas)
            case MessageEnd():
                self.finish(event.delta, deltas)

    def _go_on(self, index: int, call: Call, data: bytes, deltas: list[Delta]) -> None:
        if not call.function.arguments:
            return
        if (block := self._calls.get(index)) is None:
            raise malformed_answer(PROVIDER, "this came before its tool-call-start", data)
        deltas.append(ToolInputDelta(block, call.function.arguments))

    def _text_of(self, index: int) -> int:
        """The block of text *index*, begun if need be."""
        if index not in self._texts:
            self._texts[index] = self._next_block()
        return self._texts[index]

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1

    def _read_unknown(self, data: bytes, problem: Exception) -> None:
        """Pass over an event of an unknown type, unless it tells of a fault: as refusals do, or as gateways do."""
        try:
            event = _loose(data)
        except (ValueError, RecursionError):
            raise malformed_answer(PROVIDER, problem, data) from None
        if event.error is not None or (event.type is None and event.message is not None):
            raise FAULTS.error(read_fault(data))
        if event.type is None or event.type in _EVENTS:
            raise malformed_answer(PROVIDER, problem, data)


def stream_decoder(model: str) -> StreamDecoder:
    """A decoder for one streamed answer of *model*: Cohere's answers don't name it."""
    return StreamDecoder(PROVIDER, CohereReader(model))


def whole_answer(model: str, body: bytes) -> list[Delta]:
    """The answer of *model* that *body* is.

    Raises:
        ProviderError: it is a fault, or not what it should be, or not all of it.
    """
    try:
        answer = _whole(body)
    except (ValueError, RecursionError) as problem:
        raise undecodable_answer(PROVIDER, problem, body) from None
    deltas: list[Delta] = []
    reader, message = CohereReader(model), answer.message
    reader.begin(answer.id, deltas)
    reader.plan(message.tool_plan or "", deltas)
    for index, piece in enumerate(message.content or ()):
        reader.say(index, piece, deltas)
        reader.end_content(index, deltas)
    for index, call in enumerate(message.tool_calls or ()):
        reader.call(index, call, body, deltas)
        reader.end_call(index, deltas)
    for cite in message.citations or ():
        reader.cite(cite, deltas)
    reader.finish(answer, deltas)
    return deltas
