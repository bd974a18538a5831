"""Finding the item of an answer that an event, or a later form of the item, belongs to."""

from dataclasses import dataclass

from .events import CustomCall, FunctionCall, Item


@dataclass(slots=True)
class Slot:
    """An item that has begun, as *number* of the answer. Some servers leave out its ids, its *index*, or both."""

    number: int
    kind: str
    index: int | None
    id: str = ""
    call_id: str = ""
    added: bool = False
    ended: bool = False
    matched: bool = False  # by an item of the last event


class Slots:
    """The items of one answer, in the order in which they began.

    Ids come first: some servers count the items of the last event otherwise, or give two items the same index.
    """

    def __init__(self) -> None:
        self.all: list[Slot] = []
        self._by_id: dict[str, Slot] = {}
        self._by_index: dict[int, Slot] = {}

    def of_event(self, item_id: str | None, index: int | None, kind: str) -> Slot:
        """The item of an event: by its id, by its index, or else the one begun last."""
        slot = self._by_id.get(item_id or "")
        if slot is None and index is not None:
            slot = self._by_index.get(index)
            if slot is None:
                return self._begin(kind, index, item_id or "", "")
        if slot is None and self.all and self.all[-1].kind == kind and not self.all[-1].ended:
            slot = self.all[-1]
        return slot or self._begin(kind, index, item_id or "", "")

    def started(self, item: Item | str, index: int | None, item_id: str) -> Slot:
        """The item that is added: a new one, unless its content has come before."""
        call_id = _call_id(item)
        slot = self._by_ids(item_id, call_id)
        if slot is None and index is not None:
            before = self._by_index.get(index)
            slot = before if before is not None and not (before.added or before.ended) else None
        slot = slot or self._begin(_kind(item), index, item_id, call_id)
        slot.added = True
        return self._named(slot, item_id, call_id)

    def done(self, item: Item | str, index: int | None, item_id: str) -> Slot:
        """The item that ends: a new one if it has not been added."""
        call_id, kind = _call_id(item), _kind(item)
        slot = self._by_ids(item_id, call_id)
        if slot is None and index is not None:
            before = self._by_index.get(index)
            if before is not None and not _conflict(before, kind, item_id, call_id):
                slot = before
        elif slot is None:
            open_slots = (one for one in self.all if not one.ended and one.kind == kind)
            slot = next((one for one in open_slots if not _conflict(one, kind, item_id, call_id)), None)
        return self._named(slot or self._begin(kind, index, item_id, call_id), item_id, call_id)

    def last(self, item: Item | str, position: int, item_id: str) -> Slot:
        """The item at *position* of the last event: by its ids, by its place, by its kind, or a new one.

        Each item of the last event is another one, even if two have the same ids.
        """
        call_id, kind = _call_id(item), _kind(item)
        slot = self._by_ids(item_id, call_id)
        if slot is not None and slot.matched:
            slot = self._begin(kind, None, item_id, call_id)
        elif slot is None:
            rest = [one for one in self.all if not one.matched and one.kind == kind]
            same = [one for one in rest if not (one.call_id and call_id)]
            slot = next((one for one in same if one.index == position), None)
            if slot is None and kind in ("message", "reasoning", "function_call", "custom_tool_call"):
                slot = next(iter(same), None)
        slot = slot or self._begin(kind, None, item_id, call_id)
        slot.matched = True
        return self._named(slot, item_id, call_id)

    def _by_ids(self, item_id: str, call_id: str) -> Slot | None:
        return self._by_id.get(item_id) or self._by_id.get(call_id)

    def _begin(self, kind: str, index: int | None, item_id: str, call_id: str) -> Slot:
        slot = Slot(len(self.all), kind, index)
        self.all.append(slot)
        if index is not None:
            self._by_index[index] = slot
        return self._named(slot, item_id, call_id)

    def _named(self, slot: Slot, item_id: str, call_id: str) -> Slot:
        slot.id, slot.call_id = slot.id or item_id, slot.call_id or call_id
        for one in (item_id, call_id):
            if one:
                self._by_id.setdefault(one, slot)
        return slot


def _kind(item: Item | str) -> str:
    return item if isinstance(item, str) else str(item.__struct_config__.tag)


def _call_id(item: Item | str) -> str:
    return item.call_id if isinstance(item, FunctionCall | CustomCall) else ""


def _conflict(slot: Slot, kind: str, item_id: str, call_id: str) -> bool:
    """True if *slot* is another item."""
    if slot.kind != kind or (slot.call_id and call_id and slot.call_id != call_id):
        return True
    return bool(slot.ended and slot.id and item_id and slot.id != item_id)
