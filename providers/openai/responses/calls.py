"""Tool calls of a Responses answer, assembled from their pieces and from the later forms of their items."""

from dataclasses import dataclass, field

import msgspec

from ...schema.deltas import BlockEnded, Delta, OpaqueReceived, ToolInputDelta, ToolUseStarted
from ...transport.faults import malformed_answer
from ...wire.fallback_ids import fallback_call_id
from ...wire.json_decoding import MALFORMED
from ..custom_tools import INPUT_END, INPUT_START, MARK, CallMark, escape_input
from .events import CustomCall, FunctionCall

_json = msgspec.json.encode
_decode = msgspec.json.Decoder().decode


def _is_complete(text: str) -> bool:
    try:
        _decode(text)
    except MALFORMED:
        return False
    return True


@dataclass(slots=True)
class Call:
    """A tool call. It starts once its name is known, as block *block*, after *mark_block*.

    *first* is the event that it began with.
    """

    number: int
    block: int
    first: bytes
    custom: bool = False
    name: str = ""
    id: str = ""
    namespace: str | None = None
    mark_block: int | None = None
    started: bool = False
    ended: bool = False
    pieces: list[str] = field(default_factory=list[str])

    def describe(self, item: FunctionCall | CustomCall) -> None:
        """Take over what *item* knows and this call does not."""
        self.custom |= isinstance(item, CustomCall)
        self.name, self.id = self.name or item.name, self.id or item.call_id or item.id
        self.namespace = self.namespace or item.namespace

    def mark(self) -> CallMark:
        """The members that a ``ToolUse`` has no field for."""
        return CallMark(custom=self.custom, namespace=self.namespace)

    def start(self, request_number: int, deltas: list[Delta]) -> None:
        """Start the call, if its name is known."""
        if self.started or not self.name:
            return
        self.started = True
        if self.mark_block is not None:
            deltas.append(OpaqueReceived(self.mark_block, MARK, _json(self.mark())))
        deltas.append(ToolUseStarted(self.block, self.id or fallback_call_id(request_number, self.number), self.name))
        if self.custom:
            deltas.append(ToolInputDelta(self.block, INPUT_START))
        deltas.extend(ToolInputDelta(self.block, piece) for piece in self.pieces)

    def add(self, text: str, deltas: list[Delta]) -> None:
        """Add *text*, as it stands in the JSON of the input."""
        if text.startswith("{") and text == "".join(self.pieces) and _is_complete(text):
            return  # all of it once more
        if text and not self.ended:
            self.pieces.append(text)
            if self.started:
                deltas.append(ToolInputDelta(self.block, text))

    def complete(self, item: FunctionCall | CustomCall, deltas: list[Delta]) -> None:
        """Add what *item* has of the input beyond the pieces."""
        whole = item.arguments if isinstance(item, FunctionCall) else escape_input(item.input)
        self.complete_input(whole, deltas)

    def complete_input(self, whole: str, deltas: list[Delta]) -> None:
        """Add what *whole* has beyond the pieces."""
        before = "".join(self.pieces)
        if whole.startswith(before):
            self.add(whole[len(before) :], deltas)

    def end(self, provider: str, deltas: list[Delta]) -> None:
        """End the input.

        Raises:
            ProtocolError: the call has no name.
        """
        if self.ended:
            return
        if not self.started:
            raise malformed_answer(provider, "a tool call without a name", self.first)
        self.ended = True
        if self.custom:
            deltas.append(ToolInputDelta(self.block, INPUT_END))
        if self.mark_block is not None:
            deltas.append(BlockEnded(self.mark_block))
        deltas.append(BlockEnded(self.block, rewritten=self.custom))
