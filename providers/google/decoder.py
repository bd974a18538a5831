"""Answers of Google's generateContent, read into deltas. Of several candidates only the first counts."""

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
from ..schema.stop_reasons import StopReason
from ..transport.decoder import StreamDecoder
from ..transport.faults import incomplete_answer, malformed_answer, undecodable_answer
from ..transport.json_objects import EventsOrObjects
from .chunks import Candidate, Chunk, Counts, FunctionCall, Part, RawChunk
from .citations import Said, citations
from .errors import FAULTS, PROVIDER, SIGNATURE, STOPS
from .fault_bodies import read_google_fault

_chunk: Callable[[bytes], Chunk] = msgspec.json.Decoder(Chunk).decode
_raw_chunk = msgspec.json.Decoder(RawChunk).decode
_any_part = msgspec.json.Decoder(dict[str, Any]).decode
_ABOUT = ("thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution")  # what says no kind
_capital = re.compile("(?=[A-Z])")


class GoogleReader:
    """Reads one answer, chunk by chunk: the *number*-th of its session, from which ids are made where there are none.

    A made id is ``call_`` with the request's number and the call's in the answer: stable when the same bytes are read
    again, and one of a kind in its session. Text goes on in one block until something else comes, or a signature: a
    signed piece is a block of its own, for it must go back as it came.
    """

    def __init__(self, number: int) -> None:
        self.ended = False
        self._number = number
        self._begun = False
        self._blocks = 0
        self._calls = 0
        self._counts: Counts | None = None
        self._sent_told = False
        self._text: int | None = None  # the block that text goes on in
        self._thinking: int | None = None
        self._said = Said()
        self._note: Callable[[str], None] = self._said.begin(0)

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            chunk = _chunk(data)
        except (ValueError, RecursionError) as problem:
            raise malformed_answer(PROVIDER, problem, data) from None
        self.take(chunk, data, deltas)

    def take(self, chunk: Chunk, data: bytes, deltas: list[Delta]) -> None:
        """Add to *deltas* what *chunk*, read from *data*, brings."""
        if not self._begun:
            self._begin(chunk, data, deltas)
        stopped = None
        for candidate in chunk.candidates or ():
            if candidate.index == 0:
                self._take_candidate(candidate, data, deltas)
                stopped = candidate.finish_reason
                break
        if chunk.error is not None:
            raise FAULTS.error(read_google_fault(data))
        if chunk.usage_metadata is not None:
            self._count(chunk.usage_metadata, deltas)
        if stopped:
            self._finish(self._stop(stopped), stopped, deltas)
        elif chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            self._finish(StopReason.CONTENT_FILTER, chunk.prompt_feedback.block_reason, deltas)

    def _begin(self, chunk: Chunk, data: bytes, deltas: list[Delta]) -> None:
        if chunk.error is not None:
            raise FAULTS.error(read_google_fault(data))
        if chunk.candidates is None and chunk.prompt_feedback is None and chunk.usage_metadata is None:
            raise malformed_answer(PROVIDER, "this is no piece of an answer", data)
        self._begun = True
        deltas.append(AnswerStarted(chunk.response_id or f"answer-{self._number}", chunk.model_version or ""))

    def _count(self, counts: Counts, deltas: list[Delta]) -> None:
        """Tell of what was sent as soon as it is known; of what was made, the end does: it grows with each chunk."""
        self._counts = counts
        if not self._sent_told and counts.prompt_token_count is not None:
            self._sent_told = True
            deltas.append(UsageReported(counts.sent()))

    def _finish(self, reason: StopReason, word: str, deltas: list[Delta]) -> None:
        self.ended = True
        if self._counts is not None:
            deltas.append(UsageReported(self._counts.usage()))
        deltas.append(AnswerEnded(reason, word))

    def _stop(self, word: str) -> StopReason:
        reason = STOPS.get(word, StopReason.OTHER)
        # Google has no word for it: tool uses end with "STOP", and one that is not declared is told as unexpected.
        return StopReason.TOOL_USE if self._calls and reason in (StopReason.END_TURN, StopReason.OTHER) else reason

    def _take_candidate(self, candidate: Candidate, data: bytes, deltas: list[Delta]) -> None:
        parts = candidate.content.parts if candidate.content is not None else None
        for at, part in enumerate(parts or ()):
            text = part.text
            # Nearly every part is a piece of text.
            if text is not None and not part.thought and part.thought_signature is None and part.function_call is None:
                if text:
                    self._say(text, deltas)
            else:
                try:
                    self._take_rare(part, at, data, deltas)
                except (ValueError, RecursionError) as problem:  # what is passed on as it came, is no JSON after all
                    raise malformed_answer(PROVIDER, problem, data) from None
        if candidate.grounding_metadata is not None or candidate.citation_metadata is not None:
            deltas.extend(Cited(block, citation) for block, citation in citations(candidate, self._said))

    def _say(self, text: str, deltas: list[Delta]) -> None:
        index = self._text
        if index is None:
            index = self._text = self._next_block()
            self._note = self._said.begin(index)
        self._note(text)
        deltas.append(TextDelta(index, text))

    def _take_rare(self, part: Part, at: int, data: bytes, deltas: list[Delta]) -> None:
        if part.function_call is not None:
            self._call(part.function_call, deltas)
            self._sign(part, deltas)
        elif part.text is not None and part.thought:
            self._think(part.text, part.thought_signature, deltas)
        elif part.text:
            self._text = self._thinking = None
            self._say(part.text, deltas)
            self._sign(part, deltas)
        else:
            self._pass_on(_raw_part(data, at), deltas)

    def _think(self, text: str, signature: str | None, deltas: list[Delta]) -> None:
        if signature is not None or self._thinking is None:
            self._thinking = self._next_block()
        if text:
            deltas.append(ThinkingDelta(self._thinking, text))
        if signature is not None:
            deltas.append(ThinkingSigned(self._thinking, signature))
            self._thinking = None

    def _call(self, call: FunctionCall, deltas: list[Delta]) -> None:
        self._calls += 1
        block = self._next_block()
        deltas.append(ToolUseStarted(block, call.id or f"call_{self._number}_{self._calls}", call.name))
        if args := bytes(call.args):
            deltas.append(ToolInputDelta(block, args.decode()))
        deltas.append(BlockEnded(block))

    def _sign(self, part: Part, deltas: list[Delta]) -> None:
        """Keep the signature of *part*, of which a block was just made, in a block behind it."""
        if part.thought_signature is not None:
            mark = msgspec.json.encode({"thoughtSignature": part.thought_signature})
            deltas.append(OpaqueReceived(self._next_block(), SIGNATURE, mark))

    def _pass_on(self, raw: bytes, deltas: list[Delta]) -> None:
        """A part that only Google understands: a tool that it ran itself, or a signature of nothing."""
        members = _any_part(raw)
        kind = next((name for name in members if name not in _ABOUT), "text")
        if kind != "text":
            deltas.append(OpaqueReceived(self._next_block(), _capital.sub("_", kind).lower(), raw))
        elif "thoughtSignature" in members:
            whole = raw if "text" in members else msgspec.json.encode({"text": "", **members})
            deltas.append(OpaqueReceived(self._next_block(), SIGNATURE, whole))

    def _next_block(self) -> int:
        """The index of a block that begins; text and thoughts don't go on behind it where they were."""
        self._text = self._thinking = None
        self._blocks += 1
        return self._blocks - 1


def _raw_part(data: bytes, at: int) -> bytes:
    """The part *at* its place in the first candidate of *data*, as it came."""
    candidate = next(candidate for candidate in _raw_chunk(data).candidates if candidate.index == 0)
    return bytes((candidate.content.parts or ())[at])


def stream_decoder(number: int) -> StreamDecoder:
    """A decoder for one streamed answer, that to the *number*-th request of its session.

    The stream is one of server-sent events, or, where it was asked for without them, a JSON array.
    """
    return StreamDecoder(PROVIDER, GoogleReader(number), EventsOrObjects(PROVIDER))


def whole_answer(number: int, body: bytes) -> list[Delta]:
    """The answer that *body* is, that to the *number*-th request of its session.

    Raises:
        ProviderError: it is a fault, or not what it should be, or not all of it.
    """
    try:
        chunk = _chunk(body)
    except (ValueError, RecursionError) as problem:
        raise undecodable_answer(PROVIDER, problem, body) from None
    deltas: list[Delta] = []
    reader = GoogleReader(number)
    reader.take(chunk, body, deltas)
    if not reader.ended:
        raise incomplete_answer(PROVIDER)
    return deltas
