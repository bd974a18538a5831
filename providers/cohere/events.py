"""The events of a Cohere stream: https://docs.cohere.com/v2/docs/streaming.

An answer that is not streamed has the same parts, whole. Only the members that something is made of are named; all
others are passed over.
"""

from typing import Any

import msgspec

from ..schema.content import Citation
from ..schema.usage import Usage, reported
from ..wire.numbers import NonNegativeFloat, WholeNumber


class Counts(msgspec.Struct):
    """Cohere's token counts."""

    input_tokens: NonNegativeFloat | None = None
    output_tokens: NonNegativeFloat | None = None
    reasoning_tokens: NonNegativeFloat | None = None


class Used(msgspec.Struct):
    """What a request used. There are ``billed_units`` beside it, which leave out what is not billed."""

    tokens: Counts | None = None
    cached_tokens: NonNegativeFloat | None = None

    def usage(self) -> Usage:
        """In our sense, which is Cohere's: the input includes what a cache held."""
        tokens = self.tokens or Counts()
        return Usage(
            input=reported(_whole(tokens.input_tokens)),
            output=reported(_whole(tokens.output_tokens)),
            cache_read=reported(_whole(self.cached_tokens)),
            reasoning=reported(_whole(tokens.reasoning_tokens)),
        )


def _whole(tokens: float | None) -> int | None:
    return None if tokens is None else int(tokens)


class Source(msgspec.Struct):
    """A document, or the output of a tool, by its id."""

    id: str | None = None
    document: dict[str, Any] | None = None


class Cite(msgspec.Struct):
    """Where a piece of the answer comes from; *content_index* is the content that the piece stands in."""

    start: WholeNumber | None = None
    end: WholeNumber | None = None
    sources: list[Source] | None = None
    content_index: WholeNumber | None = None
    type: str | None = None

    def citations(self) -> list[Citation]:
        """One for each source. Cohere tells the words of the answer, not those of the source."""
        found: list[Citation] = []
        for source in self.sources or (Source(),):
            title, url = (_text((source.document or {}).get(name)) for name in ("title", "url"))
            found.append(Citation(title=title, url=url, source=source.id, start=self.start, end=self.end))
        return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


class Function(msgspec.Struct):
    """A tool's name and its input, or the next piece of that."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct):
    """A tool call, or the next piece of it."""

    id: str | None = None
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
    tool_calls: Call


class _CitedMessage(msgspec.Struct):
    citations: Cite


class ContentPart(msgspec.Struct, gc=False):
    """Around a piece of content."""

    message: _ContentMessage


class PlanPart(msgspec.Struct, gc=False):
    """Around a piece of the tool plan."""

    message: _PlanMessage


class CallPart(msgspec.Struct):
    """Around a piece of a tool call."""

    message: _CallMessage


class CitedPart(msgspec.Struct):
    """Around a citation."""

    message: _CitedMessage


class End(msgspec.Struct):
    """What is known at the end only. With the reason ``ERROR`` there is a text for people and a word for programs."""

    finish_reason: str | None = None
    usage: Used | None = None
    error: str | None = None
    error_type: str | None = None


class _Typed(msgspec.Struct, tag_field="type"):
    """An event."""


class MessageStart(_Typed, tag="message-start"):
    """The first one."""

    id: str | None = None


class ContentStart(_Typed, tag="content-start"):
    """Text or thinking begins, maybe with its first piece."""

    index: WholeNumber
    delta: ContentPart


class ContentDelta(_Typed, tag="content-delta", gc=False):
    """It goes on."""

    index: WholeNumber
    delta: ContentPart


class ContentEnd(_Typed, tag="content-end"):
    """It is complete."""

    index: WholeNumber


class PlanDelta(_Typed, tag="tool-plan-delta", gc=False):
    """More of what the model plans before it calls tools."""

    delta: PlanPart


class CallStart(_Typed, tag="tool-call-start"):
    """A tool call begins; calls are counted apart from contents."""

    index: WholeNumber
    delta: CallPart


class CallDelta(_Typed, tag="tool-call-delta", gc=False):
    """It goes on."""

    index: WholeNumber
    delta: CallPart


class CallEnd(_Typed, tag="tool-call-end"):
    """It is complete."""

    index: WholeNumber


class CitationStart(_Typed, tag="citation-start"):
    """A citation, whole."""

    delta: CitedPart


class MessageEnd(_Typed, tag="message-end"):
    """The last one."""

    delta: End = msgspec.field(default_factory=End)


_Content = ContentStart | ContentDelta | ContentEnd
_Call = CallStart | CallDelta | CallEnd
Event = MessageStart | _Content | PlanDelta | _Call | CitationStart | MessageEnd


class Loose(msgspec.Struct):
    """An event of any type, or of none: what is then in it tells of a fault."""

    type: str | None = None
    message: object = None
    error: object = None


class WholeMessage(msgspec.Struct):
    """What the model says."""

    tool_plan: str | None = None
    content: list[Piece] | None = None
    tool_calls: list[Call] | None = None
    citations: list[Cite] | None = None


class WholeAnswer(End, kw_only=True):
    """An answer that is not streamed."""

    id: str
    message: WholeMessage
