"""The content of messages as Amazon Bedrock's Converse takes it, in blocks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..schema.checks.shown import short_name
from ..schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse, is_blank
from ..schema.errors import UnsupportedContent
from ..schema.messages import Message
from ..wire.media import MediaLimits, MediaRules, base64_data
from ..wire.name_rules import NameRule
from .errors import PROVIDER
from .model_families import Family, ModelTraits

_OFFICE = "application/vnd.openxmlformats-officedocument"
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_FORMATS_BY_SUFFIX = {name: name for name in (*_IMAGES.values(), *_DOCUMENTS.values())} | {"jpg": "jpeg", "htm": "html"}
IMAGES_LIMIT, DOCUMENTS_LIMIT = 20, 5
"""The maximum numbers in a message: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html."""


def _url_problem(block: Image | Document) -> str | None:
    """Why Bedrock does not take *block*'s URL. It is part of errors, and of the note that replaces the block."""
    if block.url is None:
        return None
    if not block.url.startswith("s3://"):
        return f"takes {type(block).__name__.lower()}s by s3:// addresses only"
    return None if _format(block) else "cannot tell its type by its address; give its media_type"


# The sizes are those of https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html.
MEDIA = MediaRules(
    PROVIDER,
    images=MediaLimits(frozenset(_IMAGES), 3_750_000, by_url=True),
    documents=MediaLimits(frozenset(_DOCUMENTS), 4_500_000, by_url=True),
    further=_url_problem,
)
TOOL_NAME = NameRule(chars=64)
_TOOL_ID = NameRule(chars=64)
_NAME_CHARS = 150  # of 200; the rest is for the number that makes a name unique
_SEE_ABOVE = {"text": "See above."}
_not_allowed = re.compile(r"[^a-zA-Z0-9()\[\]-]+")


def check_media_counts(content: Sequence[Block]) -> None:
    """Check how many images and documents are in *content*.

    Raises:
        UnsupportedContent: they are more than a message may have.
    """
    for kind, limit in ((Image, IMAGES_LIMIT), (Document, DOCUMENTS_LIMIT)):
        count = sum(isinstance(block, kind) for block in _flat(content))
        if count > limit:
            kinds = f"{kind.__name__.lower()}s"
            raise UnsupportedContent(f"content: {PROVIDER} takes {limit} {kinds} in a message, not {count}", PROVIDER)


def check_citations(content: Sequence[Block], model: str, traits: ModelTraits) -> None:
    """Check that *model* can cite the documents in *content* that are to be cited.

    Raises:
        UnsupportedContent: it rejects documents with citations.
    """
    if traits.takes_citations:
        return
    if any(isinstance(block, Document) and block.cite for block in _flat(content)):
        raise UnsupportedContent(f"content: {short_name(model)} does not cite documents; leave cite out", PROVIDER)


