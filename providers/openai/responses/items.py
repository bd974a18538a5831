"""The items of a Responses answer, and the blocks that they become."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ...schema.deltas import (
    BlockEnded,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
)
from ...transport.faults import malformed_answer
from ...wire.fallback_ids import fallback_call_id
from ...wire.json_decoding import MALFORMED, tags_of, unknown_type, validated_json
from ..custom_tools import INPUT_END, INPUT_START, MARK, CallMark, escape_input
from .events import (
    PHASE,
    CustomCall,
    FunctionCall,
    Item,
    MessageItem,
    OutputText,
    Part,
    ReasoningItem,
    Refusal,
    Sealed,
)

_PARAGRAPH = "\n\n"  # separates the parts of a summary, which are texts with headings of their own
_PHASE_PART = _MARK_PART = -1
_ITEMS, _PARTS = tags_of(Item), tags_of(Part)
_item: Callable[[bytes], Item] = msgspec.json.Decoder(Item).decode
_part: Callable[[bytes], Part] = msgspec.json.Decoder(Part).decode
_json = msgspec.json.encode

Place = tuple[int, int]
"""The indexes of an item and of a part in it."""


@dataclass(slots=True)
class _OpenCall:
    """A tool call that has started, and whether any of its input has come."""

    block: int
    has_input: bool = False


class Items:
    """The items of the answer that *provider* gave to request *number* of its session.

    Content that has come in pieces is final; the item that follows adds only what is missing. An item of an unknown
    type (of a tool that the provider ran) becomes an opaque block.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.refused = False
        self.last_text: Place | None = None
        self.last_text_block = 0
        self._provider = provider
        self._number = number
        self._blocks: dict[Place, int] = {}
        self._started: set[int] = set()
        self._ended: set[int] = set()
        self._last_thinking: Place | None = None
        self._calls: dict[int, _OpenCall] = {}

    @property
    def has_calls(self) -> bool:
        """True if the model calls tools."""
        return bool(self._calls)

    @property
    def any_ended(self) -> bool:
        """True if whole items have come."""
        return bool(self._ended)

    def add_text(self, place: Place, text: str, deltas: list[Delta]) -> None:
        """Add *text* to the part at *place*, a text or a refusal."""
        if text:
            self.last_text, self.last_text_block = place, self._start_block(place)
            deltas.append(TextDelta(self.last_text_block, text))

    def add_thinking(self, place: Place, text: str, deltas: list[Delta]) -> None:
        """Add *text* to the part at *place* of an item's thinking, all of whose parts are one block."""
        last, self._last_thinking = self._last_thinking, place
        if text:
            is_next_part = last is not None and last != place and last[0] == place[0]
            block = self._start_block((place[0], 0))
            deltas.append(ThinkingDelta(block, _PARAGRAPH + text if is_next_part else text))

    def add_input(self, index: int, json: str, data: bytes, deltas: list[Delta]) -> None:
        """Add *json* to the input of item *index*, a tool call."""
        call = self._calls.get(index)
        if call is None:
            raise malformed_answer(self._provider, "a tool input before its response.output_item.added", data)
        if json:
            call.has_input = True
            deltas.append(ToolInputDelta(call.block, json))

    def start_item(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        """Start item *index*."""
        match self._decode_item(raw):
            case FunctionCall() | CustomCall() as item:
                self._start_call(index, item, deltas)
            case MessageItem() as item:
                self._add_phase(index, item, deltas)
            case _:
                self._block((index, 0))  # takes its number now: concurrent items stay in order

    def end_item(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        """End item *index*, all of which is in *raw*."""
        if index in self._ended:
            raise malformed_answer(self._provider, "an item that has ended before", raw)
        self._ended.add(index)
        match self._decode_item(raw):
            case MessageItem() as item:
                self._add_phase(index, item, deltas)
                for number, part in enumerate(item.content):
                    self._end_part((index, number), bytes(part), deltas)
            case ReasoningItem() as item:
                self._end_reasoning(index, item, deltas)
            case FunctionCall() | CustomCall() as item:
                self._end_call(index, item, raw, deltas)
            case str(kind):
                json = validated_json(self._provider, raw)
                deltas.append(OpaqueReceived(self._start_block((index, 0)), kind, json))
        of_item = {block for place, block in self._blocks.items() if place[0] == index}
        deltas.extend(BlockEnded(block) for block in sorted(of_item & self._started))
        self.last_text = None

    def _block(self, place: Place) -> int:
        return self._blocks.setdefault(place, len(self._blocks))

    def _start_block(self, place: Place) -> int:
        block = self._block(place)
        self._started.add(block)
        return block

    def _started_block(self, place: Place) -> int | None:
        block = self._blocks.get(place)
        return block if block in self._started else None

    def _decode_item(self, raw: bytes) -> Item | str:
        """The item in *raw*, or only its type if it is an unknown one."""
        try:
            return _item(raw)
        except MALFORMED as problem:
            return unknown_type(self._provider, raw, _ITEMS, problem)

    def _add_phase(self, index: int, item: MessageItem, deltas: list[Delta]) -> None:
        place = index, _PHASE_PART
        if item.phase is not None and place not in self._blocks:
            deltas.append(OpaqueReceived(self._start_block(place), PHASE, _json({"phase": item.phase})))

    def _start_call(self, index: int, item: FunctionCall | CustomCall, deltas: list[Delta]) -> _OpenCall:
        call = self._calls.get(index)
        if call is None:
            mark = CallMark(custom=isinstance(item, CustomCall), namespace=item.namespace)
            if mark != CallMark():
                deltas.append(OpaqueReceived(self._start_block((index, _MARK_PART)), MARK, _json(mark)))
            call = self._calls[index] = _OpenCall(self._start_block((index, 0)))
            call_id = item.call_id or fallback_call_id(self._number, len(self._calls))
            deltas.append(ToolUseStarted(call.block, call_id, item.name))
            if isinstance(item, CustomCall):
                deltas.append(ToolInputDelta(call.block, INPUT_START))
        return call

    def _end_call(self, index: int, item: FunctionCall | CustomCall, raw: bytes, deltas: list[Delta]) -> None:
        call = self._start_call(index, item, deltas)
        if not call.has_input:
            json = item.arguments if isinstance(item, FunctionCall) else escape_input(item.input)
            self.add_input(index, json, raw, deltas)
        if isinstance(item, CustomCall):
            deltas.append(ToolInputDelta(call.block, INPUT_END))

    def _end_part(self, place: Place, raw: bytes, deltas: list[Delta]) -> None:
        try:
            part = _part(raw)
        except MALFORMED as problem:
            unknown_type(self._provider, raw, _PARTS, problem)  # or it is malformed; then this raises
            return
        text = part.refusal if isinstance(part, Refusal) else part.text
        self.refused |= isinstance(part, Refusal)
        if self._started_block(place) is None:
            self.add_text(place, text, deltas)
        block = self._started_block(place)
        if isinstance(part, OutputText) and block is not None:
            deltas.extend(Cited(block, annotation.citation()) for annotation in part.annotations or ())

    def _end_reasoning(self, index: int, item: ReasoningItem, deltas: list[Delta]) -> None:
        if self._started_block((index, 0)) is None:
            for number, part in enumerate(item.summary or item.content or ()):
                self.add_thinking((index, number), part.text, deltas)
        if item.encrypted_content:
            signature = _json(Sealed(item.id, item.encrypted_content)).decode()
            deltas.append(ThinkingSigned(self._start_block((index, 0)), signature))
