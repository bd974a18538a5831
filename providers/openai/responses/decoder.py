"""Answers of OpenAI's Responses API, read into deltas."""

from collections.abc import Callable

import msgspec

from ...schema.deltas import AnswerEnded, AnswerStarted, Delta, TextDelta, UsageReported
from ...schema.errors import ProtocolError, ProviderError
from ...schema.stop_reasons import StopReason
from ...transport.decoder import StreamDecoder
from ...transport.faults import incomplete_answer, malformed_answer, read_fault, undecodable_answer
from .errors import REASONS, faults
from .events import (
    ArgumentsPiece,
    Completed,
    Created,
    Event,
    Failed,
    Fault,
    Incomplete,
    InputPiece,
    ItemAdded,
    ItemDone,
    Loose,
    ReasoningPiece,
    RefusalPiece,
    Response,
    SummaryPiece,
    TextPiece,
    types_of,
)
from .items import Items, escaped

_EVENTS = types_of(Event)
_event: Callable[[bytes], Event] = msgspec.json.Decoder(Event).decode
_response = msgspec.json.Decoder(Response).decode
_loose = msgspec.json.Decoder(Loose).decode


class ResponsesReader:
    """Reads one answer, event by event: the *number*-th of its session, from which ids are made where there are none.

    A refusal is visible text and the reason for stopping.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.ended = False
        self._provider = provider
        self._number = number
        self._begun = False
        self._items = Items(provider, number)

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        try:
            event = _event(data)
        except (ValueError, RecursionError) as problem:
            self._read_unknown(data, problem)
            return
        # Nearly every event is a piece of text.
        if type(event) is TextPiece and (event.output_index, event.content_index) == self._items.last_text:
            if event.delta:
                deltas.append(TextDelta(self._items.last_text_block, event.delta))
        else:
            self._read_other(event, data, deltas)

    def begin(self, response: Response, deltas: list[Delta]) -> None:
        """Begin the answer with what *response* says of it."""
        if not self._begun:
            self._begun = True
            deltas.append(AnswerStarted(response.id or f"answer-{self._number}", response.model))

    def finish(self, response: Response, deltas: list[Delta]) -> None:
        """End the answer as *response* says."""
        if not self._items.any_ended:
            for index, raw in enumerate(response.output or ()):
                self._items.end(index, bytes(raw), deltas)
        if response.usage is not None and self._begun:
            deltas.append(UsageReported(response.usage.usage()))
        self.ended = True
        match response.status:
            case "completed" | None:
                deltas.append(AnswerEnded(self._stop(), response.status))
            case "incomplete":
                why = (response.incomplete_details and response.incomplete_details.reason) or "incomplete"
                deltas.append(AnswerEnded(REASONS.get(why, StopReason.OTHER), why))
            case status:
                raise self._no_answer(status, response.error)

    def _stop(self) -> StopReason:
        if self._items.called:
            return StopReason.TOOL_USE
        return StopReason.REFUSAL if self._items.refused else StopReason.END_TURN

    def _no_answer(self, status: str, error: object) -> ProviderError:
        if status == "failed":
            return faults(self._provider).error(read_fault(msgspec.json.encode({"error": error})))
        if status == "cancelled":
            return incomplete_answer(self._provider)
        # An answer in the background, which nobody asked for: it may be made, and paid for, but it is not here.
        return ProtocolError(
            f"the answer is {status}: it is made in the background, and not waited for", self._provider
        )

    def _read_other(self, event: Event, data: bytes, deltas: list[Delta]) -> None:
        if not self._begun and not isinstance(event, Created | Failed | Fault):
            raise malformed_answer(self._provider, "this came before response.created", data)
        match event:
            case TextPiece() | RefusalPiece():
                self._items.refused |= isinstance(event, RefusalPiece)
                self._items.say((event.output_index, event.content_index), event.delta, deltas)
            case SummaryPiece():
                self._items.think((event.output_index, event.summary_index), event.delta, deltas)
            case ReasoningPiece():
                self._items.think((event.output_index, event.content_index), event.delta, deltas)
            case ArgumentsPiece():
                self._items.feed(event.output_index, event.delta, data, deltas)
            case InputPiece():
                self._items.feed(event.output_index, escaped(event.delta), data, deltas)
            case ItemAdded():
                self._items.begin(event.output_index, bytes(event.item), deltas)
            case ItemDone():
                self._items.end(event.output_index, bytes(event.item), deltas)
            case Created():
                self.begin(event.response, deltas)
            case Completed() | Incomplete() | Failed():
                self.finish(event.response, deltas)
            case Fault():
                raise faults(self._provider).error(read_fault(data))

    def _read_unknown(self, data: bytes, problem: Exception) -> None:
        """Pass over an event of an unknown type, and the word for an end that other APIs have."""
        if data.startswith(b"[DONE]"):
            return
        try:
            event = _loose(data)
        except (ValueError, RecursionError):
            raise malformed_answer(self._provider, problem, data) from None
        if event.type is None and event.error is not None:
            raise faults(self._provider).error(read_fault(data))
        if event.type is None or event.type in _EVENTS:
            raise malformed_answer(self._provider, problem, data)


def stream_decoder(provider: str, number: int) -> StreamDecoder:
    """A decoder for one streamed answer, that to the *number*-th request of its session."""
    return StreamDecoder(provider, ResponsesReader(provider, number))


def whole_answer(provider: str, number: int, body: bytes) -> list[Delta]:
    """The answer that *body* is, that to the *number*-th request of its session.

    Raises:
        ProviderError: it is a fault, or not what it should be, or not all of it.
    """
    try:
        response = _response(body)
    except (ValueError, RecursionError) as problem:
        raise undecodable_answer(provider, problem, body) from None
    if response.status is None and response.output is None:
        if response.error:
            raise faults(provider).error(read_fault(body))
        raise malformed_answer(provider, "no response", body)
    deltas: list[Delta] = []
    reader = ResponsesReader(provider, number)
    reader.begin(response, deltas)
    reader.finish(response, deltas)
    return deltas
