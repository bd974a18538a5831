"""The blocks of an answer from an API that numbers them itself."""

from ..schema.content import Citation
from ..schema.deltas import (
    BlockEnded,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolUseStarted,
)

StartingDelta = TextDelta | ThinkingDelta | ThinkingSigned | ToolUseStarted | OpaqueReceived


class IndexedBlocks:
    """Keeps track of which blocks have content. A block that stays empty is never started, and never ended.

    *started* holds the indexes of the blocks with content. Decoders test it for each piece of text.
    """

    def __init__(self) -> None:
        self.started: set[int] = set()

    def add(self, delta: StartingDelta, deltas: list[Delta]) -> None:
        """Append *delta*, with which its block may start."""
        self.started.add(delta.index)
        deltas.append(delta)

    def cite(self, index: int, citation: Citation, deltas: list[Delta]) -> None:
        """Append *citation* of text block *index*: it may come before the text that it belongs to."""
        if index not in self.started:
            self.add(TextDelta(index, ""), deltas)
        deltas.append(Cited(index, citation))

    def end(self, index: int, deltas: list[Delta], rewritten: bool = False) -> None:
        """End block *index*, unless it is empty. *rewritten* is that of ``BlockEnded``."""
        if index in self.started:
            deltas.append(BlockEnded(index, rewritten))
