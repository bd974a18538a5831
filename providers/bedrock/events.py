"""The events of a Converse stream: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.

Only the members that are used are declared; all others, the padding ``p`` among them, are ignored.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, cast

import msgspec

from ..schema.content import Citation, Opaque
from ..schema.deltas import OpaqueReceived
from ..schema.usage import Usage, reported
from ..transport.faults import malformed_answer
from ..transport.streams.eventstream import headers
from ..wire.input_tokens import total_input
from ..wire.json_decoding import MALFORMED
from ..wire.lenient.block_places import NO_INDEX
from ..wire.lenient.coercion import ACCESSORY, Label
from ..wire.lenient.decoder import LenientDecoder, repaired_json
from ..wire.numbers import TokenNumber, WholeNumber
from .errors import PROVIDER


class Headers(NamedTuple):
    """The headers of a frame: *name* is that of the event, of the exception, or the code of the error."""

    kind: str
    name: str
    message: str


@lru_cache(maxsize=64)  # an answer has hardly more than six different ones
def read_headers(encoded: bytes) -> Headers:
    """Raises:
    ValueError: *encoded* is malformed.
    """
    values = headers(encoded)
    kind = str(values.get(":message-type", "event"))
    name = values.get({"exception": ":exception-type", "error": ":error-code"}.get(kind, ":event-type"), "")
    return Headers(kind, str(name), str(values.get(":error-message", "")))


class _Event(msgspec.Struct, rename="camel"):
    """A part of an answer, its members in camel case."""


class TokenCounts(_Event):
    """Bedrock's token counts."""

    input_tokens: TokenNumber | None = None
    output_tokens: TokenNumber | None = None
    cache_read_input_tokens: TokenNumber | None = None
    cache_write_input_tokens: TokenNumber | None = None

    def usage(self, thinking_tokens: int | None = None) -> Usage:
        """These counts as a ``Usage``: Bedrock's input excludes the tokens read from and written to the cache."""
        return Usage(
            input=total_input(self.input_tokens, self.cache_read_input_tokens, self.cache_write_input_tokens),
            output=reported(self.output_tokens),
            cache_read=reported(self.cache_read_input_tokens),
            cache_write=reported(self.cache_write_input_tokens),
            reasoning=reported(thinking_tokens),
        )


class _Text(_Event):
    """A piece of text."""

    text: str = ""


class _Location(_Event):
    """A location in a source: of its several kinds, the members that are used."""

    document_index: WholeNumber | None = None
    url: str | None = None


class _Source(_Event):
    """The source of a piece of text."""

    title: str | None = None
    source: str | None = None
    source_content: list[_Text] | None = None
    location: dict[str, _Location] | None = None


_any_object = msgspec.json.Decoder(dict[str, Any]).decode
_source = msgspec.json.Decoder(_Source).decode
_lenient_source = LenientDecoder[_Source](_Source)


def read_citation(raw: bytes) -> Citation:
    """The source *raw* of a piece of text as a ``Citation``.

    Raises:
        ValueError: it is malformed.
    """
    try:
        source = _source(raw)
    except MALFORMED as problem:
        source = _lenient_source.decode(PROVIDER, raw, problem)
    location = next(iter((source.location or {}).values()), _Location())
    index = None if location.document_index is None else str(location.document_index)
    return Citation(
        cited_text="".join(text.text for text in source.source_content or ()),
        title=source.title,
        url=location.url,
        source=source.source or index,
        original=Opaque(provider=PROVIDER, type="citation", json=repaired_json(PROVIDER, raw)),
    )


class InputPiece(_Event):
    """The next piece of a tool use's input."""

    input: str = ""


class _ReasoningText(_Event):
    text: str = ""
    signature: str | None = None


class ReasoningPiece(_Event):
    """The next piece of thinking: one of the three; some servers have them as in a whole answer."""

    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None
    reasoning_text: _ReasoningText | None = None


class _Bytes(_Event):
    bytes: str = ""


class ImagePiece(_Event):
    """The next piece of an image."""

    source: _Bytes | None = None


class Piece(_Event):
    """The next piece of a block: one of these."""

    text: str | None = None
    tool_use: InputPiece | None = None
    reasoning_content: ReasoningPiece | None = None
    citation: msgspec.Raw = msgspec.Raw()
    tool_result: list[msgspec.Raw] | None = None
    image: ImagePiece | None = None


class BlockDelta(_Event):
    """The next piece of a block. Text and thinking start with it."""

    delta: Piece = msgspec.field(default_factory=Piece)
    content_block_index: WholeNumber = NO_INDEX


