"""Answers of OpenAI's Responses API, decoded into deltas."""

from collections.abc import Callable

import msgspec

from ...schema.deltas import AnswerEnded, AnswerStarted, Delta, TextDelta, UsageReported
from ...schema.errors import ProtocolError, ProviderError
from ...schema.stop_reasons import StopReason
from ...transport.decoder import StreamDecoder
from ...transport.faults import incomplete_answer, malformed_answer
from ...wire.fallback_ids import fallback_answer_id
from ...wire.json_decoding import MALFORMED, decode_whole, tags_of
from ...wire.stop_reasons import inferred_stop_reason, stop_reason
from ..custom_tools import escape_input
from ..details import read_openai_fault, responses_filter_details
from .errors import faults
from .events import (
    INCOMPLETE_REASONS,
    AnyEvent,
    ArgumentsPiece,
    Completed,
    Created,
    Error,
    Event,
    Failed,
    Incomplete,
    InputPiece,
    ItemAdded,
    ItemDone,
    ReasoningPiece,
    RefusalPiece,
    Response,
    SummaryPiece,
    TextPiece,
)
from .items import Items

_EVENTS = tags_of(Event)
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_any_event = msgspec.json.Decoder(AnyEvent).decode
_response = msgspec.json.Decoder(Response).decode


class ResponsesReader:
    """Reads one answer, event by event, to request *number* of its session.

    A refusal becomes visible text, and the reason for stopping.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.ended = False
        self._provider = provider
        self._number = number
        self._started = False
        self._items = Items(provider, number)

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = _event(data)
        except MALFORMED as problem:
            self._read_unknown(data, problem)
            return
        # Nearly every event is a piece of text.
        if type(event) is TextPiece and (event.output_index, event.content_index) == self._items.last_text:
            if event.delta:
                deltas.append(TextDelta(self._items.last_text_block, event.delta))
        else:
            self._read_other(event, data, deltas)

    def start_answer(self, response: Response, deltas: list[Delta]) -> None:
        """Start the answer with the id and the model of *response*, if it has not started."""
        if not self._started:
            self._started = True
            deltas.append(AnswerStarted(response.id or fallback_answer_id(self._number), response.model))

    def end_answer(self, response: Response, deltas: list[Delta]) -> None:
        """End the answer with the status of *response*, and with its items, unless they have come before.

        Raises:
            ProviderError: the status is that of a failure.
        """
        if not self._items.any_ended:
            for index, raw in enumerate(response.output or ()):
                self._items.end_item(index, bytes(raw), deltas)
        if response.usage is not None and self._started:
            deltas.append(UsageReported(response.usage.usage()))
        self.ended = True
        match response.status:
            case "completed" | None:
                # The API has no reasons for a complete answer.
                reason = inferred_stop_reason(StopReason.END_TURN, self._items.has_calls, self._items.refused)
                deltas.append(AnswerEnded(reason, response.status))
            case "incomplete":
                raw_reason = (response.incomplete_details and response.incomplete_details.reason) or "incomplete"
                reason = stop_reason(INCOMPLETE_REASONS, raw_reason)
                filtered = reason is StopReason.CONTENT_FILTER
                details = responses_filter_details(response.content_filters) if filtered else None
                deltas.append(AnswerEnded(reason, raw_reason, details))
            case status:
                raise self._failure(status, response.error)

    def _failure(self, status: str, error: object) -> ProviderError:
        if status == "failed":
            return faults(self._provider).error(read_openai_fault(msgspec.json.encode({"error": error})))
        if status == "cancelled":
            return incomplete_answer(self._provider)
        # A background response, which our requests never ask for: it may be completed and billed, but later.
        problem = f"the answer is {status}: the server runs it in the background, which is not supported"
        return ProtocolError(problem, self._provider)

    def _read_other(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        if not self._started and not isinstance(event, Created | Failed | Error):
            raise malformed_answer(self._provider, "an event before response.created", data)
        items = self._items
        match event:
            case TextPiece() | RefusalPiece():
                items.refused |= isinstance(event, RefusalPiece)
                items.add_text((event.output_index, event.content_index), event.delta, deltas)
            case SummaryPiece():
                items.add_thinking((event.output_index, event.summary_index), event.delta, deltas)
            case ReasoningPiece():
                items.add_thinking((event.output_index, event.content_index), event.delta, deltas)
            case ArgumentsPiece():
                items.add_input(event.output_index, event.delta, data, deltas)
            case InputPiece():
                items.add_input(event.output_index, escape_input(event.delta), data, deltas)
            case ItemAdded():
                items.start_item(event.output_index, bytes(event.item), deltas)
            case ItemDone():
                items.end_item(event.output_index, bytes(event.item), deltas)
            case Created():
                self.start_answer(event.response, deltas)
            case Completed() | Incomplete() | Failed():
                self.end_answer(event.response, deltas)
            case Error():
                raise faults(self._provider).error(read_openai_fault(data))

    def _read_unknown(self, data: bytes, problem: Exception) -> None:
        """Ignore an event of an unknown type, and the ``[DONE]`` with which some servers end every stream."""
        if data.startswith(b"[DONE]"):
            return
        try:
            event = _any_event(data)
        except MALFORMED:
            raise malformed_answer(self._provider, problem, data) from None
        if event.type is None and event.error is not None:
            raise faults(self._provider).error(read_openai_fault(data))
        if event.type is None or event.type in _EVENTS:
            raise malformed_answer(self._provider, problem, data)


def stream_decoder(provider: str, number: int) -> StreamDecoder:
    """A decoder for one streamed answer, to request *number* of its session."""
    return StreamDecoder(provider, ResponsesReader(provider, number))


def decode_answer(provider: str, number: int, body: bytes) -> list[Delta]:
    """Decode an answer that is not streamed, to request *number* of its session.

    Raises:
        ProviderError: *body* is an error, is malformed, or is cut short.
    """
    response = decode_whole(_response, provider, body)
    if response.status is None and response.output is None:
        raise (
            faults(provider).error(read_openai_fault(body))
            if response.error
            else malformed_answer(provider, "no response", body)
        )
    deltas: list[Delta] = []
    reader = ResponsesReader(provider, number)
    reader.start_answer(response, deltas)
    reader.end_answer(response, deltas)
    return deltas
