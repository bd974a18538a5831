"""Answers of OpenAI's Responses API, decoded into deltas."""

from collections.abc import Callable

import msgspec

from ...schema.deltas import AnswerEnded, AnswerStarted, Delta, TextDelta, UsageReported
from ...schema.errors import ProtocolError, ProviderError
from ...schema.stop_reasons import StopReason
from ...transport.fault_bodies import SIGNS_OF_LIFE, reported_fault
from ...transport.faults import incomplete_answer, malformed_answer, unreadable_body
from ...transport.streams.decoder import AnswerDecoder
from ...wire.fallback_ids import fallback_answer_id
from ...wire.json_decoding import MALFORMED, tags_of
from ...wire.lenient.decoder import LenientDecoder
from ...wire.stop_reasons import inferred_stop_reason, stop_reason
from ..custom_tools import escape_input
from ..details import read_openai_fault, responses_filter_details
from .errors import faults
from .events import (
    AnyEvent,
    ArgumentsDone,
    ArgumentsPiece,
    Completed,
    Created,
    Error,
    Event,
    Failed,
    Incomplete,
    InputDone,
    InputPiece,
    ItemAdded,
    ItemDone,
    PartDone,
    ReasoningDone,
    ReasoningPiece,
    RefusalDone,
    RefusalPiece,
    Response,
    SummaryDone,
    SummaryPiece,
    TextDone,
    TextPiece,
)
from .forms import documented_form
from .items import Items
from .statuses import INCOMPLETE_REASONS, end_status, incomplete_reason

_STATUSES = ("completed", "failed", "in_progress", "cancelled", "queued", "incomplete")
_EVENTS = tags_of(Event)
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_any_event = msgspec.json.Decoder(AnyEvent).decode
_response = msgspec.json.Decoder(Response).decode
_lenient = LenientDecoder[Event](Event, documented_form)
_lenient_any = LenientDecoder[AnyEvent](AnyEvent)
_lenient_response = LenientDecoder[Response](Response, documented_form)


