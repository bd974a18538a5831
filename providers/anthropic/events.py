"""The events of an Anthropic stream: https://platform.claude.com/docs/en/build-with-claude/streaming.

Only the members that are used are declared; all others are ignored.
"""

from typing import Annotated, Any, cast

import msgspec

from ..schema.content import Citation, Opaque
from ..schema.stop_reasons import StopDetails, StopReason
from ..schema.usage import Usage, reported
from ..wire.input_tokens import total_input
from ..wire.json_decoding import MALFORMED
from ..wire.lenient.block_places import NO_INDEX
from ..wire.lenient.coercion import ACCESSORY, Label
from ..wire.lenient.decoder import LenientDecoder, repaired_json
from ..wire.numbers import TokenNumber, WholeNumber
from .errors import PROVIDER


class OutputDetails(msgspec.Struct):
    """Of the output tokens, those of one kind."""

    thinking_tokens: TokenNumber | None = None


class Iteration(msgspec.Struct):
    """The token counts of one of the model runs that an answer took."""

    input_tokens: TokenNumber | None = None
    output_tokens: TokenNumber | None = None
    cache_read_input_tokens: TokenNumber | None = None
    cache_creation_input_tokens: TokenNumber | None = None


class TokenCounts(msgspec.Struct):
    """Anthropic's token counts: totals so far, in every event that has them.

    They are those of the run that answered. A compaction on demand has no such run, only an *iterations* entry:
    https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand.
    """

    input_tokens: TokenNumber | None = None
    output_tokens: TokenNumber | None = None
    cache_read_input_tokens: TokenNumber | None = None
    cache_creation_input_tokens: TokenNumber | None = None
    output_tokens_details: Annotated[OutputDetails | None, ACCESSORY] = None
    iterations: Annotated[list[Iteration] | None, ACCESSORY] = None
    prompt_tokens: TokenNumber | None = None  # from gateways that keep the names of Chat Completions
    completion_tokens: TokenNumber | None = None

    def update(self, later: "TokenCounts") -> None:
        """Replace the counts that *later* has. An input of 0 takes none away: some servers end a stream with it."""
        has_input = bool(
            later.iterations or later.input_tokens or later.cache_read_input_tokens or later.cache_creation_input_tokens
        )
        for name, count in zip(self.__struct_fields__, msgspec.structs.astuple(later), strict=True):
            if count is not None and (count or has_input or name not in _INPUT or not getattr(self, name)):
                setattr(self, name, count)

    def usage(self) -> Usage:
        """These counts as a ``Usage``: Anthropic's input excludes the tokens read from and written to the cache."""
        counts: TokenCounts | Iteration = self
        if self.iterations and not (self.input_tokens or self.output_tokens):
            counts = self.iterations[-1]
        details = self.output_tokens_details
        cached = counts.cache_read_input_tokens, counts.cache_creation_input_tokens
        has_input, has_output = counts.input_tokens is not None, counts.output_tokens is not None
        return Usage(
            input=total_input(counts.input_tokens, *cached) if has_input else reported(self.prompt_tokens),
            output=reported(counts.output_tokens if has_output else self.completion_tokens),
            cache_read=reported(counts.cache_read_input_tokens),
            cache_write=reported(counts.cache_creation_input_tokens),
            reasoning=reported(details.thinking_tokens if details else None),
        )


_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


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


_source = msgspec.json.Decoder(Source).decode
_lenient_source = LenientDecoder[Source](Source)


def citation(raw: bytes) -> Citation:
    """The citation *raw*, which it keeps: the API wants it back with the text.

    Raises:
        ProtocolError: it is malformed.
    """
    raw = repaired_json(PROVIDER, raw)
    try:
        source = _source(raw)
    except MALFORMED as problem:
        source = _lenient_source.decode(PROVIDER, raw, problem)
    index = None if source.document_index is None else str(source.document_index)
    return Citation(
        cited_text=source.cited_text,
        title=source.title or source.document_title,
        url=source.url,
        source=source.source or index,
        original=Opaque(provider=PROVIDER, type="citation", json=raw),
    )


class TextBlock(_Typed, tag="text"):
    """Visible text."""

    text: str = ""
    citations: Annotated[list[msgspec.Raw] | None, ACCESSORY] = None


class ThinkingBlock(_Typed, tag="thinking"):
    """Thinking and its signature; of newer models only the signature."""

    thinking: str = ""
    signature: str = ""


class RedactedBlock(_Typed, tag="redacted_thinking"):
    """Thinking that the provider has encrypted."""

    data: str


