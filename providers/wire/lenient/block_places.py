"""The places of the blocks of an answer, from servers whose own numbers of them can't be relied upon."""

import enum

NO_INDEX = -1
"""Of an event that does not say which block it belongs to."""


class BlockKind(enum.Enum):
    """What a block has received so far, which the rest of it has to match."""

    EMPTY = enum.auto()
    TEXT = enum.auto()
    THINKING = enum.auto()
    TOOL_USE = enum.auto()
    OPAQUE = enum.auto()


class BlockPlaces:
    """Gives each block of an answer an index of its own: the server's, unless another block has it.

    Some servers use one index for several blocks, one after the other, and some send none: a negative one. An event
    without an index belongs to the block begun last.

    *text* and *thinking* hold the server's indexes of the open blocks of that kind that keep it. Decoders test them for
    each piece.
    """

    def __init__(self) -> None:
        self.text: set[int] = set()
        self.thinking: set[int] = set()
        self._open: dict[int, int] = {}  # by the server's index, in the order in which they began
        self._kinds: dict[int, BlockKind] = {}

    @property
    def used(self) -> bool:
        """True if a block has begun."""
        return bool(self._kinds)

    def begin(self, index: int, kind: BlockKind = BlockKind.EMPTY) -> int:
        """Begin a block to which the server gives *index*; the one before it with that index must have ended."""
        own = index
        if index < 0 or index in self._kinds:
            own = max(self._kinds, default=-1) + 1
        self._open[index] = own
        self.set_kind(index, kind)
        return own

    def set_kind(self, index: int, kind: BlockKind) -> None:
        """Note that the open block *index* is of *kind*."""
        key = self._key(index)
        own = self._open[key]
        self._kinds[own] = kind
        if key == own and kind is BlockKind.TEXT:
            self.text.add(key)
        if key == own and kind is BlockKind.THINKING:
            self.thinking.add(key)

    def find(self, index: int) -> tuple[int, BlockKind] | None:
        """The open block that an event with *index* belongs to: its own index, and its kind."""
        own = self._open.get(index)
        if own is None and (own := self._open.get(self._key(index))) is None:
            return None
        return own, self._kinds[own]

    def continued(self, index: int, kind: BlockKind) -> int | None:
        """The own index of the open block that a piece of *kind* with *index* continues; ``None`` if it begins one."""
        place = self.find(index)
        if place is not None and place[1] is BlockKind.EMPTY:
            self.set_kind(index, kind)
        elif place is not None and place[1] is not kind:
            return None
        return place and place[0]

    def last_tool_use(self) -> int | None:
        """The own index of the open tool use that began last."""
        return next((own for own in reversed(self._open.values()) if self._kinds[own] is BlockKind.TOOL_USE), None)

    def has(self, index: int) -> bool:
        """True if a block is open that began with exactly *index*."""
        return index in self._open

    def end(self, index: int) -> int | None:
        """End the block that an event with *index* belongs to: its own index, or ``None`` without such a block."""
        key = self._key(index)
        self.text.discard(key)
        self.thinking.discard(key)
        return self._open.pop(key, None)

    def open(self) -> list[int]:
        """The server's indexes of the open blocks."""
        return list(self._open)

    def _key(self, index: int) -> int:
        if index in self._open or not self._open:
            return index
        if index < 0:
            return next(reversed(self._open))
        return next((key for key in self._open if key < 0), index)
