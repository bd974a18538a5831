"""Assembling a block of a type unknown to this version."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...transport.faults import malformed_answer
from ...wire.json_decoding import MALFORMED, tags_of
from ...wire.lenient.decoder import parsed
from ..errors import PROVIDER
from ..events import Block, CitationPiece, InputPiece, Piece

_BLOCKS = tags_of(Block)

_any_block = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class OpaqueDraft:
    """A block of a type unknown to this version, until it is complete."""

    type: str
    raw: bytes
    pieces: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    input: list[str] = field(default_factory=list[str])

    def add(self, piece: Piece) -> None:
        """Add *piece*, of a known type."""
        match piece:
            case InputPiece(partial_json=json):
                self.input.append(json)
            case CitationPiece():
                pass
            case _:
                self.pieces.append({name: getattr(piece, name) for name in piece.__struct_fields__})

    def complete(self) -> bytes:
        """The block as it is sent back later: the very bytes, if no pieces followed its start."""
        if not self.pieces and not self.input:
            return self.raw
        block = _any_block(self.raw)
        # As in the known kinds of delta, strings are continued and any other value is replaced.
        for piece in self.pieces:
            for name, value in piece.items():
                before = block.get(name)
                block[name] = before + value if isinstance(before, str) and isinstance(value, str) else value
        # The token limit may cut an input short. The block then keeps the input that it started with.
        with suppress(*MALFORMED):
            block["input"] = msgspec.json.decode("".join(self.input))
        return msgspec.json.encode(block)


def unknown_type(raw: bytes, problem: Exception) -> str | None:
    """The type of the block *raw*, which failed to decode with *problem*; ``None`` if it is a known one, or missing.

    Raises:
        ProtocolError: *raw* is no JSON object.
    """
    try:
        value = parsed(raw)
    except MALFORMED:
        raise malformed_answer(PROVIDER, problem, raw) from None
    match value:
        case {"type": str(kind)} if kind not in _BLOCKS:
            return kind
        case _:
            return None
