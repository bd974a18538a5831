"""Tool calls of Chat Completions, assembled from their pieces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...schema.deltas import Delta, OpaqueReceived, ToolInputDelta, ToolUseStarted
from ...transport.faults import malformed_answer
from ...wire.fallback_ids import fallback_call_id
from ...wire.json_decoding import MALFORMED
from ..custom_tools import INPUT_END, INPUT_START, MARK, CallMark, escape_input
from .events import CustomCall, FunctionCall, ToolCall
from .kept_parts import merge_extra

_NO_INPUT = "{}"
_json = msgspec.json.encode
_is_json = msgspec.json.Decoder().decode


@dataclass(slots=True)
class _OpenCall:
    """A tool call, and what has arrived of it. A *custom* one has free text as its input.

    *block* is ``None`` until the call starts, which its complete name does. *first* is the event that it began with;
    it *is_alone* if no other call came before it there.
    """

    number: int
    id: str | None
    custom: bool
    is_alone: bool
    first: bytes
    name: str = ""
    block: int | None = None
    pieces: list[str] = field(default_factory=list[str])
    extra: dict[str, Any] = field(default_factory=dict[str, Any])

    def is_complete(self) -> bool:
        """True if the input so far is complete JSON: nothing can follow but another call."""
        if self.custom or not self.pieces:
            return False
        try:
            _is_json("".join(self.pieces))
        except MALFORMED:
            return False
        return True

    def has_input(self, text: str) -> bool:
        """True if *text* is all the input so far, which is complete: some servers repeat it at the end."""
        return text == "".join(self.pieces) and self.is_complete()

    def is_repeated_by(self, piece: ToolCall) -> bool:
        """True if *piece* is this call once more, all of it."""
        is_same = bool(self.id) and (piece.id, _name(piece)) == (self.id, self.name)
        return is_same and not self.custom and self.has_input(_input(piece) or "")


class ToolCalls:
    """The tool calls of one answer of *provider*, to request *number* of its session.

    A call starts once its name is known to be complete: with its input, with another call, or with the answer's end.
    Names come in pieces from some servers, again with each piece from others, or after the input has begun.
    """

    def __init__(self, provider: str, number: int) -> None:
        self._provider = provider
        self._number = number
        self._calls: list[_OpenCall] = []
        self._latest: dict[int | None, _OpenCall] = {}  # by its index in the chunks, which some servers reuse

    def __bool__(self) -> bool:
        return bool(self._calls)

    def read(self, pieces: Sequence[ToolCall], whole: bool, data: bytes, blocks: int, deltas: list[Delta]) -> int:
        """Append the deltas of *pieces*, in the event *data*; of a *whole* answer, each piece is a call.

        The next block has the index *blocks*. Returns that of the block after those which have started.
        """
        for position, piece in enumerate(pieces):
            if not whole and self._continues_input(piece, deltas):
                continue
            if piece.function is None and piece.custom is None and (piece.name or piece.arguments):
                piece.function = FunctionCall(piece.name, piece.arguments)
            call = None if whole else self._continued(piece, position)
            if call is None:
                if not (piece.id or piece.function or piece.custom):
                    continue
                if not whole and any(call.is_repeated_by(piece) for call in self._calls):
                    continue
                self._drop_repetition()
                blocks = self._start_named(blocks, deltas)
                call = self._begin(piece, is_alone=not (whole or position), data=data)
            blocks = self._add(call, piece, blocks, deltas)
        return self._start_named(blocks, deltas) if whole else blocks

    def end(self, blocks: int, deltas: list[Delta]) -> int:
        """Start the calls that have not started, and end their inputs. Returns the index of the block after them.

        Raises:
            ProtocolError: one has no name.
        """
        self._drop_repetition()
        blocks = self._start_named(blocks, deltas)
        for call in self._calls:
            if call.block is None:
                raise malformed_answer(self._provider, "a tool call without a name", call.first)
            if call.custom:
                deltas.append(ToolInputDelta(call.block, INPUT_END))
        return blocks

    @property
    def last_custom(self) -> int | None:
        """The block of the last call whose input is free text."""
        return max((call.block for call in self._calls if call.custom and call.block is not None), default=None)

    def extras(self) -> list[dict[str, Any]]:
        """The ``extra_content`` of each call that has started, in the order of their blocks."""
        return [call.extra for call in sorted(self._calls, key=lambda call: call.block or 0)]

    def _continues_input(self, piece: ToolCall, deltas: list[Delta]) -> bool:
        """True if *piece* is only more input of a call that has started, as nearly every one: then it is read."""
        called = piece.function
        if called is None or called.name or not called.arguments or piece.id or piece.extra_content:
            return False
        call = self._latest.get(piece.index)
        if call is None or call.block is None:
            return False
        if called.arguments.startswith("{") and call.has_input(called.arguments):
            return True
        call.pieces.append(called.arguments)
        deltas.append(ToolInputDelta(call.block, called.arguments))
        return True

    def _continued(self, piece: ToolCall, position: int) -> _OpenCall | None:
        """The call that *piece* continues; ``None`` if it begins one.

        Some servers send no index, or 0 for every call. There a new id begins a call and, where the input of the last
        one is complete, so does a name.
        """
        last = self._calls[-1] if self._calls else None
        call = last if piece.index is None else self._latest.get(piece.index)
        name = _name(piece)
        if call is None and last and not (name or piece.id or last.is_complete()):
            return last  # the index of this server rises with each piece
        if call is None or not (name or piece.id):
            return call
        is_other = bool(piece.id and call.id and piece.id != call.id)
        if is_other and not name:
            call = next((one for one in self._calls if one.id == piece.id), call)
            if call.id == piece.id:
                return call
        if name and is_other:
            return None
        # Pieces of one call do not come side by side.
        is_unmarked = bool(name and call.name and piece.index is None and not piece.id)
        if is_unmarked and (position or (call.custom and call.pieces)):
            return None
        if (is_other or (name and call.name)) and call.is_complete():
            return None
        return call

    def _begin(self, piece: ToolCall, is_alone: bool, data: bytes) -> _OpenCall:
        call = _OpenCall(len(self._calls) + 1, piece.id, piece.custom is not None, is_alone, data)
        self._calls.append(call)
        if piece.index is not None:
            self._latest[piece.index] = call
        return call

    def _drop_repetition(self) -> None:
        """Drop the last call if it is only the name and the id of the one before it, which some servers repeat."""
        if len(self._calls) < 2:
            return
        before, last = self._calls[-2:]
        is_same = (last.name, last.id) == (before.name, before.id)
        if is_same and last.is_alone and last.block is None and not last.pieces:
            merge_extra(before.extra, last.extra)
            self._calls.pop()
            self._latest = {index: before if call is last else call for index, call in self._latest.items()}

    def _add(self, call: _OpenCall, piece: ToolCall, blocks: int, deltas: list[Delta]) -> int:
        if piece.extra_content:
            merge_extra(call.extra, piece.extra_content)
        if call.block is None:
            call.id = call.id or piece.id
            call.custom = call.custom or piece.custom is not None
            name = _name(piece)
            if name and name != call.name:
                # The next piece, or all of it so far.
                call.name = name if name.startswith(call.name) else call.name + name
        text = _input(piece)
        if text and not (text.startswith("{") and call.has_input(text)):
            if call.block is None and call.pieces == [_NO_INPUT] and text.startswith("{"):
                call.pieces.clear()  # an empty object announces the input that follows
            call.pieces.append(text)
            if call.block is not None:
                deltas.append(ToolInputDelta(call.block, text))
        if call.block is None and call.name and call.pieces and call.pieces != [_NO_INPUT]:
            return self._start(call, blocks, deltas)
        return blocks

    def _start_named(self, blocks: int, deltas: list[Delta]) -> int:
        """Start the calls that have a name and no input."""
        for call in self._calls:
            if call.block is None and call.name:
                blocks = self._start(call, blocks, deltas)
        return blocks

    def _start(self, call: _OpenCall, blocks: int, deltas: list[Delta]) -> int:
        if call.custom:
            deltas.append(OpaqueReceived(blocks, MARK, _json(CallMark(custom=True))))
            blocks += 1
        call.block = blocks
        call_id = call.id or fallback_call_id(self._number, call.number)
        deltas.append(ToolUseStarted(blocks, call_id, call.name))
        if call.custom:
            deltas.append(ToolInputDelta(blocks, INPUT_START))
        deltas.extend(ToolInputDelta(blocks, text) for text in call.pieces)
        return blocks + 1


def _name(call: ToolCall) -> str | None:
    called: FunctionCall | CustomCall | None = call.function or call.custom
    return called.name if called else None


def _input(call: ToolCall) -> str | None:
    if call.function and call.function.arguments:
        return call.function.arguments
    return escape_input(call.custom.input) if call.custom and call.custom.input else None
