"""The events of a Cohere stream: https://docs.cohere.com/v2/docs/streaming.

An answer that is not streamed has the same parts, whole. Only the members that are used are declared; all others are
ignored.
"""

from typing import Annotated, Any

import msgspec

from ..schema.content import Citation
from ..schema.stop_reasons import StopReason
from ..schema.usage import Usage, reported
from ..wire.lenient.coercion import ACCESSORY, Label
from ..wire.numbers import NonNegativeFloat, WholeNumber


class TokenCounts(msgspec.Struct):
    """Cohere's token counts."""

    input_tokens: NonNegativeFloat | None = None
    output_tokens: NonNegativeFloat | None = None
    reasoning_tokens: NonNegativeFloat | None = None


class TokenUsage(msgspec.Struct):
    """The usage of a request. The ``billed_units`` beside it are not read: they exclude what is not billed."""

    tokens: Annotated[TokenCounts | None, ACCESSORY] = None
    cached_tokens: NonNegativeFloat | None = None
    input_tokens: NonNegativeFloat | None = None  # from gateways, as are the names of Chat Completions
    output_tokens: NonNegativeFloat | None = None
    prompt_tokens: NonNegativeFloat | None = None
    completion_tokens: NonNegativeFloat | None = None

    def usage(self) -> Usage:
        """This as a ``Usage``: Cohere's input includes cached tokens, as ours does."""
        tokens = self.tokens or TokenCounts(
            self.prompt_tokens if self.input_tokens is None else self.input_tokens,
            self.completion_tokens if self.output_tokens is None else self.output_tokens,
        )
        return Usage(
            input=reported(_whole_number(tokens.input_tokens)),
            output=reported(_whole_number(tokens.output_tokens)),
            cache_read=reported(_whole_number(self.cached_tokens)),
            reasoning=reported(_whole_number(tokens.reasoning_tokens)),
        )


def _whole_number(tokens: float | None) -> int | None:
    return None if tokens is None else int(tokens)


class Source(msgspec.Struct):
    """A document, or the output of a tool, by its id."""

    id: Label | None = None
    document: Annotated[dict[str, Any] | None, ACCESSORY] = None
    tool_output: Annotated[dict[str, Any] | None, ACCESSORY] = None


class CitedSpan(msgspec.Struct):
    """A span of content *content_index*, in characters, and its sources."""

    start: WholeNumber | None = None
    end: WholeNumber | None = None
    sources: Annotated[list[Source] | None, ACCESSORY] = None
    content_index: WholeNumber | None = None
    type: Label | None = None

    def citations(self) -> list[Citation]:
        """One for each source. They have no ``cited_text``: Cohere quotes the answer, not the source."""
        citations: list[Citation] = []
        for source in self.sources or (Source(),):
            cited = source.document or source.tool_output or {}
            title, url = (_text(cited.get(name)) for name in ("title", "url"))
            citations.append(Citation(title=title, url=url, source=source.id, start=self.start, end=self.end))
        return citations


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


