"""Answers of the Chat Completions API, decoded into deltas. Only the first choice counts."""

import msgspec

from ...schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    UsageReported,
)
from ...schema.stop_reasons import StopDetails
from ...transport.fault_bodies import reported_fault
from ...transport.faults import incomplete_answer
from ...transport.streams.decoder import AnswerDecoder
from ...wire.fallback_ids import fallback_answer_id
from ...wire.json_decoding import MALFORMED
from ...wire.lenient.decoder import LenientDecoder
from ...wire.stop_reasons import inferred_stop_reason, stop_reason
from ..custom_tools import KEPT
from ..details import chat_filter_details, read_openai_fault
from .errors import faults
from .events import Choice, Chunk, Piece, ToolCall, UrlCitation
from .finish_reasons import FAILURES, STOP_REASONS
from .forms import documented_form
from .kept_parts import KeptParts
from .tool_calls import ToolCalls

_FILTERED = "content_filter"
_FILTER_FAILED = b'"content_filter_error"'  # at Azure: no filter has seen the text
_LEGACY_INDEX = -1  # of a function_call, the predecessor of tool_calls: an answer has at most one
_json = msgspec.json.encode
_chunk = msgspec.json.Decoder(Chunk).decode
_lenient = LenientDecoder[Chunk](Chunk, documented_form)


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
        self._calls = ToolCalls(provider, number)
        self._citations: list[UrlCitation] = []
        self._kept = KeptParts()
        self._is_whole = False
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
            if data.strip() == b"null":  # keeps the connection alive
                return
            chunk = _lenient.decode(self._provider, data, problem, streamed=True)
        if chunk.error or not chunk.choices or chunk.x_groq is not None:
            self._check_fault(chunk, data)
            if chunk.usage is None and chunk.x_groq is not None:
                chunk.usage = chunk.x_groq.usage
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
        if self._is_whole:
            self._end_answer(deltas)

    def finish(self, deltas: list[Delta]) -> None:
        if self._stop_reason is None:
            raise incomplete_answer(self._provider)
        self._end_answer(deltas)

    def _check_fault(self, chunk: Chunk, data: bytes) -> None:
        """Raises:
        ProviderError: *chunk*, the event *data*, reports a problem.
        """
        if chunk.x_groq is not None and chunk.x_groq.error:
            raise faults(self._provider).error(read_openai_fault(_json({"error": chunk.x_groq.error})))
        if (chunk.error or not chunk.choices) and reported_fault(data) is not None:
            raise faults(self._provider).error(read_openai_fault(data))

    def _end_answer(self, deltas: list[Delta]) -> None:
        if not self._started:
            raise incomplete_answer(self._provider)
        self._calls.end(self._blocks, deltas)
        self.ended = True
        if self._text is not None:
            deltas.extend(Cited(self._text, citation.citation()) for citation in self._citations)
        kept = self._kept.json(self._calls.extras())
        if kept and (self._calls or self._text is not None):
            deltas.append(OpaqueReceived(self._next_block(), KEPT, kept))
        # Some models give no reason at all, and a forced tool call ends with "stop".
        reason = stop_reason(STOP_REASONS, (self._stop_reason or "").lower())
        reason = inferred_stop_reason(reason, calls_tools=bool(self._calls), refuses=self._refused)
        deltas.append(AnswerEnded(reason, self._stop_reason, self._details))

    def _read_choice(self, choice: Choice, data: bytes, deltas: list[Delta]) -> None:
        piece = choice.delta
        if choice.message is not None and (piece is None or self._is_only_in_message(choice)):
            self._is_whole = piece is None
            piece = choice.message
        if piece is not None:
            if thinking := piece.reasoning_content or piece.reasoning:
                if self._thinking is None:
                    self._kept.note_thinking(piece)
                self._add_thinking(thinking, deltas)
            if piece.content:
                self._add_text(piece.content, deltas)
            if piece.refusal or piece.tool_calls or piece.function_call or piece.annotations:
                self._read_rare(piece, piece is choice.message, data, deltas)
            if piece.extra_content or piece.reasoning_details or piece.thinking_blocks:
                self._kept.add(piece)
        if choice.usage is not None:
            deltas.append(UsageReported(choice.usage.usage()))
        if choice.error:
            raise faults(self._provider).error(read_openai_fault(_json({"error": choice.error})))
        if reason := choice.finish_reason:
            if kind := FAILURES.get(reason.lower()):
                raise kind(f"the answer ended with {reason!r}", self._provider, vendor_code=reason)
            self._stop_reason = reason
            if reason.lower() == _FILTERED or _FILTER_FAILED in data:
                self._details = chat_filter_details(data)

    def _is_only_in_message(self, choice: Choice) -> bool:
        """True if *choice*, which has a delta and a message, is a whole answer: its delta is as empty as all before.

        In the streams of Perplexity, the message is the text so far.
        """
        nothing_before = not self._blocks and not self._calls
        return bool(nothing_before and choice.finish_reason and choice.delta and choice.delta.is_empty())

    def _add_text(self, text: str, deltas: list[Delta]) -> None:
        if self._text is None:
            self._text = self._next_block()
        deltas.append(TextDelta(self._text, text))

    def _add_thinking(self, text: str, deltas: list[Delta]) -> None:
        if self._thinking is None:
            self._thinking = self._next_block()
        deltas.append(ThinkingDelta(self._thinking, text))

    def _read_rare(self, piece: Piece, whole: bool, data: bytes, deltas: list[Delta]) -> None:
        if piece.refusal:
            self._refused = True
            self._add_text(piece.refusal, deltas)
        calls = piece.tool_calls or ()
        if piece.function_call:
            calls = [*calls, ToolCall(index=_LEGACY_INDEX, function=piece.function_call)]
        self._blocks = self._calls.read(calls, whole, data, self._blocks, deltas)
        annotations = piece.annotations or ()
        self._citations += [annotation.url_citation for annotation in annotations if annotation.url_citation]

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1


def answer_decoder(provider: str, number: int) -> AnswerDecoder:
    """A decoder for one answer, to request *number* of its session."""
    return AnswerDecoder(provider, ChatReader(provider, number))
