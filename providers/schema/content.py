"""Blocks: the parts of a message."""

import re
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, cast

import msgspec

from .checks.field_checks import check_fields
from .checks.shown import short_repr, shown
from .errors import InvalidConfig
from .media.file_types import read_document, read_image
from .stop_reasons import StopReason

# White space, and what Unicode has shown as nothing: the Default_Ignorable_Code_Points of
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt.
_visible = re.compile(
    r"[^\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
).search


def is_blank(text: str) -> bool:
    """True if nothing of *text* is visible: white space, zero-width characters, or nothing at all.

    Such a text is no content: several APIs reject it, and it answers nothing.
    """
    return _visible(text) is None


# Here and in all other messages, events and configs: no garbage collection. They are immutable, so they form no cycles,
# and a host that holds a million of them would stop for as long as the collector looks at each.
class _Block(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag=str.lower):
    """A part of a message."""

    __repr__ = short_repr


class Citation(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The source of a part of an answer's text, as far as the provider names it.

    *source* is the provider's name for the document or the tool output, *cited_text* the cited words. *start* and *end*
    are the position of the part in the text block, in characters; without them it is the text before the citation.
    *original* is the citation in the provider's own form, for providers that want it back with the text.
    """

    __repr__ = short_repr

    cited_text: str = ""
    title: str | None = None
    url: str | None = None
    source: str | None = None
    start: int | None = None
    end: int | None = None
    original: "Opaque | None" = None


class Text(_Block, frozen=True, omit_defaults=True):
    """Visible text. Its *citations* come from the model; only those with an ``original`` are sent back.

    *cache* is for blocks of a system prompt: providers that require marks are to cache what ends with this block.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    cache: bool = False

    def __post_init__(self) -> None:
        if not isinstance(cast(object, self.text), str):  # most are decoded, and have been checked
            check_fields(self, "text")


_has_scheme = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:.", re.IGNORECASE).match  # one letter is a drive's


def _is_url(url: object) -> bool:
    return not isinstance(url, str) or _has_scheme(url) is not None


class _Media(_Block, frozen=True, omit_defaults=True):
    """A file, given by its URL or by its bytes, never by both.

    Raises:
        InvalidConfig: neither or both of *url* and *data* are given, one is empty, *url* is the path of a file, or
            *data* comes without *media_type*.
    """

    url: str | None = None
    data: bytes | None = None
    media_type: str | None = None

    def __post_init__(self) -> None:
        kind = type(self).__name__
        field = kind.lower()
        given = [source for source in (self.url, self.data) if source is not None]
        if len(given) != 1 or not given[0]:
            raise InvalidConfig(field, f"{kind} takes either url or data")
        if self.data is not None and not isinstance(cast(object, self.data), bytes | bytearray | memoryview):
            raise InvalidConfig(f"{field}.data", f"give the bytes of the file, not a {type(self.data).__name__}")
        if self.data is not None and not self.media_type:
            raise InvalidConfig(f"{field}.media_type", f"{kind} with data needs its media_type, such as 'image/png'")
        if self.url is not None and not _is_url(self.url):
            raise InvalidConfig(
                f"{field}.url",
                f"{shown(self.url)} is no URL; read a file with {kind}.from_path(...)",
            )
        check_fields(self, field, unchecked=("data",))


class Image(_Media, frozen=True):
    """An image, by URL or by bytes. *detail* is how closely the model looks at it, where the provider offers that."""

    detail: Literal["low", "medium", "high", "ultra_high", "original", "auto"] | None = None

    @classmethod
    def from_path(cls, path: str | PathLike[str]) -> Self:
        """The image in the file at *path*, which is read at once. Its content decides what it is, not its name.

        Raises:
            InvalidConfig: it is no image.
            OSError: it can't be read.
        """
        data, media_type = read_image(Path(path))
        return cls(data=data, media_type=media_type)


class Document(_Media, frozen=True):
    """A document (a PDF, a text file), by URL or by bytes.

    With *cite* the model is asked to cite it, with providers that support this for documents (Anthropic, Bedrock).
    There it must be the same for all documents of a request.
    """

    name: str | None = None
    cite: bool = False

    @classmethod
    def from_path(cls, path: str | PathLike[str], media_type: str | None = None) -> Self:
        """The document in the file at *path*, which is read at once, with the file's name.

        Its content decides what it is: a PDF, an Office document, RTF, or any other text in UTF-8, which every provider
        takes as ``text/plain``. A *media_type* given for it is used instead.

        Raises:
            InvalidConfig: it is none of these.
            OSError: it can't be read.
        """
        path = Path(path)
        data, found = read_document(path)
        return cls(data=data, media_type=media_type or found, name=path.name)


class Thinking(_Block, frozen=True, omit_defaults=True):
    """The model's thinking, as far as *provider* shows it.

    The *signature* is opaque and meaningful to that provider only; the block is left out for all others. A *redacted*
    block has a signature and no text.
    """

    text: str
    provider: str
    signature: str | None = None
    redacted: bool = False


class ToolUse(_Block, frozen=True, omit_defaults=True):
    """The model asks for *name* to be run with *input*.

    Input that is not a JSON object is never guessed: *malformed* keeps the text as it arrived, and *input* is
    ``{"INVALID_JSON": text}``, the form in which Anthropic documents that it is sent back. *cut_off* is why the answer
    ended before the input did, if that is what is wrong with it, and *problem* says what else is.
    """

    id: str
    name: str
    input: dict[str, Any]
    malformed: str | None = None
    cut_off: StopReason | None = None
    problem: str | None = None


class ToolResult(_Block, frozen=True, omit_defaults=True):
    """The result of the tool use *tool_use_id*, or with *is_error* its error.

    *structured* is the result as a JSON object, for APIs that take it as such (Google, Bedrock). The others send
    *content*, which without blocks of its own becomes the object's JSON text.

    *compact_summary* replaces the content when the conversation outgrows the context window. It is not sent before.
    """

    tool_use_id: str
    content: tuple[Text | Image | Document, ...] = ()
    is_error: bool = False
    compact_summary: str | None = None
    structured: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(cast(object, self.content), tuple):  # as above
            check_fields(self, "tool_result")
        if self.structured is not None and not self.content:
            text = msgspec.json.encode(self.structured).decode()
            msgspec.structs.force_setattr(self, "content", (Text(text),))


class Opaque(_Block, frozen=True):
    """A block that only *provider* understands, such as a tool that it ran itself.

    It is sent back to that provider unchanged, and left out for others.
    """

    provider: str
    type: str
    json: bytes


Block = Text | Image | Document | Thinking | ToolUse | ToolResult | Opaque
UserBlock = Text | Image | Document

_BLOCK_BYTES = 100


def block_bytes(block: Block) -> int:
    """About how many bytes of memory *block* takes."""
    match block:
        case Text(text=text):
            return _BLOCK_BYTES + _text_bytes(text)
        case Image(data=data) | Document(data=data):
            return _BLOCK_BYTES + len(data or b"")
        case Thinking(text=text, signature=signature):
            return _BLOCK_BYTES + _text_bytes(text) + len(signature or "")
        case ToolUse():
            return _BLOCK_BYTES + len(msgspec.msgpack.encode(block))
        case ToolResult(content=content, structured=structured):
            return sum(map(block_bytes, content), _BLOCK_BYTES + len(msgspec.msgpack.encode(structured)))
        case Opaque(json=json):
            return _BLOCK_BYTES + len(json)


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
