"""The items of a Responses answer, and the blocks that they become."""

from collections.abc import Callable, Sequence

import msgspec

from ...schema.deltas import (
    BlockEnded,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
)
from ...schema.errors import ProtocolError
from ...transport.faults import malformed_answer
from ...wire.json_decoding import MALFORMED, tags_of, unknown_type
from ...wire.lenient.decoder import LenientDecoder, repaired_json
from ..custom_tools import CallMark
from .calls import Call
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
from .forms import documented_form
from .placement import Slot, Slots

_PARAGRAPH = "\n\n"  # separates the parts of a summary, which are texts with headings of their own
_PHASE_PART = _MARK_PART = -1
_ITEMS, _PARTS = tags_of(Item), tags_of(Part) | {"text"}
_item: Callable[[bytes], Item] = msgspec.json.Decoder(Item).decode
_part: Callable[[bytes], Part] = msgspec.json.Decoder(Part).decode
_lenient_item = LenientDecoder[Item](Item, documented_form)
_lenient_part = LenientDecoder[Part](Part, documented_form)
_json = msgspec.json.encode

Place = tuple[int, int]
"""The numbers of an item and of a part in it."""


class _Named(msgspec.Struct):
    id: object = None
    type: object = None


_named = msgspec.json.Decoder(_Named).decode


