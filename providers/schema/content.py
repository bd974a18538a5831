"""Blocks: the pieces a message is made of."""

from typing import Any

import msgspec


class _Block(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """A piece of a message's content."""


class Citation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a piece of an answer's text comes from, as far as the provider says.

    *source* is the provider's name for the document or the tool's output, *cited_text* the words in it. *start* and
    *end* are the place of the piece in the text block, in characters; without them it is the text before the citation.
    """

    cited_text: str = ""
    title: str | None = None
    url: str | None = None
    source: str | None = None
    start: int | None = None
    end: int | None = None


class Text(_Block, frozen=True, omit_defaults=True):
    """Visible text. Its *citations* are the model's, and are not sent back."""

    text: str
    citations: tuple[Citation, ...] = ()


class _Media(_Block, frozen=True, omit_defaults=True):
    """Something given by its address or by its bytes, never by both.

    Raises:
        ValueError: neither or both of *url* and *data* are given, one is empty, or *data* comes without *media_type*.
    """

    url: str | None = None
    data: bytes | None = None
    media_type: str | None = None

    def __post_init__(self) -> None:
        given = [source for source in (self.url, self.data) if source is not None]
        if len(given) != 1 or not given[0]:
            raise ValueError(f"{type(self).__name__} takes either url or data")
        if self.data is not None and not self.media_type:
            raise ValueError(f"{type(self).__name__} with data needs its media_type, such as 'image/png'")


class Image(_Media, frozen=True):
    """A picture, by URL or by bytes."""


class Document(_Media, frozen=True):
    """A document (a PDF, a text file), by URL or by bytes.

    With *cite* the model is asked to say what it takes from it, where the provider has that for documents (Anthropic,
    Bedrock). There it holds for all documents of a request or for none.
    """

    name: str | None = None
    cite: bool = False


class Thinking(_Block, frozen=True, omit_defaults=True):
    """What the model thought, as far as *provider* shows it.

    The *signature* is opaque and means something to that provider only: for all others the block is left out.
    A *redacted* block has no text, and its signature is all there is of it.
    """

    text: str
    provider: str
    signature: str | None = None
    redacted: bool = False


class ToolUse(_Block, frozen=True, omit_defaults=True):
    """The model asks for *name* to be run with *input*.

    What the model wrote as input may not be a JSON object. It is never guessed then: *malformed* keeps the text as it
    came, and *input* is ``{"INVALID_JSON": text}``, the form in which Anthropic's documents want it sent back.
    """

    id: str
    name: str
    input: dict[str, Any]
    malformed: str | None = None


class ToolResult(_Block, frozen=True, omit_defaults=True):
    """The answer to the tool use *tool_use_id*; with *is_error*, what went wrong.

    *compact_summary* takes the content's place when the conversation outgrows its window. No provider sees it before.
    """

    tool_use_id: str
    content: tuple[Text | Image | Document, ...] = ()
    is_error: bool = False
    compact_summary: str | None = None


class Opaque(_Block, frozen=True):
    """A block that only *provider* understands (a tool it ran itself, say).

    It is sent back to that provider as it came, and left out for others.
    """

    provider: str
    type: str
    json: bytes


Block = Text | Image | Document | Thinking | ToolUse | ToolResult | Opaque
UserBlock = Text | Image | Document
