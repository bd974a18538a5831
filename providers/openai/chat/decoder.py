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
from ...transport.fault_bodies import reported_fault, says_something
from ...transport.faults import incomplete_answer, unreadable_body
from ...transport.streams.decoder import AnswerDecoder
from ...wire.fallback_ids import fallback_answer_id
from ...wire.json_decoding import MALFORMED
from ...wire.lenient.decoder import LenientDecoder
from ...wire.stop_reasons import (
    STOP_REASONS,
    failure,
    inferred_stop_reason,
    is_stop_reason,
    reason_names,
    stop_reason,
)
from ..custom_tools import KEPT
from ..details import chat_filter_details, read_openai_fault
from .errors import faults
from .events import Choice, Chunk, Piece, TokenCounts, ToolCall, UrlCitation
from .forms import documented_form
from .kept_parts import KeptParts, text_of_details
from .tool_calls import ToolCalls
from .whole_messages import Messages, error_in_delta, text_piece

_FILTERED = "content_filter"
_MINIMAX_STATUS = b'"base_resp"'
_CHUNK = b'"chat.completion'  # the kind of a chunk, and that of a whole answer
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
        self._thinks_in_details = False
        self._calls = ToolCalls(provider, number)
        self._citations: list[UrlCitation] = []
        self._kept = KeptParts()
        self._index = 0  # of the choice that is read
        self._messages = Messages()
        self._is_whole = False
        self._early_usage: TokenCounts | None = None
        self._unknown: bytes | None = None  # the first event, if it is no chunk
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
        if not self._started:
            self._start_answer(chunk, data, deltas)
        for choice in chunk.choices or ():
            if choice.index == self._index:
                self._read_choice(choice, data, deltas)
        if chunk.usage is not None and self._started:
            deltas.append(UsageReported(chunk.usage.usage()))
        if self._is_whole:
            self._end_answer(deltas)

    def finish(self, deltas: list[Delta]) -> None:
        # A whole answer may have no reason for stopping.
        if self._stop_reason is None and self._messages.count != 1 and (self._started or not self._unknown):
            raise incomplete_answer(self._provider)
        self._end_answer(deltas)

    def _start_answer(self, chunk: Chunk, data: bytes, deltas: list[Delta]) -> None:
        if not chunk.choices:
            self._early_usage = chunk.usage or self._early_usage
            is_chunk = chunk.choices is not None or chunk.usage is not None or _CHUNK in data
            if _MINIMAX_STATUS in data or not (is_chunk or data.strip() == b"{}"):
                self._unknown = self._unknown or data
            return
        self._started = True
        self._index = min(choice.index for choice in chunk.choices)  # some servers count from 1
        deltas.append(AnswerStarted(chunk.id or fallback_answer_id(self._number), chunk.model or ""))
        for first in filter(None, (choice.delta or choice.message for choice in chunk.choices)):
            self._kept.note_thinking(first)  # DeepSeek's first chunk names the member, which is empty still
        if self._early_usage is not None:
            deltas.append(UsageReported(self._early_usage.usage()))

    def _check_fault(self, chunk: Chunk, data: bytes) -> None:
        """Raises:
        ProviderError: *chunk*, the event *data*, reports a problem.
        """
        if chunk.x_groq is not None and chunk.x_groq.error:
            raise faults(self._provider).error(read_openai_fault(_json({"error": chunk.x_groq.error})))
        is_answer = chunk.choices and not chunk.error
        # Without an answer, MiniMax says neither whether a request is at fault nor whether to repeat it.
        is_unclear = _MINIMAX_STATUS in data and not (self._started or chunk.error)
        if not (is_answer or is_unclear) and reported_fault(data) is not None:
            raise faults(self._provider).error(read_openai_fault(data))

    def _end_answer(self, deltas: list[Delta]) -> None:
        if not self._started:
            if self._unknown:
                raise unreadable_body(self._provider, self._unknown)
            raise incomplete_answer(self._provider)
        self._blocks = self._calls.end(self._blocks, deltas)
        self.ended = True
        if self._text is not None:
            deltas.extend(Cited(self._text, citation.citation()) for citation in self._citations)
        kept = self._kept.json(self._calls.extras())
        if kept and (self._calls or self._text is not None):
            deltas.append(OpaqueReceived(self._next_block(), KEPT, kept))
        # Some models give no reason at all, and a forced tool call ends with "stop".
        reason = stop_reason(STOP_REASONS, self._stop_reason)
        reason = inferred_stop_reason(reason, calls_tools=bool(self._calls), refuses=self._refused)
        end = AnswerEnded(reason, self._stop_reason, self._details)
        deltas.append(end.with_rewritten(self._calls.last_custom))

    def _read_choice(self, choice: Choice, data: bytes, deltas: list[Delta]) -> None:
        piece = choice.delta
        if piece is None or choice.message is not None:
            piece = self._piece_of_message(choice, data)
        if piece is not None:
            thinking = piece.reasoning_content or piece.reasoning
            if piece.extra_content or piece.reasoning_details or piece.thinking_blocks:
                thinking = thinking or self._thinking_in_details(piece)
                self._kept.add(piece)
            if thinking:
                if self._thinking is None:
                    self._kept.note_thinking(piece)
                self._add_thinking(thinking, deltas)
            if piece.content:
                self._add_text(piece.content, deltas)
            elif not thinking:
                self._check_delta(data)
            if piece.refusal or piece.tool_calls or piece.function_call or piece.annotations:
                is_whole = choice.message is not None and not (choice.delta and choice.delta.tool_calls)
                self._read_rare(piece, is_whole, data, deltas)
        if choice.usage is not None:
            deltas.append(UsageReported(choice.usage.usage()))
        if choice.error and says_something(choice.error):
            raise faults(self._provider).error(read_openai_fault(_json({"error": choice.error})))
        if (reason := choice.finish_reason) and is_stop_reason(reason):
            if failed := failure(self._provider, reason):
                raise failed
            self._stop_reason = reason
            if _FILTERED in reason_names(reason) or _FILTER_FAILED in data:
                self._details = chat_filter_details(data)

    def _thinking_in_details(self, piece: Piece) -> str:
        """The thinking in the details of *piece*, unless earlier pieces had it as text: then these repeat it."""
        if self._thinking is not None and not self._thinks_in_details:
            return ""
        thinking = text_of_details(piece)
        self._thinks_in_details = self._thinks_in_details or bool(thinking)
        return thinking

    def _piece_of_message(self, choice: Choice, data: bytes) -> Piece | None:
        """What is new in *choice*, which has no delta, or a message beside it."""
        if choice.message is None:
            return text_piece(data, choice.index)
        nothing_before = not self._blocks and not self._calls
        self._is_whole = bool(choice.delta is None and choice.finish_reason and nothing_before)
        has_text, has_thinking = self._text is not None, self._thinking is not None
        return self._messages.unread(choice, has_text, has_thinking, bool(self._calls))

    def _check_delta(self, data: bytes) -> None:
        """Raises:
        ProviderError: the delta in *data*, which has no text, has an error.
        """
        if b'"error"' in data and (error := error_in_delta(data)):
            raise faults(self._provider).error(read_openai_fault(_json({"error": error})))

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
        if piece.function_call and not calls:  # some servers repeat the first call there
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
