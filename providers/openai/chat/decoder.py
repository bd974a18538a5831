"""Answers of the Chat Completions API, decoded into deltas. Only the first choice counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ...schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from ...schema.stop_reasons import StopDetails
from ...transport.fault_bodies import reported_fault
from ...transport.faults import incomplete_answer, malformed_answer
from ...transport.streams.decoder import AnswerDecoder
from ...wire.fallback_ids import fallback_answer_id, fallback_call_id
from ...wire.json_decoding import MALFORMED
from ...wire.lenient.decoder import LenientDecoder
from ...wire.stop_reasons import inferred_stop_reason, stop_reason
from ..custom_tools import INPUT_END, INPUT_START, KEPT, MARK, CallMark, escape_input
from ..details import chat_filter_details, read_openai_fault
from .errors import FAILURES, faults
from .events import STOP_REASONS, Choice, Chunk, CustomCall, FunctionCall, Piece, ToolCall, UrlCitation
from .kept_parts import KeptParts

_FILTERED = "content_filter"
_FILTER_FAILED = b'"content_filter_error"'  # at Azure: no filter has seen the text
_LEGACY_INDEX = -1  # of a function_call, the predecessor of tool_calls: an answer has at most one
_json = msgspec.json.encode
_chunk = msgspec.json.Decoder(Chunk).decode
_lenient = LenientDecoder[Chunk](Chunk)


@dataclass(slots=True)
class _OpenCall:
    """A tool call that has started, with the block that it is. A *custom* one has free text as its input."""

    block: int
    id: str | None
    custom: bool


class ChatReader:
    """Reads one answer, chunk by chunk, to request *number* of its session.

    A refusal becomes visible text, and the reason for stopping. Citations are added at the end, because some servers
    send them before the text.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.ended = self.settled = False
        self._provider = provider
        self._number = number
        self._started = False
        self._blocks = 0
        self._text: int | None = None
        self._thinking: int | None = None
        self._calls: list[_OpenCall] = []
        self._latest_call: dict[int, _OpenCall] = {}  # by its index in the chunks, which some servers reuse
        self._citations: list[UrlCitation] = []
        self._kept = KeptParts()
        self._refused = False
        self._stop_reason: str | None = None
        self._details: StopDetails | None = None

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        if data.startswith(b"[DONE]"):
            self._end_answer(deltas)
            return
        try:
            chunk = _chunk(data)
        except MALFORMED as problem:
            chunk = _lenient.decode(self._provider, data, problem, streamed=True)
        if chunk.error or chunk.choices is None:
            self._check_fault(data)
        # Azure's first chunk has no id, no model and no choices, only the results of its content filters.
        if not self._started and chunk.choices:
            self._started = True
            deltas.append(AnswerStarted(chunk.id or fallback_answer_id(self._number), chunk.model or ""))
            for first in filter(None, (choice.delta or choice.message for choice in chunk.choices or ())):
                self._kept.note_thinking(first)  # DeepSeek's first chunk names the member, which is empty still
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._read_choice(choice, data, deltas)
        if chunk.usage is not None and self._started:
            deltas.append(UsageReported(chunk.usage.usage()))
        if any(choice.message is not None for choice in chunk.choices or ()):
            self._end_answer(deltas)  # a whole answer

    def finish(self, deltas: list[Delta]) -> None:
        if self._stop_reason is None:
            raise incomplete_answer(self._provider)
        self._end_answer(deltas)

    def _check_fault(self, data: bytes) -> None:
        """Raises:
        ProviderError: *data*, which is no chunk, reports a problem.
        """
        if reported_fault(data) is not None:
            raise faults(self._provider).error(read_openai_fault(data))

    def _end_answer(self, deltas: list[Delta]) -> None:
        if not self._started:
            raise incomplete_answer(self._provider)
        self.ended = True
        deltas.extend(ToolInputDelta(call.block, INPUT_END) for call in self._calls if call.custom)
        if self._text is not None:
            deltas.extend(Cited(self._text, citation.citation()) for citation in self._citations)
        kept = self._kept.json([call.block for call in self._calls])
        if kept and (self._calls or self._text is not None):
            deltas.append(OpaqueReceived(self._next_block(), KEPT, kept))
        # Some models give no reason at all, and a forced tool call ends with "stop".
        reason = stop_reason(STOP_REASONS, self._stop_reason)
        reason = inferred_stop_reason(reason, calls_tools=bool(self._calls), refuses=self._refused)
        deltas.append(AnswerEnded(reason, self._stop_reason, self._details))

    def _read_choice(self, choice: Choice, data: bytes, deltas: list[Delta]) -> None:
        piece = choice.delta or choice.message
        if piece is not None:
            if thinking := piece.reasoning_content or piece.reasoning:
                if self._thinking is None:
                    self._kept.note_thinking(piece)
                self._add_thinking(thinking, deltas)
            if piece.content:
                self._add_text(piece.content, deltas)
            if piece.refusal or piece.tool_calls or piece.function_call or piece.annotations:
                self._read_rare(piece, data, deltas)
            if piece.extra_content or piece.reasoning_details or piece.thinking_blocks:
                self._kept.add(piece)
        if choice.error:
            raise faults(self._provider).error(read_openai_fault(msgspec.json.encode({"error": choice.error})))
        if reason := choice.finish_reason:
            if kind := FAILURES.get(reason):
                raise kind(f"the answer ended with {reason!r}", self._provider, vendor_code=reason)
            self._stop_reason = reason
            if reason == _FILTERED or _FILTER_FAILED in data:
                self._details = chat_filter_details(data)

    def _add_text(self, text: str, deltas: list[Delta]) -> None:
        if self._text is None:
            self._text = self._next_block()
        deltas.append(TextDelta(self._text, text))

    def _add_thinking(self, text: str, deltas: list[Delta]) -> None:
        if self._thinking is None:
            self._thinking = self._next_block()
        deltas.append(ThinkingDelta(self._thinking, text))

    def _read_rare(self, piece: Piece, data: bytes, deltas: list[Delta]) -> None:
        if piece.refusal:
            self._refused = True
            self._add_text(piece.refusal, deltas)
        self._read_calls(piece.tool_calls or (), data, deltas)
        if piece.function_call:
            self._read_calls([ToolCall(index=_LEGACY_INDEX, function=piece.function_call)], data, deltas)
        annotations = piece.annotations or ()
        self._citations += [annotation.url_citation for annotation in annotations if annotation.url_citation]

    def _read_calls(self, pieces: Sequence[ToolCall], data: bytes, deltas: list[Delta]) -> None:
        for piece in pieces:
            call = self._continued_call(piece) or self._start_call(piece, data, deltas)
            if piece.extra_content:
                self._kept.add_to_call(call.block, piece.extra_content)
            if piece.function and piece.function.arguments:
                deltas.append(ToolInputDelta(call.block, piece.function.arguments))
            if piece.custom and piece.custom.input:
                deltas.append(ToolInputDelta(call.block, escape_input(piece.custom.input)))

    def _continued_call(self, piece: ToolCall) -> _OpenCall | None:
        """The call that *piece* continues; ``None`` if it starts one.

        Some servers send no index, or 0 for every call. There a new id or, without ids, a name starts a new call.
        """
        last = self._calls[-1] if self._calls else None
        call = last if piece.index is None else self._latest_call.get(piece.index)
        if call is None or not _name(piece):
            return call
        starts_new = piece.id != call.id if piece.id else piece.index is None
        return None if starts_new else call

    def _start_call(self, piece: ToolCall, data: bytes, deltas: list[Delta]) -> _OpenCall:
        name = _name(piece)
        if not name:
            raise malformed_answer(self._provider, "a tool call that starts without a name", data)
        is_custom = piece.custom is not None
        if is_custom:
            deltas.append(OpaqueReceived(self._next_block(), MARK, _json(CallMark(custom=True))))
        call = _OpenCall(self._next_block(), piece.id, is_custom)
        self._calls.append(call)
        if piece.index is not None:
            self._latest_call[piece.index] = call
        call_id = piece.id or fallback_call_id(self._number, len(self._calls))
        deltas.append(ToolUseStarted(call.block, call_id, name))
        if call.custom:
            deltas.append(ToolInputDelta(call.block, INPUT_START))
        return call

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1


def _name(call: ToolCall) -> str | None:
    called: FunctionCall | CustomCall | None = call.function or call.custom
    return called.name if called else None


def answer_decoder(provider: str, number: int) -> AnswerDecoder:
    """A decoder for one answer, to request *number* of its session."""
    return AnswerDecoder(provider, ChatReader(provider, number))
