"""Messages: the entries of a history, and views of one."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Self, cast, overload

import msgspec

from .checks.shown import short_repr
from .content import Block, Opaque, Text, Thinking, ToolResult, block_bytes
from .stop_reasons import StopReason
from .usage import NOTHING_KNOWN, Usage

_MESSAGE_BYTES = 180
_REQUEST_BYTES = 450
_METADATA_BYTES = 100  # of an entry besides its texts


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


class RequestInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What is known of a request that has ended, and of its answer.

    *model* is what the provider calls it in its answer, or what it was asked for. *response_id* is the provider's id of
    the answer. An answer that is not complete has no *stop_reason*, one that ended with an error the *error*'s code.
    *duration_s* is from sending the request to the end of its answer, *first_text_s* to the first text in it. An answer
    that was continued has the sums of its requests, and the rest from the last one.
    """

    __repr__ = short_repr

    provider: str
    model: str
    response_id: str = ""
    usage: Usage = NOTHING_KNOWN
    stop_reason: StopReason | None = None
    error: str = ""
    duration_s: float | None = None
    first_text_s: float | None = None

    def continuing(self, first: Self) -> Self:
        """What is known of an answer of which *first* is the first part, and this the rest."""
        spent_s = (first.duration_s, self.duration_s)
        return msgspec.structs.replace(
            self,
            usage=first.usage + self.usage,
            duration_s=None if None in spent_s else sum(filter(None, spent_s)),
            first_text_s=first.first_text_s,
        )


class Message(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One message of a history, with the number of its turn. Tool results are in user messages.

    *turn* 0 is for messages of an initial history that is not numbered: the session numbers them.

    *id* is unique in its session, and stays the same when the history is compacted, exported and imported. *at* is when
    the session got the message, in Unix seconds, 0 if that is not known; *request* is what an answer was made by.
    *metadata* is the program's own; no provider gets it.

    A summary has *stands_for*, what it replaces; its turn is the last one of those. An answer has its *origin*. What a
    provider's own compaction wrote has both.
    """

    __repr__ = short_repr

    role: Role
    content: tuple[Block, ...]
    turn: int = 0
    stands_for: StandsFor | None = None
    origin: Origin | None = None
    id: str = ""
    at: float = 0.0
    request: RequestInfo | None = None
    metadata: dict[str, str] | None = None

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
        own_bytes = _MESSAGE_BYTES if self.request is None else _MESSAGE_BYTES + _REQUEST_BYTES
        if self.metadata:
            own_bytes += sum(len(name) + len(value) + _METADATA_BYTES for name, value in self.metadata.items())
        return sum(map(block_bytes, self.content), own_bytes)

    @property
    def is_sealed(self) -> bool:
        """True if something in it is signed or encrypted, and may be sent to its maker."""
        return self.origin != UNREADABLE and any(
            isinstance(block, Opaque) or (isinstance(block, Thinking) and block.signature is not None)
            for block in self.content
        )


def next_message_id(previous: Message | None, turn: int) -> str:
    """The id of the next message of *turn*, after *previous*: the turn's number, and that of the message in it."""
    number = 1
    if previous is not None and previous.turn == turn:
        of_turn, _, last = previous.id.partition(".")
        if of_turn == str(turn) and last.isdecimal():
            number = int(last) + 1
    return f"{turn}.{number}"


def _blocks(content: Iterable[str | Block]) -> tuple[Block, ...]:
    return tuple(Text(text=part) if isinstance(part, str) else part for part in content)


class HistoryView(Sequence[Message]):
    """The messages that *log* has now, or the first *length*: a list to which messages are only ever appended.

    It takes the same time and memory whatever its length. Views are compared like tuples. *revision* distinguishes the
    lists that a history has had, one after the other.
    """

    __slots__ = ("_length", "_log", "revision")

    def __init__(self, log: list[Message], revision: int = 0, length: int | None = None) -> None:
        self._log = log
        self._length = len(log) if length is None else length
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
