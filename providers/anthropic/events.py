"""The events of an Anthropic stream: https://platform.claude.com/docs/en/build-with-claude/streaming.

Only the members that are used are declared; all others are ignored.
"""

from typing import Any

import msgspec

from ..schema.content import Citation
from ..schema.stop_reasons import StopReason
from ..schema.usage import Usage, reported
from ..wire.input_tokens import total_input
from ..wire.numbers import WholeNumber


class OutputDetails(msgspec.Struct):
    """Of the output tokens, those of one kind."""

    thinking_tokens: WholeNumber | None = None


class TokenCounts(msgspec.Struct):
    """Anthropic's token counts: totals so far, in every event that has them."""

    input_tokens: WholeNumber | None = None
    output_tokens: WholeNumber | None = None
    cache_read_input_tokens: WholeNumber | None = None
    cache_creation_input_tokens: WholeNumber | None = None
    output_tokens_details: OutputDetails | None = None

    def update(self, later: "TokenCounts") -> None:
        """Replace the counts that *later* has."""
        for name in self.__struct_fields__:
            count = getattr(later, name)
            if count is not None:
                setattr(self, name, count)

    def usage(self) -> Usage:
        """These counts as a ``Usage``: Anthropic's input excludes the tokens read from and written to the cache."""
        details = self.output_tokens_details
        return Usage(
            input=total_input(self.input_tokens, self.cache_read_input_tokens, self.cache_creation_input_tokens),
            output=reported(self.output_tokens),
            cache_read=reported(self.cache_read_input_tokens),
            cache_write=reported(self.cache_creation_input_tokens),
            reasoning=reported(details.thinking_tokens if details else None),
        )


class _Typed(msgspec.Struct, tag_field="type"):
    """A member of a union, tagged by its ``type``."""


class Source(msgspec.Struct):
    """The source of a piece of text: https://platform.claude.com/docs/en/build-with-claude/citations."""

    cited_text: str = ""
    title: str | None = None
    document_title: str | None = None
    document_index: WholeNumber | None = None
    url: str | None = None
    source: str | None = None

    def citation(self) -> Citation:
        """This source as a ``Citation``."""
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
    """Thinking and its signature; of newer models only the signature."""

    thinking: str = ""
    signature: str = ""


class RedactedBlock(_Typed, tag="redacted_thinking"):
    """Thinking that the provider has encrypted."""

    data: str


class ToolUseBlock(_Typed, tag="tool_use"):
    """A tool use; in a stream its input follows in pieces."""

    name: str
    id: str = ""
    input: dict[str, Any] = {}


class TextPiece(_Typed, tag="text_delta", gc=False):
    """The next piece of a text."""

    text: str


class CitationPiece(_Typed, tag="citations_delta", gc=False):
    """A source of the text before it."""

    citation: Source


class InputPiece(_Typed, tag="input_json_delta", gc=False):
    """The next piece of a tool use's input."""

    partial_json: str


class ThinkingPiece(_Typed, tag="thinking_delta", gc=False):
    """The next piece of thinking."""

    thinking: str


class SignaturePiece(_Typed, tag="signature_delta", gc=False):
    """The signature of the thinking before it."""

    signature: str


class WholeMessage(msgspec.Struct):
    """An answer: all of it, or the beginning that a stream sends first."""

    id: str
    model: str
    content: list[msgspec.Raw]
    usage: TokenCounts = msgspec.field(default_factory=TokenCounts)
    stop_reason: str | None = None


class MessageStart(_Typed, tag="message_start"):
    """The first event of an answer."""

    message: WholeMessage


class BlockStart(_Typed, tag="content_block_start"):
    """The start of a block."""

    index: WholeNumber
    content_block: msgspec.Raw


class BlockDelta(_Typed, tag="content_block_delta", gc=False):
    """The next piece of a block."""

    index: WholeNumber
    delta: TextPiece | InputPiece | ThinkingPiece | SignaturePiece | CitationPiece


class BlockStop(_Typed, tag="content_block_stop"):
    """The end of a block."""

    index: WholeNumber


class Stop(msgspec.Struct):
    """Why the model stopped."""

    stop_reason: str | None = None


class MessageDelta(_Typed, tag="message_delta"):
    """What is known only at the end: the reason for stopping, and the output tokens."""

    delta: Stop
    usage: TokenCounts = msgspec.field(default_factory=TokenCounts)


class MessageStop(_Typed, tag="message_stop"):
    """The last event of an answer."""


class Ping(_Typed, tag="ping"):
    """A keep-alive."""


class Error(_Typed, tag="error"):
    """An error in place of the rest of the answer."""


class AnyEvent(msgspec.Struct):
    """An event of any type, with a delta of any type."""

    type: str
    index: WholeNumber = -1
    delta: dict[str, Any] = {}


Event = BlockDelta | BlockStart | BlockStop | MessageStart | MessageDelta | MessageStop | Ping | Error
Block = TextBlock | ThinkingBlock | RedactedBlock | ToolUseBlock

STOP_REASONS = {
    "end_turn": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "refusal": StopReason.REFUSAL,
    "pause_turn": StopReason.PAUSED,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}
