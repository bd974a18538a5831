"""Messages: the entries of a history, and views of one."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Self, cast, overload

import msgspec

from .checks.shown import short_repr
from .content import Block, Opaque, Text, Thinking, ToolResult, block_bytes

_MESSAGE_BYTES = 100


class Role(StrEnum):
    """The author of a message."""

    USER = "user"
    ASSISTANT = "assistant"


class StandsFor(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a summary replaces: a number of *messages*, of the turns *first_turn* to *last_turn*."""

    __repr__ = short_repr

    first_turn: int
    last_turn: int
    messages: int


class Origin(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What made an answer, and so, who can read what is signed or encrypted in it.

    *source* is a fingerprint of the model, the endpoint and the account. *prefix* is one of the whole request without
    its thinking, *previous* the prefix of the answer whose thinking was the last one in the request: for providers that
    bind the thinking to both. Elsewhere they are empty.
    """

    __repr__ = short_repr

    source: str
    prefix: str = ""
    previous: str = ""


UNREADABLE = Origin(source="")
"""The origin of an answer whose signed and encrypted parts are not sent any more: a provider has rejected them."""


class Message(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One message of a history, with the number of its turn. Tool results are in user messages.

    *turn* 0 is for messages of an initial history that is not numbered: the session numbers them.

    A summary has *stands_for*, what it replaces; its turn is the last one of those. An answer has its *origin*. What a
    provider's own compaction wrote has both.
    """

    __repr__ = short_repr

    role: Role
    content: tuple[Block, ...]
    turn: int = 0
    stands_for: StandsFor | None = None
    origin: Origin | None = None

    @classmethod
    def of_user(cls, *content: str | Block) -> Self:
        """A message of the user's, or with tool results, for an initial history. A string is a ``Text``."""
        return cls(role=Role.USER, content=_blocks(content))

    @classmethod
    def of_assistant(cls, *content: str | Block) -> Self:
        """An answer, for an initial history. A string is a ``Text``."""
        return cls(role=Role.ASSISTANT, content=_blocks(content))

    def readable_by(self, source: str) -> bool:
        """True if what is signed or encrypted in this message is *source*'s own, as far as that is known."""
        return self.origin is None or self.origin.source == source

    @property
    def is_native_summary(self) -> bool:
        """True for what a provider's own compaction wrote: opaque blocks that mean nothing to others."""
        return self.stands_for is not None and self.role is Role.ASSISTANT

    @property
    def starts_turn(self) -> bool:
        """True for the user's own messages."""
        return self.role is Role.USER and self.stands_for is None and ToolResult not in map(type, self.content)

    @property
    def size_bytes(self) -> int:
        """About how many bytes of memory it takes."""
        return sum(map(block_bytes, self.content), _MESSAGE_BYTES)

    @property
    def is_sealed(self) -> bool:
        """True if something in it is signed or encrypted, and may be sent to its maker."""
        return self.origin != UNREADABLE and any(
            isinstance(block, Opaque) or (isinstance(block, Thinking) and block.signature is not None)
            for block in self.content
        )


def _blocks(content: Iterable[str | Block]) -> tuple[Block, ...]:
    return tuple(Text(text=part) if isinstance(part, str) else part for part in content)


class HistoryView(Sequence[Message]):
    """The messages that *log* has now, a list to which messages are only ever appended.

    It takes the same time and memory whatever its length. Views are compared like tuples. *revision* distinguishes the
    lists that a history has had, one after the other.
    """

    __slots__ = ("_length", "_log", "revision")

    def __init__(self, log: list[Message], revision: int = 0) -> None:
        self._log = log
        self._length = len(log)
        self.revision = revision

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Message]:
        return islice(self._log, self._length)

    def __reversed__(self) -> Iterator[Message]:
        return map(self._log.__getitem__, range(self._length - 1, -1, -1))

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Message, ...]: ...

    def __getitem__(self, index: int | slice) -> Message | tuple[Message, ...]:
        length = self._length
        if isinstance(index, slice):
            start, stop, step = index.indices(length)
            return tuple(self._log[start:stop:step] if step > 0 else tuple(self)[index])
        place = index if index >= 0 else index + length
        if 0 <= place < length:
            return self._log[place]
        raise IndexError("a view of a history has no message with this index")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(cast(Sequence[object], other))

    __hash__ = None  # type: ignore[assignment]  # as long as a history

    def __repr__(self) -> str:
        return f"HistoryView({list(self)!r})"

    def is_whole(self, log: list[Message]) -> bool:
        """True if it is a view of all of *log*."""
        return self._log is log and self._length == len(log)

    def shared_length(self, other: "HistoryView") -> int | None:
        """How many messages it begins with that *other* begins with too, if both are views of the same list."""
        return min(self._length, other._length) if self._log is other._log else None


def unchanged_messages(before: Sequence[Message], after: Sequence[Message]) -> int:
    """How many messages *after* begins with that *before* begins with too, the same objects.

    The cost does not grow with the history while both are views of the same one.
    """
    if isinstance(before, HistoryView) and isinstance(after, HistoryView):
        shared = before.shared_length(after)
        if shared is not None:
            return shared
    same = 0
    for old, new in zip(before, after, strict=False):
        if old is not new:
            break
        same += 1
    return same
