"""Finding the item of an answer that an event, or a later form of the item, belongs to."""

from dataclasses import dataclass

from .events import CustomCall, FunctionCall, Item

_STREAMED = ("message", "reasoning", "function_call", "custom_tool_call")


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
    unplaced: bool = False  # its text came without the indexes of its parts
    has_input: bool = False  # all of it: what comes without its id belongs to another call
    matched: bool = False  # by an item of the last event


class Slots:
    """The items of one answer, in the order in which they began.

    Ids come first: some servers count the items of the last event otherwise, or give two items the same index.
    """

    def __init__(self) -> None:
        self.all: list[Slot] = []
        self._by_id: dict[str, Slot] = {}
        self._by_index: dict[int, Slot] = {}

    def of_piece(self, item_id: str | None, index: int | None, kind: str) -> Slot:
        """The item of the *kind* that a piece continues: by its id, by its index, or else the one begun last."""
        slot = self._found(item_id, index, kind)
        if slot is not None and slot.has_input and self._by_id.get(item_id or "") is not slot:
            slot = None
        return slot if slot and not slot.ended else self._begin(kind, index, item_id or "", "")

    def of_end(self, item_id: str | None, index: int | None, kind: str) -> Slot:
        """The item of the *kind* that the end of one of its parts belongs to. It may have ended itself."""
        return self._found(item_id, index, kind) or self._begin(kind, index, item_id or "", "")

    def started(self, item: Item | str, index: int | None, item_id: str) -> Slot:
        """The item that is added: a new one, unless its content has come before."""
        call_id, kind = _call_id(item), _kind(item)
        slot = self._by_ids(item_id, call_id)
        if slot is None or slot.ended or slot.kind != kind:
            slot = self._by_index.get(index) if index is not None else None
            if slot is None and self.all and None in (index, self.all[-1].index):
                slot = self.all[-1]
            if slot is not None and (slot.added or slot.ended or _conflict(slot, kind, "", call_id)):
                slot = None
        slot = slot or self._begin(kind, index, item_id, call_id)
        slot.added = True
        return self._named(slot, item_id, call_id)

    def done(self, item: Item | str, index: int | None, item_id: str) -> Slot:
        """The item that ends: a new one if it has not been added."""
        call_id, kind = _call_id(item), _kind(item)
        slot = self._by_ids(item_id, call_id)
        if slot is not None and (slot.kind != kind or _is_another(slot, index)):
            slot = None
        if slot is None and index is not None:
            slot = self._by_index.get(index)
            slot = slot if slot is not None and not _conflict(slot, kind, item_id, call_id) else None
        if slot is None:
            unplaced = (one for one in self.all if not one.ended and None in (index, one.index))
            slot = next((one for one in unplaced if not _conflict(one, kind, item_id, call_id)), None)
        return self._named(slot or self._begin(kind, index, item_id, call_id), item_id, call_id)

    def last(self, item: Item | str, position: int, item_id: str) -> Slot:
        """The item at *position* of the last event: by its ids, by its place, by its kind, or a new one.

        Each item of the last event is another one, even if two have the same ids.
        """
        call_id, kind = _call_id(item), _kind(item)
        of_kind = [one for one in self.all if one.kind == kind]
        named = [one for one in of_kind if (item_id and item_id == one.id) or (call_id and call_id == one.call_id)]
        if not named:
            known = self._by_ids(item_id, call_id)
            named = [known] if known in of_kind else []
        if not named and kind in _STREAMED:
            named = [one for one in of_kind if not (one.matched or (one.call_id and call_id))]
            named.sort(key=lambda one: one.index != position)
        slot = next((one for one in named if not one.matched), None)
        slot = slot or self._begin(kind, None, item_id, call_id)
        slot.matched = True
        return self._named(slot, item_id, call_id)

    def _found(self, item_id: str | None, index: int | None, kind: str) -> Slot | None:
        slot = self._by_id.get(item_id or "")
        if (slot is None or slot.kind != kind) and index is not None:
            slot = self._by_index.get(index)
        elif slot is None and self.all:
            slot = self.all[-1]
        return slot if slot is not None and slot.kind == kind else None

    def _by_ids(self, item_id: str, call_id: str) -> Slot | None:
        return self._by_id.get(item_id) or self._by_id.get(call_id)

    def _begin(self, kind: str, index: int | None, item_id: str, call_id: str) -> Slot:
        slot = Slot(len(self.all), kind, index)
        self.all.append(slot)
        if index is not None:
            self._by_index[index] = slot
        self._by_id.update(dict.fromkeys(filter(None, (item_id, call_id)), slot))
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


def _is_another(slot: Slot, index: int | None) -> bool:
    """True if what ends at *index* is not *slot*, whose ids it has: that one has ended elsewhere."""
    return slot.ended and index is not None and slot.index is not None and index != slot.index


def _conflict(slot: Slot, kind: str, item_id: str, call_id: str) -> bool:
    """True if *slot* is another item."""
    if slot.kind != kind or (slot.call_id and call_id and slot.call_id != call_id):
        return True
    return bool(slot.ended and slot.id and item_id and slot.id != item_id)
