"""Answers of Google's generateContent, decoded into deltas. Only the first candidate counts."""

import re
from collections.abc import Callable
from typing import Any

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
from ..schema.errors import ThinkingRejected
from ..schema.stop_reasons import StopReason
from ..transport.fault_bodies import reported_fault
from ..transport.faults import incomplete_answer, malformed_answer
from ..transport.streams.decoder import AnswerDecoder
from ..wire.fallback_ids import fallback_answer_id, fallback_call_id
from ..wire.json_decoding import MALFORMED
from ..wire.lenient.decoder import LenientDecoder, repaired_json, tool_input
from ..wire.stop_reasons import failure, inferred_stop_reason, stop_reason
from .citations import AnswerText, citations
from .errors import FAULTS, PROVIDER, read_google_fault
from .events import (
    SIGNATURE,
    STOP_REASONS,
    Candidate,
    Chunk,
    FunctionCall,
    Part,
    RawChunk,
    TokenCounts,
)
from .forms import documented_form, is_in_snake_case
from .partial_args import StreamedInput
from .stop_details import details_of_answer, details_of_prompt

_chunk: Callable[[bytes], Chunk] = msgspec.json.Decoder(Chunk).decode
_lenient = LenientDecoder[Chunk](Chunk, documented_form)
_raw_chunk = msgspec.json.Decoder(RawChunk).decode
_lenient_raw = LenientDecoder[RawChunk](RawChunk, documented_form)
_decode_chunks = msgspec.json.Decoder(list[msgspec.Raw]).decode
_any_part = msgspec.json.Decoder(dict[str, Any]).decode
# The members of a part that do not name its kind.
_ATTRIBUTES = ("thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution")
_EMPTY = (b"", b"null")
_capital = re.compile("(?=[A-Z])")