class Items:
    """The items of the answer that *provider* gave to request *number* of its session.

    Content that has come in pieces is final; the item that follows adds only what is missing. An item of an unknown
    type (of a tool that the provider ran) becomes an opaque block.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.refused = False
        self.slots = Slots()
        self.pieces: dict[int, list[str]] = {}
        """The pieces of text that have come of each block that has started."""
        self._provider = provider
        self._number = number
        self._blocks: dict[Place, int] = {}
        self._signed: set[int] = set()  # numbers of items
        self._last_thinking: Place | None = None
        self._thinking_parts: dict[Place, list[str]] = {}
        self._calls: dict[int, Call] = {}
        self._announced: dict[int, tuple[Item, bytes]] = {}  # items as they began, by their numbers

    @property
    def last_custom(self) -> int | None:
        """The block of the last call whose input is free text."""
        return max((call.block for call in self._calls.values() if call.custom), default=None)

    @property
    def has_calls(self) -> bool:
        """True if the model calls tools."""
        return bool(self._calls)

    def add_text(self, place: Place, text: str, deltas: list[Delta]) -> int:
        """Add *text* to the part at *place*, a text or a refusal. Returns the number of its block."""
        block = self._block(place)
        if text:
            pieces = self.pieces.get(block)
            if pieces is None:
                pieces = self.pieces[block] = []
            pieces.append(text)
            deltas.append(TextDelta(block, text))
        return block

    def complete_text(self, place: Place, text: str, deltas: list[Delta]) -> None:
        """Add what has not come in pieces of *text*, which is all of the part at *place*."""
        block = self._started_block(place)
        if rest := _rest(text, () if block is None else self.pieces[block]):
            self.add_text(place, rest, deltas)

    def complete_part(self, item_id: str | None, index: int | None, part: int, raw: bytes, deltas: list[Delta]) -> None:
        """Add what *raw*, all of a part of a message, has, unless it has come in pieces. Its citations follow.

        Parts of other items, such as thinking, have events of their own.
        """
        try:
            kind = _named(raw).type
        except MALFORMED:
            return
        if kind in _PARTS:
            slot = self.slots.of_end(item_id, index, "message")
            self.end_part((slot.number, part), raw, deltas, cited=False)

    def add_thinking(self, place: Place, text: str, deltas: list[Delta]) -> None:
        """Add *text* to the part at *place* of an item's thinking, all of whose parts are one block."""
        last, self._last_thinking = self._last_thinking, place
        if text:
            is_next_part = last is not None and last != place and last[0] == place[0]
            self._thinking_parts.setdefault(place, []).append(text)
            block = self._start_block((place[0], 0))
            deltas.append(ThinkingDelta(block, _PARAGRAPH + text if is_next_part else text))

    def complete_thinking(self, place: Place, text: str, deltas: list[Delta]) -> None:
        """Add what has not come in pieces of *text*, all of the part at *place* of an item's thinking."""
        if rest := _rest(text, self._thinking_parts.get(place, ())):
            self.add_thinking(place, rest, deltas)

    def call(self, slot: Slot, data: bytes) -> Call:
        """The call that is the item *slot*."""
        call = self._calls.get(slot.number)
        if call is None:
            block = self._start_block((slot.number, 0))
            custom = slot.kind == "custom_tool_call"
            call = self._calls[slot.number] = Call(len(self._calls) + 1, block, data, custom)
        return call

    def start_item(self, index: int | None, raw: bytes, deltas: list[Delta]) -> None:
        """Start an item, at *index*."""
        item = self._decode_item(raw)
        slot = self.slots.started(item, index, _id(raw))
        if not isinstance(item, str):
            self._announced[slot.number] = item, raw
        match item:
            case FunctionCall() | CustomCall():
                self._start_call(slot, item, raw, deltas)
            case MessageItem():
                self._add_phase(slot, item, deltas)
            case _:
                self._block((slot.number, 0))  # takes its number now: concurrent items stay in order

    def end_item(self, index: int | None, raw: bytes, deltas: list[Delta]) -> None:
        """End an item, at *index*, all of which is in *raw*."""
        item = self._decode_item(raw)
        slot = self.slots.done(item, index, _id(raw))
        if slot.ended and not _id(raw):  # without one, it may be another item
            raise malformed_answer(self._provider, "an item that has ended before", raw)
        self._end_once(slot, item, raw, deltas)

    def end_last(self, output: list[msgspec.Raw], deltas: list[Delta]) -> None:
        """Add what only the last event has, whose items are *output*, and end all calls."""
        for position, part in enumerate(output):
            raw = bytes(part)
            item = self._decode_item(raw)
            slot = self.slots.last(item, position, _id(raw))
            self._end_once(slot, item, raw, deltas)
        for number, (item, raw) in self._announced.items():  # what has come in no other event
            self._end_once(self.slots.all[number], item, raw, deltas)
        for call in self._calls.values():
            if not call.ended:
                call.start(self._number, deltas)
                if call.custom or not call.started:
                    call.end(self._provider, deltas)

    def end_part(self, place: Place, raw: bytes, deltas: list[Delta], cited: bool = True) -> None:
        """End the part at *place*, all of which is in *raw*; its citations count if *cited*."""
        try:
            part = _part(raw)
        except MALFORMED as problem:
            try:
                unknown_type(self._provider, raw, _PARTS, problem)
                return
            except ProtocolError:
                part = _lenient_part.decode(self._provider, raw, problem)
        self.refused |= isinstance(part, Refusal)
        self.complete_text(place, part.refusal if isinstance(part, Refusal) else part.text, deltas)
        block = self._started_block(place)
        if cited and isinstance(part, OutputText) and block is not None:
            deltas.extend(Cited(block, annotation.citation()) for annotation in part.annotations or ())

    def _end_once(self, slot: Slot, item: Item | str, raw: bytes, deltas: list[Delta]) -> None:
        """End the item *slot* with *item*, or add what that has if it has ended before."""
        if slot.ended:
            self._supplement(slot, item, raw, deltas)
        else:
            slot.ended = True
            self._end(slot, item, raw, deltas)

    def _end(self, slot: Slot, item: Item | str, raw: bytes, deltas: list[Delta]) -> None:
        match item:
            case MessageItem():
                self._add_phase(slot, item, deltas)
                for number, part in enumerate(item.content):
                    self.end_part((slot.number, 0 if slot.unplaced else number), bytes(part), deltas)
            case ReasoningItem():
                self._end_reasoning(slot, item, deltas)
            case FunctionCall() | CustomCall():
                call = self._start_call(slot, item, raw, deltas)
                call.complete(item, deltas)
                if call.started and call.pieces:
                    call.end(self._provider, deltas)
                return
            case str(kind):
                json = repaired_json(self._provider, raw)
                deltas.append(OpaqueReceived(self._start_block((slot.number, 0)), kind, json))
        of_item = {block for place, block in self._blocks.items() if place[0] == slot.number}
        deltas.extend(BlockEnded(block) for block in sorted(of_item & self.pieces.keys()))

    def _supplement(self, slot: Slot, item: Item | str, raw: bytes, deltas: list[Delta]) -> None:
        """Add what *item*, the last form of an item that has ended, has and the earlier one had not."""
        match item:
            case FunctionCall() | CustomCall():
                call = self._start_call(slot, item, raw, deltas)
                call.complete(item, deltas)
            case MessageItem():
                for number, part in enumerate(() if slot.unplaced else item.content):
                    if self._started_block((slot.number, number)) is None:
                        self.end_part((slot.number, number), bytes(part), deltas)
            case ReasoningItem() if item.encrypted_content and slot.number not in self._signed:
                self._sign((slot.number, -2), slot, item, deltas)
            case _:
                pass

    def _block(self, place: Place) -> int:
        return self._blocks.setdefault(place, len(self._blocks))

    def _start_block(self, place: Place) -> int:
        block = self._block(place)
        self.pieces.setdefault(block, [])
        return block

    def _started_block(self, place: Place) -> int | None:
        block = self._blocks.get(place)
        return block if block in self.pieces else None

    def _decode_item(self, raw: bytes) -> Item | str:
        """The item in *raw*, or only its type if it is an unknown one."""
        try:
            return _item(raw)
        except MALFORMED as problem:
            try:
                return unknown_type(self._provider, raw, _ITEMS, problem)
            except ProtocolError:
                return _lenient_item.decode(self._provider, raw, problem)

    def _add_phase(self, slot: Slot, item: MessageItem, deltas: list[Delta]) -> None:
        place = slot.number, _PHASE_PART
        if item.phase is not None and place not in self._blocks:
            deltas.append(OpaqueReceived(self._start_block(place), PHASE, _json({"phase": item.phase})))

    def _start_call(self, slot: Slot, item: FunctionCall | CustomCall, raw: bytes, deltas: list[Delta]) -> Call:
        known = self._calls.get(slot.number)
        marked = CallMark(custom=isinstance(item, CustomCall), namespace=item.namespace) != CallMark()
        mark_block = self._start_block((slot.number, _MARK_PART)) if known is None and marked else None
        call = self.call(slot, raw)
        if known is None:
            call.mark_block = mark_block
        call.describe(item)
        call.start(self._number, deltas)
        return call

    def _end_reasoning(self, slot: Slot, item: ReasoningItem, deltas: list[Delta]) -> None:
        is_new = self._started_block((slot.number, 0)) is None
        for number, part in enumerate(item.summary or item.content or ()):
            if is_new or (slot.number, number) in self._thinking_parts:  # or the pieces were numbered otherwise
                self.complete_thinking((slot.number, number), part.text, deltas)
        if item.encrypted_content:
            self._sign((slot.number, 0), slot, item, deltas)

    def _sign(self, place: Place, slot: Slot, item: ReasoningItem, deltas: list[Delta]) -> None:
        self._signed.add(slot.number)
        signature = _json(Sealed(item.id, item.encrypted_content or "")).decode()
        deltas.append(ThinkingSigned(self._start_block(place), signature))


def _rest(text: str, pieces: Sequence[str]) -> str:
    """What follows *pieces* in *text*; nothing if it does not begin with them."""
    before = "".join(pieces)
    return text[len(before) :] if text.startswith(before) else ""


def _id(raw: bytes) -> str:
    try:
        name = _named(raw).id
    except MALFORMED:
        return ""
    return str(name) if isinstance(name, str | int) else ""
