"""The events of a Converse stream: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html.

Only the members that something is made of are named; all others, the padding ``p`` among them, are passed over.
"""

import msgspec

from ..schema.content import Citation
from ..schema.usage import Usage, reported
from ..wire.numbers import WholeNumber


class _Event(msgspec.Struct, rename="camel"):
    """Something that the API says, its members in camel case."""


class Counts(_Event):
    """Bedrock's token counts."""

    input_tokens: WholeNumber | None = None
    output_tokens: WholeNumber | None = None
    cache_read_input_tokens: WholeNumber | None = None
    cache_write_input_tokens: WholeNumber | None = None

    def usage(self) -> Usage:
        """In our sense: Bedrock's input leaves out what the cache took part in."""
        cached = (self.cache_read_input_tokens or 0) + (self.cache_write_input_tokens or 0)
        return Usage(
            input=reported(None if self.input_tokens is None else self.input_tokens + cached),
            output=reported(self.output_tokens),
            cache_read=reported(self.cache_read_input_tokens),
            cache_write=reported(self.cache_write_input_tokens),
        )


class _Words(_Event):
    """A piece of text."""

    text: str = ""


class _Place(_Event):
    """Where in a source something stands, as far as it is of use."""

    document_index: WholeNumber | None = None
    url: str | None = None


class Source(_Event):
    """Where a piece of text comes from."""

    title: str | None = None
    source: str | None = None
    source_content: list[_Words] | None = None
    location: dict[str, _Place] | None = None

    def citation(self) -> Citation:
        """In our words."""
        place = next(iter((self.location or {}).values()), _Place())
        index = None if place.document_index is None else str(place.document_index)
        return Citation(
            cited_text="".join(words.text for words in self.source_content or ()),
            title=self.title,
            url=place.url,
            source=self.source or index,
        )


class InputPiece(_Event):
    """More of a tool's input."""

    input: str = ""


class ReasoningPiece(_Event):
    """More of what the model thought: one of the three."""

    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Bytes(_Event):
    bytes: str = ""


class ImagePiece(_Event):
    """More of a picture."""

    source: _Bytes | None = None


class Piece(_Event):
    """More of a block: one of these."""

    text: str | None = None
    tool_use: InputPiece | None = None
    reasoning_content: ReasoningPiece | None = None
    citation: Source | None = None
    tool_result: list[msgspec.Raw] | None = None
    image: ImagePiece | None = None


class BlockDelta(_Event):
    """More of a block. Text and thinking begin with it."""

    delta: Piece
    content_block_index: WholeNumber


class ToolUseHead(_Event):
    """The model begins to ask for a tool."""

    name: str
    tool_use_id: str = ""
    type: str | None = None

    @property
    def served(self) -> str | None:
        """The kind of a tool that the provider runs itself; ``None`` where it is the caller's to run."""
        return self.type if self.type != "tool_use" else None


class BlockStart(_Event):
    """A block begins, with one member or nothing."""

    start: dict[str, msgspec.Raw]
    content_block_index: WholeNumber


class BlockStop(_Event):
    """A block ends."""

    content_block_index: WholeNumber


class MessageStop(_Event):
    """The model has stopped."""

    stop_reason: str


class Metadata(_Event):
    """What comes last."""

    usage: Counts = msgspec.field(default_factory=Counts)


class _ReasoningText(_Event):
    text: str = ""
    signature: str | None = None


class Reasoning(_Event):
    """All that the model thought in one block."""

    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class Cited(_Event):
    """Text, and where it comes from."""

    content: list[_Words] = []
    citations: list[Source] = []


class WholeToolUse(ToolUseHead, kw_only=True):
    """A tool use with its input."""

    input: msgspec.Raw = msgspec.Raw(b"{}")


class WholeBlock(_Event):
    """A block that is not streamed: one of these, or what is not ours to understand."""

    text: str | None = None
    tool_use: WholeToolUse | None = None
    reasoning_content: Reasoning | None = None
    citations_content: Cited | None = None


class _Message(_Event):
    content: list[msgspec.Raw]


class _Output(_Event):
    message: _Message


class WholeAnswer(_Event):
    """An answer that is not streamed."""

    output: _Output
    stop_reason: str
    usage: Counts = msgspec.field(default_factory=Counts)