class Function(msgspec.Struct):
    """A tool's name and its input, or the next piece of the input."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    """A tool call, or the next piece of it."""

    id: Label | None = None
    function: Function = msgspec.field(default_factory=Function)


class Piece(msgspec.Struct, gc=False):
    """Text or thinking."""

    text: str | None = None
    thinking: str | None = None


class _ContentMessage(msgspec.Struct, gc=False):
    content: Piece


class _PlanMessage(msgspec.Struct, gc=False):
    tool_plan: str


class _CallMessage(msgspec.Struct):
    tool_calls: ToolCall


class _CitedMessage(msgspec.Struct):
    citations: CitedSpan


class ContentPart(msgspec.Struct, gc=False):
    """The object around a piece of content."""

    message: _ContentMessage


class PlanPart(msgspec.Struct, gc=False):
    """The object around a piece of the tool plan."""

    message: _PlanMessage


class CallPart(msgspec.Struct):
    """The object around a piece of a tool call."""

    message: _CallMessage


class CitedPart(msgspec.Struct):
    """The object around a citation."""

    message: _CitedMessage


class End(msgspec.Struct):
    """What is known only at the end. If *finish_reason* is ``ERROR``, *error* is a message and *error_type* a code."""

    finish_reason: Label | None = None
    usage: Annotated[TokenUsage | None, ACCESSORY] = None
    error: Any = None
    error_type: Label | None = None


class _Typed(msgspec.Struct, tag_field="type"):
    """An event."""


class MessageStart(_Typed, tag="message-start"):
    """The first event of an answer."""

    id: Label | None = None


class ContentStart(_Typed, tag="content-start"):
    """The start of a text or of thinking, possibly with its first piece."""

    delta: ContentPart
    index: WholeNumber | None = None


class ContentDelta(_Typed, tag="content-delta", gc=False):
    """The next piece of a text or of thinking."""

    delta: ContentPart
    index: WholeNumber | None = None


class ContentEnd(_Typed, tag="content-end"):
    """The end of a text or of thinking."""

    index: WholeNumber | None = None


class PlanDelta(_Typed, tag="tool-plan-delta", gc=False):
    """The next piece of the plan that the model makes before it calls tools."""

    delta: PlanPart


class CallStart(_Typed, tag="tool-call-start"):
    """The start of a tool call; calls are numbered separately from contents."""

    delta: CallPart
    index: WholeNumber | None = None


class CallDelta(_Typed, tag="tool-call-delta", gc=False):
    """The next piece of a tool call."""

    delta: CallPart
    index: WholeNumber | None = None


class CallEnd(_Typed, tag="tool-call-end"):
    """The end of a tool call."""

    index: WholeNumber | None = None


class CitationStart(_Typed, tag="citation-start"):
    """A citation."""

    delta: CitedPart


class _CitedSpans(msgspec.Struct):
    citations: Annotated[list[CitedSpan] | None, ACCESSORY] = None


class _CitedSpansPart(msgspec.Struct):
    message: Annotated[_CitedSpans | None, ACCESSORY] = None


class CitationsStart(msgspec.Struct):
    """A ``CitationStart`` with any number of citations, also none."""

    delta: Annotated[_CitedSpansPart | None, ACCESSORY] = None

    def spans(self) -> list[CitedSpan]:
        """The cited spans."""
        message = self.delta and self.delta.message
        return (message and message.citations) or []


class MessageEnd(_Typed, tag="message-end"):
    """The last event of an answer; some servers have beside the delta what is documented in it."""

    delta: End = msgspec.field(default_factory=End)
    finish_reason: Label | None = None
    usage: Annotated[TokenUsage | None, ACCESSORY] = None
    error: Any = None
    error_type: Label | None = None

    def end(self) -> End:
        """What both have."""
        names = End.__struct_fields__
        return End(**{name: getattr(self.delta, name) or getattr(self, name) for name in names})


_Content = ContentStart | ContentDelta | ContentEnd
_Call = CallStart | CallDelta | CallEnd
Event = MessageStart | _Content | PlanDelta | _Call | CitationStart | MessageEnd


class AnyEvent(msgspec.Struct):
    """An event of any type, or of none: then it may be an error, with one of the other members."""

    type: Label | None = None
    message: Any = None
    object: Any = None
    error: Any = None
    code: Any = None

    def is_fault(self) -> bool:
        """True if it reports a problem, unless its type is that of an event."""
        kind = (self.type or "error").lower()
        is_named = "error" in kind or "exception" in kind or self.object == "error"
        return is_named or bool(self.error) or self.code is not None


class WholeMessage(msgspec.Struct):
    """The message of an answer that is not streamed."""

    tool_plan: str | None = None
    content: list[Piece] | None = None
    tool_calls: list[ToolCall] | None = None
    citations: Annotated[list[CitedSpan] | None, ACCESSORY] = None


class WholeAnswer(End, kw_only=True):
    """An answer that is not streamed."""

    id: Label | None = None
    message: WholeMessage


STOP_REASONS = {
    "COMPLETE": StopReason.END_TURN,
    "STOP_SEQUENCE": StopReason.STOP_SEQUENCE,
    "MAX_TOKENS": StopReason.MAX_TOKENS,
    "TOOL_CALL": StopReason.TOOL_USE,
    "ERROR_TOXIC": StopReason.CONTENT_FILTER,
    "ERROR_LIMIT": StopReason.CONTEXT_FULL,
}

PLAN = "tool_plan"
"""The signature that marks thinking as a tool plan, which has a member of its own in requests."""