def documented_delta(value: Any) -> Any:
    """*value*, a decoded ``BlockDelta``, with the input of a tool use as the text of JSON, if it is an object."""
    match value:
        case {"delta": {"toolUse": {"input": dict()}}}:
            text = msgspec.json.encode(value["delta"]["toolUse"]["input"]).decode()
            return cast("dict[str, Any]", value) | {"delta": {"toolUse": {"input": text}}}
        case _:
            return value


@dataclass(slots=True)
class OpaqueDraft:
    """A block that only Bedrock understands, until it is complete: member *member* of the union, started by *raw*."""

    member: str
    raw: bytes
    input: list[str] = field(default_factory=list[str])
    content: list[msgspec.Raw] = field(default_factory=list[msgspec.Raw])
    data: list[str] = field(default_factory=list[str])

    def add(self, piece: Piece) -> None:
        """Add *piece* of the block."""
        if piece.tool_use is not None and piece.tool_use.input:
            self.input.append(piece.tool_use.input)
        self.content += piece.tool_result or ()
        if piece.image is not None and piece.image.source is not None:
            self.data.append(piece.image.source.bytes)

    def complete(self, index: int) -> OpaqueReceived:
        """The block as it is sent back later."""
        block = _any_object(self.raw)
        kind = block.get("type") if self.member == "toolUse" else None
        match self.member:
            case "toolUse":
                block["input"] = {}
                # The token limit may cut an input short. Then none of it is kept.
                with suppress(*MALFORMED):
                    block["input"] = msgspec.json.decode("".join(self.input) or "{}")
            case "toolResult":
                block["content"] = self.content
            case _:
                block["source"] = {"bytes": join_base64(self.data)}
        return OpaqueReceived(index, str(kind or self.member), msgspec.json.encode({self.member: block}))


def join_base64(pieces: Sequence[str]) -> str:
    """The base64 of the bytes that *pieces*, each in base64, are together."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return b64encode(b"".join(map(b64decode, pieces))).decode()
    except Base64Error as problem:
        raise malformed_answer(PROVIDER, problem, "".join(pieces).encode()) from None


class ToolUseStart(_Event):
    """The start of a tool use."""

    name: str
    tool_use_id: Label = ""
    type: Label | None = None

    @property
    def server_type(self) -> str | None:
        """The type of a tool that the provider runs itself; ``None`` for a tool of the caller."""
        return self.type if self.type != "tool_use" else None


class BlockStart(_Event):
    """The start of a block, with one member or none."""

    start: dict[str, msgspec.Raw] = {}
    content_block_index: WholeNumber = NO_INDEX


class BlockStop(_Event):
    """The end of a block."""

    content_block_index: WholeNumber = NO_INDEX


class MessageStop(_Event):
    """The end of the message. The token counts follow in ``Metadata``.

    The additional fields are those that the request asked for, in the form of the model's maker.
    """

    stop_reason: Label | None = None
    additional_model_response_fields: Any = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None


class Metadata(_Event):
    """The last event of an answer; some have no token counts, and another follows."""

    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    trace: Any = None
    error: Any = None


class Reasoning(_Event):
    """The thinking of one block."""

    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class CitedText(_Event):
    """A text and its sources."""

    content: list[_Text] = []
    citations: list[msgspec.Raw] = []


class WholeToolUse(ToolUseStart, kw_only=True):
    """A tool use with its input."""

    input: msgspec.Raw = msgspec.Raw(b"{}")


class WholeBlock(_Event):
    """A block that is not streamed: one of these, or one that only Bedrock understands."""

    text: str | None = None
    tool_use: WholeToolUse | None = None
    reasoning_content: Reasoning | None = None
    citations_content: CitedText | None = None


class _Message(_Event):
    content: list[msgspec.Raw] = []


class _Output(_Event):
    message: _Message = msgspec.field(default_factory=_Message)


class WholeAnswer(_Event):
    """An answer that is not streamed."""

    output: _Output
    stop_reason: Label | None = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    trace: Any = None
    additional_model_response_fields: Any = None
    error: Any = None


def documented_answer(value: Any) -> Any:
    """*value*, a decoded ``WholeAnswer``, with a block in place of a content that is a text."""
    match value:
        case {"output": {"message": {"content": str(text)}}}:
            return cast("dict[str, Any]", value) | {"output": {"message": {"content": [{"text": text}]}}}
        case _:
            return value