@dataclass(slots=True)
class Blocks:
    """Encodes the messages of one request into Converse's blocks.

    Media that *media* does not take becomes a note. If *tools* is false, tool uses and results become text. What only
    its maker can read goes back to *source* alone. Documents have names that are unique in the request; the history is
    searched for documents only once a message has one.
    """

    messages: Sequence[Message]
    media: MediaRules
    traits: ModelTraits
    source: str = ""
    tools: bool = True
    _document_names: dict[int, list[str]] | None = None  # by the id() of the message
    _remaining: dict[type[Block], int] = field(default_factory=dict[type[Block], int])
    _readable: bool = True

    def of(self, message: Message) -> list[Any]:
        """The blocks of *message*; what Bedrock has no form for is left out."""
        match message.content:
            case (Text(text=text) as said,) if not said.citations and not is_blank(text):
                return [{"text": text}]  # most messages; the general case takes longer
            case _:
                pass
        self._remaining = {Image: IMAGES_LIMIT, Document: DOCUMENTS_LIMIT}
        self._readable = message.readable_by(self.source)
        names = iter(self._document_names_of(message))
        blocks = list(self._each(message.content, names))
        # Claude rejects an answer that ends with thinking.
        while blocks and isinstance(blocks[-1], dict) and "reasoningContent" in blocks[-1]:
            del blocks[-1]
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html: a document needs a text.
        kinds = {next(iter(block)) for block in blocks if isinstance(block, dict)}
        return [*blocks, _SEE_ABOVE] if "document" in kinds and "text" not in kinds else blocks

    def _each(self, content: Iterable[Block], names: Iterator[str]) -> Iterator[dict[str, Any] | msgspec.Raw]:
        for block in content:
            match block:
                case Text(text=text):
                    if not is_blank(text):  # the API rejects it
                        yield self._text(block)
                case Image() | Document():
                    yield self._media(block, next(names) if isinstance(block, Document) else "")
                case Thinking(provider=provider, signature=signature):
                    if provider == PROVIDER and signature and self._readable:
                        yield _thinking(block)
                case ToolUse():
                    yield self._tool_use(block)
                case ToolResult():
                    yield from self._tool_result(block, names)
                case Opaque(provider=provider, type=kind, json=json):
                    # The API takes images in user messages only, even those that the model made.
                    if provider == PROVIDER and kind != "image" and self.tools and self._readable:
                        yield msgspec.Raw(json)

    def _text(self, block: Text) -> dict[str, Any]:
        """The text, with the citations that came with it from Bedrock."""
        originals = [each.original for each in block.citations if each.original and each.original.provider == PROVIDER]
        if not (originals and self._readable):
            return {"text": block.text}
        citations = [msgspec.Raw(original.json) for original in originals]
        return {"citationsContent": {"content": [{"text": block.text}], "citations": citations}}

    def _media(self, block: Image | Document, name: str) -> dict[str, Any]:
        self._remaining[type(block)] -= 1
        if note := self.media.note(block):
            return {"text": note}
        if self._remaining[type(block)] < 0:
            return {"text": f"[{type(block).__name__} left out: {PROVIDER} takes no more in a message]"}
        source: dict[str, Any]
        source = {"bytes": base64_data(block)} if block.url is None else {"s3Location": {"uri": block.url}}
        if isinstance(block, Image):
            return {"image": {"format": _format(block), "source": source}}
        if not (block.cite and self.traits.takes_citations):
            return {"document": {"format": _format(block), "name": name, "source": source}}
        if (text := _plain_text(block)) is not None:
            source = {"text": text}  # cited by its characters
        cited = {"citations": {"enabled": True}}
        return {"document": {"format": _format(block), "name": name, "source": source, **cited}}

    def _tool_use(self, use: ToolUse) -> dict[str, Any]:
        if not self.tools:
            return {"text": f"[Asked for {use.name} with {msgspec.json.encode(use.input).decode()}]"}
        use_id, name = _TOOL_ID.fitted(use.id), TOOL_NAME.fitted(use.name)
        return {"toolUse": {"toolUseId": use_id, "name": name, "input": use.input}}

    def _tool_result(self, result: ToolResult, names: Iterator[str]) -> Iterator[Any]:
        if not self.tools:
            yield {"text": "[An error came back:]" if result.is_error else "[This came back:]"}
            yield from self._each(result.content, names)
            return
        content: list[Any]
        if result.structured is None:
            content = list(self._each(result.content, names))
        else:  # the texts stand for it elsewhere
            media = (block for block in result.content if not isinstance(block, Text))
            content = [{"json": result.structured}, *self._each(media, names)]
        encoded = {"toolUseId": _TOOL_ID.fitted(result.tool_use_id), "content": content or [{"text": "(nothing)"}]}
        # Palmyra alone rejects the status: "This model doesn't support the status field. Remove status and try again."
        failed = result.is_error and self.traits.family is not Family.PALMYRA
        yield {"toolResult": {**encoded, "status": "error"} if failed else encoded}

    def _document_names_of(self, message: Message) -> list[str]:
        """The names of the documents in *message*, in their order."""
        if not any(isinstance(block, Document) for block in _flat(message.content)):
            return []
        if self._document_names is None:
            self._document_names = _name_documents(self.messages)
        return self._document_names.get(id(message), [])


def _flat(content: Iterable[Block]) -> Iterator[Block]:
    for block in content:
        if isinstance(block, ToolResult):
            yield from block.content
        else:
            yield block


def _name_documents(messages: Iterable[Message]) -> dict[int, list[str]]:
    """The names of the documents in *messages*, by the id() of the message.

    A name depends on the documents before it alone, so that it stays the same when messages are added.
    """
    taken: set[str] = set()
    names: dict[int, list[str]] = {}
    for message in messages:
        documents = [block for block in _flat(message.content) if isinstance(block, Document)]
        if documents:
            names[id(message)] = [_unique_name(document, taken) for document in documents]
    return names


def _unique_name(document: Document, taken: set[str]) -> str:
    """A name for *document* of characters that the API takes; it is none of those *taken*, and is added to them.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
    """
    base = _not_allowed.sub(" ", (document.name or "").rpartition("/")[2])[:_NAME_CHARS].strip() or "document"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    taken.add(name)
    return name


def _format(block: Image | Document) -> str | None:
    """The API's name of the format of *block*, by its media type or, without one, by its URL."""
    formats = _IMAGES if isinstance(block, Image) else _DOCUMENTS
    if block.media_type is not None:
        return formats.get(block.media_type)
    name = _FORMATS_BY_SUFFIX.get((block.url or "").rpartition(".")[2].lower())
    return name if name in formats.values() else None


def _plain_text(block: Document) -> str | None:
    """The text of *block*, if it has its bytes and they are plain text."""
    if block.data is None or block.media_type != "text/plain":
        return None
    try:
        return block.data.decode()
    except UnicodeDecodeError:
        return None


def _thinking(block: Thinking) -> dict[str, Any]:
    if block.redacted:
        return {"reasoningContent": {"redactedContent": block.signature}}
    return {"reasoningContent": {"reasoningText": {"text": block.text, "signature": block.signature}}}
