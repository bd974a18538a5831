"""The history: the messages of a conversation."""

from collections.abc import Container, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec

from ...providers.schema.content import Block, ToolUse
from ...providers.schema.messages import UNREADABLE, HistoryView, Message, Origin, RequestInfo, Role, next_message_id
from ..api.errors import InvalidRecord
from .changes.continuation import is_prompt, joined_content
from .changes.dropping import without_oldest
from .changes.kept_content import tool_use_ids, with_result_ids, without_blank_text, worth_keeping
from .changes.message_ids import with_ids
from .changes.rewinding import Rewound, end_of_originals, rewound, rewound_to, without_turn
from .changes.sums import count_turns, not_in, total_bytes

__all__ = ["History", "HistorySize", "without_blank_text", "worth_keeping"]

_MAX_SPENT_IDS = 1_000
_COMPARED = ("messages", "full", "dropped_messages", "now", "spent_ids")


class HistorySize(NamedTuple):
    """The bytes of all that a history holds, and of what is only in the full history of these."""

    held_bytes: int = 0
    removed_bytes: int = 0

    def plus_removed(self, size_bytes: int) -> "HistorySize":
        """The size with *size_bytes* more that no request holds."""
        return HistorySize(self.held_bytes + size_bytes, self.removed_bytes + size_bytes)