class GoogleReader:
    """Reads one answer, chunk by chunk, to request *number* of its session.

    Consecutive pieces of text are one block, and so are pieces of thinking. A signed piece is a block of its own: it
    has to be sent back as it came. Only the end of the body ends an answer: some servers send token counts, sources or
    even text after a reason for stopping.
    """

    def __init__(self, number: int) -> None:
        self.ended = self.settled = False
        self._number = number
        self._started = False
        self._decode = _chunk
        self._index = 0  # of the candidate that is read
        self._unknown: bytes | None = None  # the first object that is none of this API
        self._blocks = 0
        self._calls = 0
        self._counts: TokenCounts | None = None
        self._input_reported = False
        self._text: int | None = None  # the block that the next piece of text continues
        self._thinking: int | None = None
        self._ending: AnswerEnded | None = None  # as the last reason for stopping says
        self._open_call: tuple[int, StreamedInput] | None = None
        self._answer_text = AnswerText()
        self._record_text: Callable[[str], None] = self._answer_text.start_block(0)

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            chunk = self._decode(data)
        except MALFORMED as problem:
            if not data.lstrip().startswith(b"{"):
                self._read_other(data, problem, deltas)
                return
            chunk = _lenient.decode(PROVIDER, data, problem, streamed=True)
        if not self._started or not chunk.candidates:
            if chunk.response:
                self.read(msgspec.json.encode(chunk.response), deltas)
                return
            if not self._started and (begun := self._begin(chunk, data, deltas)) is not None:
                chunk = begun
            if not self._started:
                return
        for candidate in chunk.candidates or ():
            if candidate.index == self._index:
                self._read_candidate(candidate, data, deltas)
                break
        if (chunk.error or not chunk.candidates) and reported_fault(data) is not None:
            raise FAULTS.error(read_google_fault(data))
        if chunk.usage_metadata is not None:
            self._report_input(chunk.usage_metadata, deltas)
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason and self._ending is None:
            reason = chunk.prompt_feedback.block_reason
            details = details_of_prompt(chunk.prompt_feedback)
            self._ending = AnswerEnded(StopReason.CONTENT_FILTER, reason, details)
            self.settled = True

    def finish(self, deltas: list[Delta]) -> None:
        if not self._started and self._unknown is not None:
            raise malformed_answer(PROVIDER, "neither an answer nor an error", self._unknown)
        if self._ending is None:
            raise incomplete_answer(PROVIDER)
        if error := failure(PROVIDER, self._ending.raw_stop_reason):
            raise error
        self._end_call(deltas, is_whole=False)
        self.ended = True
        if self._counts is not None:
            deltas.append(UsageReported(self._counts.usage()))
        ending = self._ending
        # Google has no reason for tool uses: they end with "STOP", or "UNEXPECTED_TOOL_CALL" if not declared.
        reason = inferred_stop_reason(ending.stop_reason, self._calls > 0)
        deltas.append(AnswerEnded(reason, ending.raw_stop_reason, ending.details))

    def _read_other(self, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Read what is no object: the marker of OpenAI's ends, what keeps a connection alive, or an array of chunks."""
        if data.startswith(b"[DONE]"):
            self.finish(deltas)
        elif reported_fault(data) is not None:
            raise FAULTS.error(read_google_fault(data))
        elif data.lstrip().startswith(b"[{"):
            for chunk in _chunks(data):
                self.read(bytes(chunk), deltas)
        elif data.strip() not in _EMPTY:
            raise malformed_answer(PROVIDER, problem, data)

    def _begin(self, chunk: Chunk, data: bytes, deltas: list[Delta]) -> Chunk | None:
        """Start the answer with *chunk*, which is returned as it is to be read; ``None`` if it has nothing of it."""
        if is_in_snake_case(data):
            self._decode = _decode_leniently
            chunk = self._decode(data)
        return chunk if self._start_answer(chunk, data, deltas) else None

    def _start_answer(self, chunk: Chunk, data: bytes, deltas: list[Delta]) -> bool:
        """Start the answer, unless *chunk* has nothing of it."""
        is_part = chunk.candidates is not None or chunk.prompt_feedback is not None or chunk.usage_metadata is not None
        if (chunk.error or not is_part) and reported_fault(data) is not None:
            raise FAULTS.error(read_google_fault(data))
        is_named = chunk.response_id is not None or chunk.model_version is not None
        if not is_part and not is_named and self._unknown is None:
            self._unknown = data
        if is_part:
            self._started = True
            # Some gateways count from 1.
            self._index = min((candidate.index for candidate in chunk.candidates or ()), default=0)
            message_id = chunk.response_id or fallback_answer_id(self._number)
            deltas.append(AnswerStarted(message_id, chunk.model_version or ""))
        return is_part

    def _report_input(self, counts: TokenCounts, deltas: list[Delta]) -> None:
        """Report the input as soon as it is known. The output grows with each chunk: it is reported at the end."""
        if counts.prompt_token_count is None or counts.candidates_token_count is None:
            counts = counts if self._counts is None else counts.merged(self._counts)
        self._counts = counts
        if not self._input_reported and counts.prompt_token_count is not None:
            self._input_reported = True
            deltas.append(UsageReported(counts.input_usage()))

    def _note_ending(self, candidate: Candidate) -> None:
        """Keep the reason for stopping of *candidate*. The last one counts.

        Raises:
            ThinkingRejected: there is no answer, because the request lacks a signature.
        """
        raw_reason = candidate.finish_reason or ""
        if raw_reason == "MISSING_THOUGHT_SIGNATURE" and not self._blocks:
            problem = candidate.finish_message or "a tool use in the request has no valid thought signature"
            raise ThinkingRejected(problem, PROVIDER, None, raw_reason)
        reason = stop_reason(STOP_REASONS, raw_reason)
        self._ending = AnswerEnded(reason, raw_reason, details_of_answer(candidate, reason))
        # Some gateways begin an answer with an empty piece that has a reason for stopping.
        self.settled = self._blocks > 0 or reason is not StopReason.END_TURN

    def _read_candidate(self, candidate: Candidate, data: bytes, deltas: list[Delta]) -> None:
        parts = candidate.content.parts if candidate.content is not None else None
        for position, part in enumerate(parts or ()):
            text = part.text
            # Nearly every part is a piece of text.
            if text is not None and not part.thought and part.thought_signature is None and part.function_call is None:
                if text:
                    self._add_text(text, deltas)
            else:
                try:
                    self._read_rare(part, (candidate.index, position), data, deltas)
                except MALFORMED as problem:  # in a part that is kept as it came, and was not decoded before
                    raise malformed_answer(PROVIDER, problem, data) from None
        if candidate.grounding_metadata is not None or candidate.citation_metadata is not None:
            deltas.extend(Cited(block, citation) for block, citation in citations(candidate, self._answer_text))
        if not parts and candidate.error:
            raise FAULTS.error(read_google_fault(msgspec.json.encode({"error": candidate.error})))
        if candidate.finish_reason:
            if candidate.usage_metadata is not None:
                self._report_input(candidate.usage_metadata, deltas)
            self._note_ending(candidate)
        elif self.settled and any(part.text or part.function_call for part in parts or ()):
            self.settled = False  # the reason came too early

    def _add_text(self, text: str, deltas: list[Delta]) -> None:
        index = self._text
        if index is None:
            index = self._text = self._next_block()
            self._record_text = self._answer_text.start_block(index)
        self._record_text(text)
        deltas.append(TextDelta(index, text))

    def _read_rare(self, part: Part, position: tuple[int, int], data: bytes, deltas: list[Delta]) -> None:
        if part.function_call is not None:
            self._add_call(part.function_call, deltas)
            self._add_signature(part, deltas)
        elif part.text is not None and part.thought:
            self._add_thinking(part.text, part.thought_signature, deltas)
        elif part.text:
            self._text = self._thinking = None
            self._add_text(part.text, deltas)
            self._add_signature(part, deltas)
        else:
            self._add_opaque(_raw_part(data, *position), deltas)

    def _add_thinking(self, text: str, signature: str | None, deltas: list[Delta]) -> None:
        if signature is not None or self._thinking is None:
            self._thinking = self._next_block()
        if text:
            deltas.append(ThinkingDelta(self._thinking, text))
        if signature is not None:
            deltas.append(ThinkingSigned(self._thinking, signature))
            self._thinking = None

    def _add_call(self, call: FunctionCall, deltas: list[Delta]) -> None:
        if not call.name:
            self._continue_call(call, deltas)
            return
        self._end_call(deltas)
        self._calls += 1
        block = self._next_block()
        call_id = call.id or fallback_call_id(self._number, self._calls)
        deltas.append(ToolUseStarted(block, call_id, call.name))
        if call.will_continue or call.partial_args:
            self._open_call = block, StreamedInput()
            self._continue_call(call, deltas)
            return
        if args := tool_input(bytes(call.args)):
            deltas.append(ToolInputDelta(block, args))
        deltas.append(BlockEnded(block))

    def _continue_call(self, call: FunctionCall, deltas: list[Delta]) -> None:
        """Add the pieces in *call* to the open tool use."""
        if self._open_call is None:
            raise ValueError("a function call without a name")
        for piece in call.partial_args:
            self._open_call[1].add(piece)
        if not call.will_continue:
            self._end_call(deltas)

    def _end_call(self, deltas: list[Delta], is_whole: bool = True) -> None:
        """End the open tool use. Input that is cut short is left invalid: it is never guessed."""
        if self._open_call is None:
            return
        block, streamed = self._open_call
        try:
            json = streamed.json()
        except ValueError as problem:
            raise malformed_answer(PROVIDER, problem, b"") from None
        deltas += (ToolInputDelta(block, json if is_whole else json[:-1]), BlockEnded(block))
        self._open_call = None

    def _add_signature(self, part: Part, deltas: list[Delta]) -> None:
        """Keep the signature of *part* in an opaque block after the block of *part*."""
        if part.thought_signature is not None:
            json = msgspec.json.encode({"thoughtSignature": part.thought_signature})
            deltas.append(OpaqueReceived(self._next_block(), SIGNATURE, json))

    def _add_opaque(self, raw: bytes, deltas: list[Delta]) -> None:
        """Keep a part that only Google understands: of a tool that it ran itself, or a signature without content."""
        if raw == b"null":
            return
        raw = repaired_json(PROVIDER, raw)
        members = _any_part(raw)
        kind = next((name for name in members if name not in _ATTRIBUTES), "text")
        if kind != "text":
            deltas.append(OpaqueReceived(self._next_block(), _capital.sub("_", kind).lower(), raw))
        elif "thoughtSignature" in members:
            json = raw if "text" in members else msgspec.json.encode({"text": "", **members})
            deltas.append(OpaqueReceived(self._next_block(), SIGNATURE, json))

    def _next_block(self) -> int:
        """The index of a new block. Text and thinking after it start new blocks, too."""
        self._text = self._thinking = None
        self._blocks += 1
        return self._blocks - 1


def _decode_leniently(data: bytes) -> Chunk:
    return _lenient.decode(PROVIDER, data, ValueError("neither an answer nor an error"), streamed=True)


def _raw_part(data: bytes, index: int, position: int) -> bytes:
    """The part at *position* of candidate *index* in *data*, as it came."""
    try:
        chunk = _raw_chunk(data)
    except MALFORMED as problem:
        chunk = _lenient_raw.decode(PROVIDER, data, problem)
    candidate = next(candidate for candidate in chunk.candidates or () if candidate.index == index)
    parts = candidate.content.parts if candidate.content is not None else None
    return bytes((parts or ())[position])


def answer_decoder(number: int) -> AnswerDecoder:
    """A decoder for one answer, to request *number* of its session."""
    return AnswerDecoder(PROVIDER, GoogleReader(number))


def _chunks(data: bytes) -> list[msgspec.Raw]:
    """The chunks of the array *data*.

    Raises:
        ProtocolError: it is no valid array.
    """
    try:
        return _decode_chunks(data)
    except msgspec.DecodeError as problem:
        raise malformed_answer(PROVIDER, problem, data) from None
