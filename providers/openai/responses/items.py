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
from ...wire.raw_json import validated_json
from .errors import PHASE, Sealed
from .events import (
    CustomCall,
    FunctionCall,
    Item,
    Loose,
    MessageItem,
    OutputText,
    Part,
    ReasoningItem,
    Refusal,
    types_of,
)

_PARAGRAPH = "\n\n"  # stands between two parts of a summary, which are texts with headings of their own
_PHASE_PART = -1
_ITEMS, _PARTS = types_of(Item), types_of(Part)
_item: Callable[[bytes], Item] = msgspec.json.Decoder(Item).decode
_part: Callable[[bytes], Part] = msgspec.json.Decoder(Part).decode
_loose = msgspec.json.Decoder(Loose).decode
_json = msgspec.json.encode

Place = tuple[int, int]
"""Item and part."""


@dataclass(slots=True)
class _Call:
    """A tool use under way, and whether something of its input has come."""

    block: int
    fed: bool = False


class Items:
    """The items of the answer that *provider* gave to the *number*-th request of its session.

    What comes in pieces counts; what only stands in the whole item is taken there. An item that is not ours to
    understand (a tool that the provider ran) is opaque.
    """

    def __init__(self, provider: str, number: int) -> None:
        self.refused = False
        self.last_text: Place | None = None
        self.last_text_block = 0
        self._provider = provider
        self._number = number
        self._blocks: dict[Place, int] = {}
        self._filled: set[int] = set()
        self._ended: set[int] = set()
        self._last_thought: Place | None = None
        self._calls: dict[int, _Call] = {}

    @property
    def called(self) -> bool:
        """Whether the model uses tools."""
        return bool(self._calls)

    @property
    def any_ended(self) -> bool:
        """Whether whole items have come."""
        return bool(self._ended)

    def say(self, place: Place, text: str, deltas: list[Delta]) -> None:
        """More visible text."""
        if text:
            self.last_text, self.last_text_block = place, self._fill(place)
            deltas.append(TextDelta(self.last_text_block, text))

    def think(self, place: Place, text: str, deltas: list[Delta]) -> None:
        """More of a part of an item's thinking; all its parts are one block."""
        last, self._last_thought = self._last_thought, place
        if text:
            parted = last is not None and last != place and last[0] == place[0]
            deltas.append(ThinkingDelta(self._fill((place[0], 0)), _PARAGRAPH + text if parted else text))

    def feed(self, index: int, json: str, data: bytes, deltas: list[Delta]) -> None:
        """More of the input of item *index*, a tool use."""
        call = self._calls.get(index)
        if call is None:
            raise malformed_answer(self._provider, "this came before its response.output_item.added", data)
        if json:
            call.fed = True
            deltas.append(ToolInputDelta(call.block, json))

    def begin(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        """Begin item *index*."""
        match self._item(raw):
            case FunctionCall() | CustomCall() as item:
                self._begin_call(index, item, deltas)
            case MessageItem() as item:
                self._begin_message(index, item, deltas)
            case _:
                self._block((index, 0))  # items that are made at the same time keep their order

    def end(self, index: int, raw: bytes, deltas: list[Delta]) -> None:
        """End item *index*, of which *raw* is all."""
        if index in self._ended:
            raise malformed_answer(self._provider, "this item has ended before", raw)
        self._ended.add(index)
        match self._item(raw):
            case MessageItem() as item:
                self._begin_message(index, item, deltas)
                for number, part in enumerate(item.content):
                    self._end_part((index, number), bytes(part), deltas)
            case ReasoningItem() as item:
                self._end_reasoning(index, item, deltas)
            case FunctionCall() | CustomCall() as item:
                self._end_call(index, item, raw, deltas)
            case None:
                kept = validated_json(self._provider, raw)
                deltas.append(OpaqueReceived(self._fill((index, 0)), _loose(raw).type or "", kept))
        of_item = {block for place, block in self._blocks.items() if place[0] == index}
        deltas.extend(BlockEnded(block) for block in sorted(of_item & self._filled))
        self.last_text = None

    def _block(self, place: Place) -> int:
        return self._blocks.setdefault(place, len(self._blocks))

    def _fill(self, place: Place) -> int:
        block = self._block(place)
        self._filled.add(block)
        return block

    def _filled_at(self, place: Place) -> int | None:
        block = self._blocks.get(place)
        return block if block in self._filled else None

    def _item(self, raw: bytes) -> Item | None:
        """The item that *raw* is; ``None`` where it is not ours to understand."""
        try:
            return _item(raw)
        except (ValueError, RecursionError) as problem:
            self._require_unknown(raw, _ITEMS, problem)
            return None

    def _require_unknown(self, raw: bytes, known: frozenset[object], problem: Exception) -> None:
        """What is of a *known* type must fit."""
        try:
            kind = _loose(raw).type
        except (ValueError, RecursionError):
            kind = None
        if kind is None or kind in known:
            raise malformed_answer(self._provider, problem, raw)

    def _begin_message(self, index: int, item: MessageItem, deltas: list[Delta]) -> None:
        place = index, _PHASE_PART
        if item.phase is not None and place not in self._blocks:
            deltas.append(OpaqueReceived(self._fill(place), PHASE, _json({"phase": item.phase})))

    def _begin_call(self, index: int, item: FunctionCall | CustomCall, deltas: list[Delta]) -> _Call:
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = _Call(self._fill((index, 0)))
            given = item.call_id or f"call_{self._number}_{len(self._calls)}"
            deltas.append(ToolUseStarted(call.block, given, item.name))
            if isinstance(item, CustomCall):
                deltas.append(ToolInputDelta(call.block, '{"input":"'))
        return call

    def _end_call(self, index: int, item: FunctionCall | CustomCall, raw: bytes, deltas: list[Delta]) -> None:
        call = self._begin_call(index, item, deltas)
        if not call.fed:
            self.feed(index, item.arguments if isinstance(item, FunctionCall) else escaped(item.input), raw, deltas)
        if isinstance(item, CustomCall):
            deltas.append(ToolInputDelta(call.block, '"}'))

    def _end_part(self, place: Place, raw: bytes, deltas: list[Delta]) -> None:
        try:
            part = _part(raw)
        except (ValueError, RecursionError) as problem:
            self._require_unknown(raw, _PARTS, problem)
            return
        text = part.refusal if isinstance(part, Refusal) else part.text
        self.refused |= isinstance(part, Refusal)
        if self._filled_at(place) is None:
            self.say(place, text, deltas)
        block = self._filled_at(place)
        if isinstance(part, OutputText) and block is not None:
            deltas.extend(Cited(block, named.citation()) for named in part.annotations or ())

    def _end_reasoning(self, index: int, item: ReasoningItem, deltas: list[Delta]) -> None:
        if self._filled_at((index, 0)) is None:
            for number, part in enumerate(item.summary or item.content or ()):
                self.think((index, number), part.text, deltas)
        if item.encrypted_content:
            sealed = _json(Sealed(item.id, item.encrypted_content)).decode()
            deltas.append(ThinkingSigned(self._fill((index, 0)), sealed))


def escaped(text: str) -> str:
    """*text* as it stands between the quotes of a JSON string."""
    return _json(text)[1:-1].decode()