class History(msgspec.Struct, eq=False, gc=False):
    """The *messages* that requests hold, and the *full* history, which also has what compactions removed.

    The messages of the running turn are at the end of both. Other than by appending to them, neither list is changed:
    what removes messages makes new lists. So views of them stay as they are.
    """

    messages: list[Message] = []
    full: list[Message] = []
    size_bytes: int = 0
    """The size of *messages*."""
    full_bytes: int = 0
    """The size of *full*."""
    written_bytes: int = 0
    """The size of those *messages* that compactions wrote: they are not in *full*."""
    dropped_messages: int = 0
    """How many messages of *full* were dropped because it was too large."""
    revision: int = 0
    """How often messages were removed from either list, or replaced."""
    turn_count: int = 0
    """How many of *messages* are the user's own."""
    now: float = 0.0
    """The time of the last event, in Unix seconds: that of the messages that are appended."""
    spent_ids: tuple[str, ...] = ()
    """Ids of tool uses that are not in *full*, and whose results may still arrive; the last ones."""
    _view: HistoryView | None = None  # the last one: the memo of requests and the estimator share it
    _tool_use_ids: set[str] | None = None  # None if there are none: a set takes 200 bytes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)

    __hash__ = None  # type: ignore[assignment]  # it changes

    @classmethod
    def restored(cls, full: Sequence[Message], messages: Sequence[Message | int]) -> "History":
        """The history with *full*, whose *messages* are each a message or an index into it.

        Raises:
            InvalidRecord: an index is out of range.
        """
        if any(isinstance(message, int) and not 0 <= message < len(full) for message in messages):
            raise InvalidRecord(f"the snapshot refers to messages that its full history of {len(full)} does not have")
        current = [full[message] if isinstance(message, int) else message for message in messages]
        used = {block.id for message in full for block in message.content if isinstance(block, ToolUse)}
        sizes = [message.size_bytes for message in full]
        history = cls(current, list(full), _tool_use_ids=used or None)
        history.full_bytes, history.turn_count = sum(sizes), count_turns(current)
        history.written_bytes = total_bytes(message for message in messages if not isinstance(message, int))
        history.size_bytes = history.written_bytes + sum(sizes[at] for at in messages if isinstance(at, int))
        return history

    def indexed_messages(self) -> tuple[Message | int, ...]:
        """The *messages*, each as an index into *full* if it is one of those."""
        places = {id(message): place for place, message in enumerate(self.full)}
        return tuple(places.get(id(message), message) for message in self.messages)

    @property
    def view(self) -> HistoryView:
        """The *messages* now."""
        if self._view is None or not self._view.is_whole(self.messages):
            self._view = HistoryView(self.messages, self.revision)
        return self._view

    @property
    def full_view(self) -> HistoryView:
        """The *full* history now."""
        return HistoryView(self.full, self.revision)

    @property
    def size(self) -> HistorySize:
        """What it takes."""
        removed_bytes = self.full_bytes - (self.size_bytes - self.written_bytes)
        return HistorySize(self.full_bytes + self.written_bytes, removed_bytes)

    @property
    def taken_ids(self) -> AbstractSet[str]:
        """The ids that no other tool use gets."""
        return {*(self._tool_use_ids or ()), *self.spent_ids} if self.spent_ids else self._tool_use_ids or frozenset()

    def spend_ids(self, ids: Iterable[str]) -> None:
        """No other tool use gets one of *ids*."""
        self.spent_ids = tuple(dict.fromkeys((*self.spent_ids, *ids)))[-_MAX_SPENT_IDS:]

    @property
    def unanswered(self) -> bool:
        """True if it ends with something that a model has not answered."""
        return bool(self.messages) and self.messages[-1].role is Role.USER

    def append(self, message: Message) -> None:
        """Add *message* at the end. It gets the time of now, and an id."""
        self._append(message, at=self.now)

    def _append(self, message: Message, at: float, removed: bool = False, written: bool = False) -> None:
        if not message.id:
            message_id = next_message_id(self.full[-1] if self.full else None, message.turn)
            message = msgspec.structs.replace(message, id=message_id, at=at)
        size_bytes = message.size_bytes
        if not removed:
            self.messages.append(message)
            self.size_bytes += size_bytes
            self.turn_count += message.role is Role.USER and message.starts_turn
        if written:
            self.written_bytes += size_bytes
        else:
            self.full.append(message)
            self.full_bytes += size_bytes

    def extend(self, messages: Iterable[Message], removed: Container[int] = (), written: Container[int] = ()) -> None:
        """Add *messages*, which are valid after those that are there.

        They keep their times and ids; those without an id get one. By their indexes, those *removed* by a compaction
        are added to the full history only, and those *written* by one only to what requests hold.
        """
        for index, message in enumerate(messages):
            if used := tool_use_ids(message.content):
                self._tool_use_ids = self._tool_use_ids or set()
                self._tool_use_ids.update(used)
            self._append(message, message.at, index in removed, index in written)

    def add(self, messages: Iterable[Message]) -> None:
        """Add *messages*, which are valid after those that are there, but for ids of tool uses: these get others."""
        ids: dict[str, str] = {}  # of the last answer's tool uses, old and new
        for message in messages:
            if message.role is Role.ASSISTANT:
                kept = worth_keeping(message.content, self.taken_ids)
                ids = dict(zip(tool_use_ids(message.content), tool_use_ids(kept), strict=True))
                changed = msgspec.structs.replace(message, content=kept)
            else:
                changed = with_result_ids(message, ids)
            self.extend([changed])

    def append_answer(
        self,
        content: Iterable[Block],
        turn: int,
        origin: Origin | None = None,
        request: RequestInfo | None = None,
    ) -> tuple[Block, ...]:
        """Add an answer's *content*, if any of it is worth keeping, and return that. Its tool uses get unique ids."""
        kept = worth_keeping(content, self.taken_ids)
        if kept:
            if used := tool_use_ids(kept):
                self._tool_use_ids = self._tool_use_ids or set()
                self._tool_use_ids.update(used)
            self.append(Message(role=Role.ASSISTANT, content=kept, turn=turn, origin=origin, request=request))
        return kept

    def continue_answer(
        self,
        content: Iterable[Block],
        turn: int,
        origin: Origin | None = None,
        request: RequestInfo | None = None,
    ) -> tuple[Block, ...]:
        """Add *content* to the last answer, which it continues, and return what of it is worth keeping.

        The message that asked for it is removed. If a compaction has taken the answer away meanwhile, the rest is an
        answer to that message instead.
        """
        kept = worth_keeping(content, self.taken_ids)
        if not kept:
            self.drop_prompt()
            return ()
        asked = bool(self.messages) and is_prompt(self.messages[-1])
        first = self.messages[-1 - asked] if len(self.messages) > asked else None
        if first is None or first.role is not Role.ASSISTANT or first.is_native_summary:
            return self.append_answer(content, turn, origin, request)
        self.drop_prompt()
        # With the turn that goes on from it: its tool uses must not stay when this turn is discarded.
        if request and first.request:
            request = request.continuing(first.request)
        content = joined_content(first.content, kept)
        joined = msgspec.structs.replace(first, content=content, turn=turn, at=self.now, request=request)
        if used := tool_use_ids(kept):
            self._tool_use_ids = (self._tool_use_ids or set()) | set(used)
        self.revision += 1
        if self.full and self.full[-1] is first:
            self.full = [*self.full[:-1], joined]
        self.messages = [*self.messages[:-1], joined]
        self.full_bytes = total_bytes(self.full)
        self._count_messages()
        return kept

    def drop_prompt(self) -> None:
        """Remove the message that asked for the rest of an answer, if the history ends with it."""
        if not self.messages or not is_prompt(self.messages[-1]):
            return
        prompt = self.messages[-1]
        self.revision += 1
        self.messages = self.messages[:-1]
        if self.full and self.full[-1] is prompt:
            self.full = self.full[:-1]
            self.full_bytes -= prompt.size_bytes
        self.size_bytes -= prompt.size_bytes
        self.turn_count -= 1

    def discard_turn(self, turn: int) -> Rewound:
        """Remove the messages of *turn*, the last turn. A summary of earlier turns as well gives way to those."""
        before = self.messages
        after = without_turn(self.full, before, turn)
        self.revision += 1
        self.full, self.messages = after.full, after.messages
        self.full_bytes -= total_bytes(after.removed)
        if after.restored:
            self._count_messages()
        else:
            held = before[len(after.messages) :]
            self.size_bytes -= total_bytes(held)
            self.turn_count -= count_turns(held)
            self.written_bytes -= total_bytes(not_in(held, after.removed))
        if self._tool_use_ids:
            self._tool_use_ids.difference_update(*(tool_use_ids(message.content) for message in after.removed))
            self._tool_use_ids = self._tool_use_ids or None
        return after

    def rewind(self, turns: int, to: int | None = None) -> tuple[list[Message], bool]:
        """Remove the last *turns* messages of the user, and all that follows them; or what follows the turn *to*.

        Returns what has left the full history, and whether messages that a compaction had replaced are back.
        """
        full, messages = self.full, self.messages
        after = rewound(full, messages, turns) if to is None else rewound_to(full, messages, to)
        self.revision += 1
        self.full, self.messages = after.full, after.messages
        self.full_bytes -= total_bytes(after.removed)
        self._tool_use_ids = {use_id for message in self.full for use_id in tool_use_ids(message.content)} or None
        self._count_messages()
        return after.removed, after.restored

    def omit_sealed(self) -> bool:
        """Requests no longer hold what is signed or encrypted in the messages so far. True if they held any.

        The messages keep it for readers. What a provider's own compaction wrote is replaced by the original messages.
        """
        self.revision += 1
        restored = self.restore_originals()
        held = any(message.is_sealed for message in self.messages)
        sealed = (message for message in (*self.full, *self.messages) if message.is_sealed)
        unsealed = {id(message): msgspec.structs.replace(message, origin=UNREADABLE) for message in sealed}
        self.full = [unsealed.get(id(message), message) for message in self.full]
        self.messages = [unsealed.get(id(message), message) for message in self.messages]
        return restored or held

    def restore_originals(self) -> bool:
        """Replace what a provider's own compaction wrote by the messages that it stands for. False if there is none."""
        if not self.messages or not self.messages[0].is_native_summary:
            return False
        summary = self.messages[0]
        assert summary.stands_for is not None
        first, last = summary.stands_for.first_turn, summary.stands_for.last_turn
        end = end_of_originals(self.full, self.messages)
        start = next((index for index in range(end) if first <= self.full[index].turn <= last), end)
        self.revision += 1
        if self.dropped_messages:  # a request may not begin with the results of tools
            start = next((index for index in range(start, end) if self.full[index].starts_turn), end)
        self.messages = [*self.full[start:end], *self.messages[1:]]
        self._count_messages()
        return True

    def exchange(self, message: Message, other: Message) -> None:
        """Put *other*, whose tool uses are the same, in the place of *message*."""
        self.revision += 1
        change = other.size_bytes - message.size_bytes
        self.full_bytes += change
        if any(each is message for each in self.messages):
            self.size_bytes += change
        self.full = [other if each is message else each for each in self.full]
        self.messages = [other if each is message else each for each in self.messages]

    def replace_messages(self, messages: Sequence[Message], compaction: int = 0) -> None:
        """Requests hold *messages* from now on; the full history stays. New ones get ids of *compaction*, its number.

        A message that the compaction left as it was stays the same object, also if *messages* were decoded from a
        record: snapshots and the wire forms of messages are made by identity. Compactions remove messages only at the
        front.
        """
        kept = list(with_ids(messages, compaction, self.now))
        for back in range(1, min(len(kept), len(self.messages)) + 1):
            if kept[-back] == self.messages[-back]:
                kept[-back] = self.messages[-back]
        self.revision += 1
        self.messages = kept
        self._count_messages()

    def drop_removed(self, limit_bytes: int) -> None:
        """If it holds more than *limit_bytes*, drop the oldest messages that only the *full* history has.

        A tenth of the limit becomes free, so that this is not needed at once again. What requests hold in place of a
        dropped message, such as a shorter tool result, takes its place.
        """
        if self.full_bytes + self.written_bytes <= limit_bytes:  # nearly always: this runs for each event
            return
        held_bytes, removed_bytes = self.size
        if not removed_bytes:
            return
        self.revision += 1
        excess_bytes = held_bytes - (limit_bytes - limit_bytes // 10)
        kept, dropped = without_oldest(self.full, self.messages, excess_bytes)
        self.dropped_messages += dropped
        self.full, self.full_bytes = kept, total_bytes(kept)
        self._tool_use_ids = {use_id for message in kept for use_id in tool_use_ids(message.content)} or None
        self._count_messages()

    def clear(self) -> None:
        """Remove everything."""
        self.revision += 1
        self.messages, self.full, self._tool_use_ids = [], [], None
        self.size_bytes = self.full_bytes = self.written_bytes = self.dropped_messages = self.turn_count = 0

    def _count_messages(self) -> None:
        self.size_bytes = total_bytes(self.messages)
        self.turn_count = count_turns(self.messages)
        self.written_bytes = total_bytes(not_in(self.messages, self.full))