class ToolUseBlock(_Typed, tag="tool_use"):
    """A tool use; in a stream its input follows in pieces. Some servers have the input as JSON in a text."""

    name: str
    id: Label = ""
    input: Any = None

    def input_json(self) -> str:
        """The input as JSON; empty if there is none."""
        if isinstance(self.input, str):
            return self.input.strip()
        return msgspec.json.encode(self.input).decode() if self.input else ""


class TextPiece(_Typed, tag="text_delta", gc=False):
    """The next piece of a text."""

    text: str


class CitationPiece(_Typed, tag="citations_delta", gc=False):
    """A source of the text before it."""

    citation: msgspec.Raw


class InputPiece(_Typed, tag="input_json_delta", gc=False):
    """The next piece of a tool use's input."""

    partial_json: str


class ThinkingPiece(_Typed, tag="thinking_delta", gc=False):
    """The next piece of thinking."""

    thinking: str


class SignaturePiece(_Typed, tag="signature_delta", gc=False):
    """The signature of the thinking before it."""

    signature: str


Piece = TextPiece | InputPiece | ThinkingPiece | SignaturePiece | CitationPiece


class WholeMessage(msgspec.Struct):
    """An answer: all of it, or the beginning that a stream sends first."""

    id: Label = ""
    model: Label = ""
    content: list[msgspec.Raw] = []
    usage: Annotated[TokenCounts, ACCESSORY] = msgspec.field(default_factory=TokenCounts)
    stop_reason: Label | None = None
    stop_details: Any = None
    error: Any = None


class MessageStart(_Typed, tag="message_start"):
    """The first event of an answer."""

    message: WholeMessage = msgspec.field(default_factory=WholeMessage)
    usage: Annotated[TokenCounts | None, ACCESSORY] = None  # vLLM has it here


class BlockStart(_Typed, tag="content_block_start"):
    """The start of a block."""

    content_block: msgspec.Raw = msgspec.Raw()
    index: WholeNumber = NO_INDEX


class BlockDelta(_Typed, tag="content_block_delta", gc=False):
    """The next piece of a block."""

    delta: Piece
    index: WholeNumber = NO_INDEX


class BlockStop(_Typed, tag="content_block_stop"):
    """The end of a block."""

    index: WholeNumber = NO_INDEX


class Stop(msgspec.Struct):
    """Why the model stopped."""

    stop_reason: Label | None = None
    stop_details: Any = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    error: Any = None


class MessageDelta(_Typed, tag="message_delta"):
    """What is known only at the end: the reason for stopping, and the output tokens."""

    delta: Stop
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    stop_reason: Label | None = None
    error: Any = None

    @property
    def inner(self) -> Stop:
        """The object in which the reason for stopping is documented."""
        return self.delta


class MessageStop(_Typed, tag="message_stop"):
    """The last event of an answer; some servers have in it, or in a message, what is missing in the one before."""

    message: Annotated[Stop | None, ACCESSORY] = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    stop_reason: Label | None = None
    error: Any = None

    @property
    def inner(self) -> Stop:
        """The message."""
        return self.message or Stop()


class Ping(_Typed, tag="ping"):
    """A keep-alive."""


class Error(_Typed, tag="error"):
    """An error in place of the rest of the answer."""


class AnyEvent(msgspec.Struct):
    """An event of any type, with a delta of any type; or of none, which is no event."""

    type: str | None = None
    content: msgspec.Raw = msgspec.Raw()
    index: WholeNumber = NO_INDEX
    delta: Annotated[dict[str, Any], ACCESSORY] = {}
    object: Any = None
    error: Any = None
    code: Any = None
    status: Any = None

    def is_fault(self) -> bool:
        """True if an event of a type that is unknown here reports a problem."""
        kind = (self.type or "").lower()
        is_named = "error" in kind or "exception" in kind or self.object == "error"
        return is_named or bool(self.error) or self.code is not None or isinstance(self.status, int)


Event = BlockDelta | BlockStart | BlockStop | MessageStart | MessageDelta | MessageStop | Ping | Error
Block = TextBlock | ThinkingBlock | RedactedBlock | ToolUseBlock


def stop_details(vendor: object) -> StopDetails | None:
    """What Anthropic says about a refusal, or ``None``: https://platform.claude.com/docs/en/api/messages."""
    if not isinstance(vendor, dict):
        return None
    details = cast("dict[str, Any]", vendor)
    texts = {name: value for name in ("category", "explanation") if isinstance(value := details.get(name), str)}
    return StopDetails(vendor=details, **texts)


STOP_REASONS = {
    "end_turn": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "refusal": StopReason.REFUSAL,
    "pause_turn": StopReason.PAUSED,
    "compaction": StopReason.PAUSED,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
    # Those of Chat Completions, from gateways that pass them on.
    "stop": StopReason.END_TURN,
    "eos": StopReason.END_TURN,
    "length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_USE,
    "content_filter": StopReason.REFUSAL,
}