class ResponsesReader:
    """Reads one answer, event by event, to request *number* of its session.

    A refusal becomes visible text, and the reason for stopping.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.ended = self.settled = False
        self._provider = provider
        self._number = number
        self._started = False
        self._unknown: bytes | None = None  # an event that is none of this API
        self._items = Items(provider, number)
        self._last_text: tuple[str | None, int | None, int | None] | None = None  # where the last piece belongs
        self._last_block = 0
        self._last_pieces: list[str] = []  # of the text of that block

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = _event(data)
        except MALFORMED as problem:
            self._read_unknown(data, problem, deltas)
            return
        # Nearly every event is a piece of text.
        if type(event) is TextPiece and (event.item_id, event.output_index, event.content_index) == self._last_text:
            if event.delta:
                self._last_pieces.append(event.delta)
                deltas.append(TextDelta(self._last_block, event.delta))
        else:
            self._read_other(event, data, deltas)

    def finish(self, deltas: list[Delta]) -> None:
        if self._unknown and not self._started:
            raise unreadable_body(self._provider, self._unknown)
        raise incomplete_answer(self._provider)

    def _start_answer(self, response: Response, deltas: list[Delta]) -> None:
        """Start the answer with the id and the model of *response*, if it has not started."""
        if not self._started:
            self._started = True
            deltas.append(AnswerStarted(response.id or fallback_answer_id(self._number), response.model))

    def _end_answer(
        self, response: Response, event: Completed | Incomplete | Failed | None, deltas: list[Delta]
    ) -> None:
        """End the answer with the status of *response*, and with its items, unless they have come before.

        Raises:
            ProviderError: the status is that of a failure.
        """
        status = end_status(response, event)
        if self._started and status in ("completed", "incomplete"):
            self._items.end_last(response.output or [], deltas)
            if response.output_text and not self._items.slots.all:
                self._items.add_text((0, 0), response.output_text, deltas)
        if response.usage is not None and self._started:
            deltas.append(UsageReported(response.usage.usage()))
        self.ended = True
        match status:
            case "completed":
                # The API has no reasons for a complete answer.
                reason = inferred_stop_reason(StopReason.END_TURN, self._items.has_calls, self._items.refused)
                deltas.append(AnswerEnded(reason, response.status))
            case "incomplete":
                raw_reason = incomplete_reason(response) or response.status or status
                reason = stop_reason(INCOMPLETE_REASONS, raw_reason)
                filtered = reason is StopReason.CONTENT_FILTER
                details = responses_filter_details(response.content_filters) if filtered else None
                deltas.append(AnswerEnded(reason, raw_reason, details).with_rewritten(self._items.last_custom))
            case _:
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
            response = event.response if isinstance(event, Completed | Incomplete) else Response()
            self._start_answer(response, deltas)
        items = self._items
        self._last_text = None
        match event:
            case TextPiece() | RefusalPiece():
                slot = items.slots.of_piece(event.item_id, event.output_index, "message")
                slot.unplaced |= event.content_index is None
                items.refused |= isinstance(event, RefusalPiece)
                self._last_block = items.add_text((slot.number, event.content_index or 0), event.delta, deltas)
                if event.delta:
                    self._last_text = event.item_id, event.output_index, event.content_index
                    self._last_pieces = items.pieces[self._last_block]
            case TextDone() | RefusalDone():
                slot = items.slots.of_end(event.item_id, event.output_index, "message")
                items.refused |= isinstance(event, RefusalDone)
                text = event.text if isinstance(event, TextDone) else event.refusal
                items.complete_text((slot.number, event.content_index or 0), text, deltas)
            case PartDone():
                part = event.content_index or 0
                items.complete_part(event.item_id, event.output_index, part, bytes(event.part), deltas)
            case SummaryPiece() | ReasoningPiece() | SummaryDone() | ReasoningDone():
                self._read_thinking(event, deltas)
            case ArgumentsPiece() | InputPiece() | ArgumentsDone() | InputDone():
                self._read_input(event, data, deltas)
            case ItemAdded():
                items.start_item(event.output_index, bytes(event.item), deltas)
            case ItemDone():
                items.end_item(event.output_index, bytes(event.item), deltas)
            case Created():
                self._start_answer(event.response, deltas)
            case Failed() if not event.response.error and reported_fault(data) is not None:  # the error is beside it
                raise faults(self._provider).error(read_openai_fault(data))
            case Completed() | Incomplete() | Failed():
                self._end_answer(event.response, event, deltas)
            case Error():
                raise faults(self._provider).error(read_openai_fault(data))

    def _read_thinking(
        self, event: SummaryPiece | ReasoningPiece | SummaryDone | ReasoningDone, deltas: list[Delta]
    ) -> None:
        slots, is_piece = self._items.slots, isinstance(event, SummaryPiece | ReasoningPiece)
        find = slots.of_piece if is_piece else slots.of_end
        slot = find(event.item_id, event.output_index, "reasoning")
        part = event.summary_index if isinstance(event, SummaryPiece | SummaryDone) else event.content_index
        place = slot.number, part or 0
        if isinstance(event, SummaryPiece | ReasoningPiece):
            self._items.add_thinking(place, event.delta, deltas)
        else:
            self._items.complete_thinking(place, event.text, deltas)

    def _read_input(
        self, event: ArgumentsPiece | InputPiece | ArgumentsDone | InputDone, data: bytes, deltas: list[Delta]
    ) -> None:
        kind = "function_call" if isinstance(event, ArgumentsPiece | ArgumentsDone) else "custom_tool_call"
        slots, is_piece = self._items.slots, isinstance(event, ArgumentsPiece | InputPiece)
        find = slots.of_piece if is_piece else slots.of_end
        item_id = event.item_id or (event.call_id if isinstance(event, ArgumentsPiece | ArgumentsDone) else None)
        slot = find(item_id, event.output_index, kind)
        slot.has_input |= not is_piece
        call = self._items.call(slot, data)
        match event:
            case ArgumentsPiece():
                call.add(event.delta, deltas)
            case InputPiece():
                call.add(escape_input(event.delta), deltas)
            case ArgumentsDone():
                call.name = call.name or event.name or ""
                call.start(self._number, deltas)
                call.complete_input(event.arguments, deltas)
            case InputDone():
                call.complete_input(escape_input(event.input), deltas)

    def _read_unknown(self, data: bytes, problem: Exception, deltas: list[Delta]) -> None:
        """Read an event leniently, or a whole answer.

        Events of unknown types are ignored, and the ``[DONE]`` with which some servers end every stream.
        """
        if data.startswith(b"[DONE]") or data.strip() == b"null":
            return
        try:
            event = _any_event(data)
        except MALFORMED:
            event = _lenient_any.decode(self._provider, data, problem, streamed=True)
        if event.type in _EVENTS:
            self._read_other(self._decode_leniently(data, problem), data, deltas)
        elif event.object == "response" or bytes(event.output) or event.status in _STATUSES:
            response = self._decode_response(data)
            self._start_answer(response, deltas)
            self._end_answer(response, None, deltas)
        elif _may_report(event.type) and reported_fault(data) is not None:
            raise faults(self._provider).error(read_openai_fault(data))
        elif event.type is None and (not self._started or data.strip() == b"{}"):
            raise malformed_answer(self._provider, problem, data)
        elif _may_report(event.type) and event.type not in SIGNS_OF_LIFE:
            self._unknown = self._unknown or data

    def _decode_leniently(self, data: bytes, problem: Exception) -> Event:
        try:
            return _lenient.decode(self._provider, data, problem, streamed=True)
        except ProtocolError:
            if reported_fault(data) is None:
                raise
        raise faults(self._provider).error(read_openai_fault(data))

    def _decode_response(self, data: bytes) -> Response:
        try:
            return _response(data)
        except MALFORMED as problem:
            return _lenient_response.decode(self._provider, data, problem)


def _may_report(kind: str | None) -> bool:
    """True if an unknown event of the type *kind* may report a problem: those of the API only inform."""
    return kind is None or not kind.startswith("response.") or kind == "response.error"


def answer_decoder(provider: str, number: int) -> AnswerDecoder:
    """A decoder for one answer, to request *number* of its session."""
    return AnswerDecoder(provider, ResponsesReader(provider, number))
