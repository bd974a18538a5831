"""Answers of the Chat Completions API, read into deltas. Of several choices only the first counts."""

from dataclasses import dataclass

import msgspec

from ...schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    Cited,
    Delta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from ...schema.stop_reasons import StopReason
from ...transport.decoder import StreamDecoder
from ...transport.faults import incomplete_answer, malformed_answer, read_fault, undecodable_answer
from .chunks import Choice, Chunk, CustomCall, FunctionCall, Piece, ToolCall, UrlCitation
from .errors import FAILURES, STOPS, faults

_LEGACY = -1  # the index of a function_call, of which there is one at most
_chunk = msgspec.json.Decoder(Chunk).decode


@dataclass(slots=True)
class _Call:
    """A tool use under way, and whether its input is free text."""

    block: int
    id: str | None
    custom: bool


class ChatReader:
    """Reads one answer, chunk by chunk: the *number*-th of its session, from which ids are made where there are none.

    A refusal is visible text and the reason for stopping. The input of a custom tool, free text, is the member
    ``input`` of an object. Citations come at the end, for some servers send them before the text.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.ended = False
        self._provider = provider
        self._number = number
        self._begun = False
        self._blocks = 0
        self._text: int | None = None
        self._thinking: int | None = None
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}  # the last that had the index
        self._sources: list[UrlCitation] = []
        self._refused = False
        self._stop_reason: str | None = None

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        if data.startswith(b"[DONE]"):
            self.finish(deltas)
            return
        try:
            chunk = _chunk(data)
        except (ValueError, RecursionError) as problem:
            raise malformed_answer(self._provider, problem, data) from None
        self.take(chunk, data, deltas)

    def take(self, chunk: Chunk, data: bytes, deltas: list[Delta]) -> None:
        """Add to *deltas* what *chunk*, read from *data*, brings."""
        if chunk.error is not None:
            raise faults(self._provider).error(read_fault(data))
        # Azure begins with a chunk that has no id, no model and no choices: it tells of its filters only.
        if not self._begun and (chunk.id or chunk.choices):
            self._begun = True
            deltas.append(AnswerStarted(chunk.id or f"answer-{self._number}", chunk.model or ""))
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._take_choice(choice, data, deltas)
        if chunk.usage is not None and self._begun:
            deltas.append(UsageReported(chunk.usage.usage()))

    def finish(self, deltas: list[Delta]) -> None:
        """End the answer."""
        if not self._begun:
            raise incomplete_answer(self._provider)
        self.ended = True
        deltas.extend(ToolInputDelta(call.block, '"}') for call in self._calls if call.custom)
        if self._text is not None:
            deltas.extend(Cited(self._text, source.citation()) for source in self._sources)
        deltas.append(AnswerEnded(self._stop(), self._stop_reason))

    def _stop(self) -> StopReason:
        reason = STOPS.get(self._stop_reason or "", StopReason.OTHER)
        # Some models give no reason at all, and a tool that was forced ends with "stop".
        if reason in (StopReason.END_TURN, StopReason.OTHER):
            if self._calls:
                return StopReason.TOOL_USE
            if self._refused:
                return StopReason.REFUSAL
        return reason

    def _take_choice(self, choice: Choice, data: bytes, deltas: list[Delta]) -> None:
        piece = choice.delta or choice.message
        if piece is not None:
            if thought := piece.reasoning_content or piece.reasoning:
                self._think(thought, deltas)
            if piece.content:
                self._say(piece.content, deltas)
            if piece.refusal or piece.tool_calls or piece.function_call or piece.annotations:
                self._take_rare(piece, data, deltas)
        if choice.error is not None:
            raise faults(self._provider).error(read_fault(msgspec.json.encode({"error": choice.error})))
        if reason := choice.finish_reason:
            if kind := FAILURES.get(reason):
                raise kind(f"the answer ended with {reason!r}", self._provider, vendor_code=reason)
            self._stop_reason = reason

    def _say(self, text: str, deltas: list[Delta]) -> None:
        if self._text is None:
            self._text = self._next_block()
        deltas.append(TextDelta(self._text, text))

    def _think(self, text: str, deltas: list[Delta]) -> None:
        if self._thinking is None:
            self._thinking = self._next_block()
        deltas.append(ThinkingDelta(self._thinking, text))

    def _take_rare(self, piece: Piece, data: bytes, deltas: list[Delta]) -> None:
        if piece.refusal:
            self._refused = True
            self._say(piece.refusal, deltas)
        for call in piece.tool_calls or ():
            self._call(call, data, deltas)
        if piece.function_call:
            self._call(ToolCall(index=_LEGACY, function=piece.function_call), data, deltas)
        self._sources += [named.url_citation for named in piece.annotations or () if named.url_citation]

    def _call(self, call: ToolCall, data: bytes, deltas: list[Delta]) -> None:
        under_way = self._under_way(call) or self._begin_call(call, data, deltas)
        if call.function and call.function.arguments:
            deltas.append(ToolInputDelta(under_way.block, call.function.arguments))
        if call.custom and call.custom.input:
            deltas.append(ToolInputDelta(under_way.block, _escaped(call.custom.input)))

    def _under_way(self, call: ToolCall) -> _Call | None:
        """The call that *call* goes on with, or ``None`` where it begins one.

        Some servers give no index, or 0 to all: there a new id or, without ids, a name begins a new call.
        """
        last = self._calls[-1] if self._calls else None
        there = last if call.index is None else self._by_index.get(call.index)
        if there is None or not _name(call):
            return there
        begins = call.id != there.id if call.id else call.index is None
        return None if begins else there

    def _begin_call(self, call: ToolCall, data: bytes, deltas: list[Delta]) -> _Call:
        name = _name(call)
        if not name:
            raise malformed_answer(self._provider, "a tool call begins without a name", data)
        begun = _Call(self._next_block(), call.id, call.custom is not None)
        self._calls.append(begun)
        if call.index is not None:
            self._by_index[call.index] = begun
        deltas.append(ToolUseStarted(begun.block, call.id or f"call_{self._number}_{len(self._calls)}", name))
        if begun.custom:
            deltas.append(ToolInputDelta(begun.block, '{"input":"'))
        return begun

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1


def _name(call: ToolCall) -> str | None:
    said: FunctionCall | CustomCall | None = call.function or call.custom
    return said.name if said else None


def _escaped(text: str) -> str:
    return msgspec.json.encode(text)[1:-1].decode()


def stream_decoder(provider: str, number: int) -> StreamDecoder:
    """A decoder for one streamed answer, that to the *number*-th request of its session."""
    return StreamDecoder(provider, ChatReader(provider, number))


def whole_answer(provider: str, number: int, body: bytes) -> list[Delta]:
    """The answer that *body* is, that to the *number*-th request of its session.

    Raises:
        ProviderError: it is a fault, or not what it should be, or not all of it.
    """
    try:
        chunk = _chunk(body)
    except (ValueError, RecursionError) as problem:
        raise undecodable_answer(provider, problem, body) from None
    if not chunk.choices and chunk.error is None:
        raise malformed_answer(provider, "an answer without choices", body)
    deltas: list[Delta] = []
    reader = ChatReader(provider, number)
    reader.take(chunk, body, deltas)
    reader.finish(deltas)
    return deltas
