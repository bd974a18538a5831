"""The events of an Anthropic stream: https://platform.claude.com/docs/en/build-with-claude/streaming.

Only the members that something is made of are named; all others are passed over.
"""

from typing import Any

import msgspec

from ..schema.content import Citation
from ..schema.usage import Usage, reported
from ..wire.numbers import WholeNumber


class OutputDetails(msgspec.Struct):
    """Of the output tokens, those of one kind."""

    thinking_tokens: WholeNumber | None = None


class Counts(msgspec.Struct):
    """Anthropic's token counts."""

    input_tokens: WholeNumber | None = None
    output_tokens: WholeNumber | None = None
    cache_read_input_tokens: WholeNumber | None = None
    cache_creation_input_tokens: WholeNumber | None = None
    output_tokens_details: OutputDetails | None = None

    def update(self, later: "Counts") -> None:
        """Take what *later* gives in place of what there is: its counts are totals, not additions."""
        for name in self.__struct_fields__:
            count = getattr(later, name)
            if count is not None:
                setattr(self, name, count)

    def usage(self) -> Usage:
        """In our sense: Anthropic's input leaves out what the cache took part in."""
        cached = (self.cache_read_input_tokens or 0) + (self.cache_creation_input_tokens or 0)
        details = self.output_tokens_details
        return Usage(
            input=reported(None if self.input_tokens is None else self.input_tokens + cached),
            output=reported(self.output_tokens),
            cache_read=reported(self.cache_read_input_tokens),
            cache_write=reported(self.cache_creation_input_tokens),
            reasoning=reported(details.thinking_tokens if details else None),
        )


class _Typed(msgspec.Struct, tag_field="type"):
    """Something told from its like by its ``type``."""


class Source(msgspec.Struct):
    """Where a piece of text comes from: https://platform.claude.com/docs/en/build-with-claude/citations."""

    cited_text: str = ""
    title: str | None = None
    document_title: str | None = None
    document_index: WholeNumber | None = None
    url: str | None = None
    source: str | None = None

    def citation(self) -> Citation:
        """In our words."""
        index = None if self.document_index is None else str(self.document_index)
        return Citation(
            cited_text=self.cited_text,
            title=self.title or self.document_title,
            url=self.url,
            source=self.source or index,
        )


class TextBlock(_Typed, tag="text"):
    """Visible text."""

    text: str = ""
    citations: list[Source] | None = None


class ThinkingBlock(_Typed, tag="thinking"):
    """Thinking and its signature; newer models show the signature only."""

    thinking: str = ""
    signature: str = ""


class RedactedBlock(_Typed, tag="redacted_thinking"):
    """Thinking that is not shown."""

    data: str


class ToolUseBlock(_Typed, tag="tool_use"):
    """A tool use; in a stream its input comes in pieces."""

    name: str
    id: str = ""
    input: dict[str, Any] = {}


class TextPiece(_Typed, tag="text_delta", gc=False):
    """More text."""

    text: str


class CitationPiece(_Typed, tag="citations_delta", gc=False):
    """A source of the text before it."""

    citation: Source


class InputPiece(_Typed, tag="input_json_delta", gc=False):
    """More of a tool's input."""

    partial_json: str


class ThinkingPiece(_Typed, tag="thinking_delta", gc=False):
    """More thinking."""

    thinking: str


class SignaturePiece(_Typed, tag="signature_delta", gc=False):
    """The signature of the thinking before it."""

    signature: str


class WholeMessage(msgspec.Struct):
    """An answer: whole, or as a stream begins it."""

    id: str
    model: str
    content: list[msgspec.Raw]
    usage: Counts = msgspec.field(default_factory=Counts)
    stop_reason: str | None = None


class MessageStart(_Typed, tag="message_start"):
    """The first event."""

    message: WholeMessage


class BlockStart(_Typed, tag="content_block_start"):
    """A block begins."""

    index: WholeNumber
    content_block: msgspec.Raw


class BlockDelta(_Typed, tag="content_block_delta", gc=False):
    """A block goes on."""

    index: WholeNumber
    delta: TextPiece | InputPiece | ThinkingPiece | SignaturePiece | CitationPiece


class BlockStop(_Typed, tag="content_block_stop"):
    """A block is complete."""

    index: WholeNumber


class Stop(msgspec.Struct):
    """Why the model stopped."""

    stop_reason: str | None = None


class MessageDelta(_Typed, tag="message_delta"):
    """What is known at the end only."""

    delta: Stop
    usage: Counts = msgspec.field(default_factory=Counts)


class MessageStop(_Typed, tag="message_stop"):
    """The last event."""


class Ping(_Typed, tag="ping"):
    """A sign of life."""


class Fault(_Typed, tag="error"):
    """The answer has gone wrong."""


class Loose(msgspec.Struct):
    """An event of a type that may be unknown, or with a delta of one."""

    type: str
    index: WholeNumber = -1
    delta: dict[str, Any] = {}


Event = BlockDelta | BlockStart | BlockStop | MessageStart | MessageDelta | MessageStop | Ping | Fault
Block = TextBlock | ThinkingBlock | RedactedBlock | ToolUseBlock
