"""Blocks as Amazon Bedrock's Converse takes them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ..schema.errors import UnsupportedContent
from ..schema.messages import Message
from ..wire.media import MediaLimits, MediaRules
from ..wire.name_rules import NameRule
from .errors import PROVIDER

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
_SUFFIXES = {form: form for form in (*_IMAGES.values(), *_DOCUMENTS.values())} | {"jpg": "jpeg", "htm": "html"}
IMAGES_LIMIT, DOCUMENTS_LIMIT = 20, 5
"""How many a message may hold: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html."""


def _problem(block: Image | Document) -> str | None:
    if block.url is None:
        return None
    if not block.url.startswith("s3://"):
        return f"takes {type(block).__name__.lower()}s by s3:// addresses only"
    return None if _format(block) else "cannot tell its type by its address; give its media_type"


# The sizes: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html.
MEDIA = MediaRules(
    PROVIDER,
    images=MediaLimits(frozenset(_IMAGES), 3_750_000, by_url=True),
    documents=MediaLimits(frozenset(_DOCUMENTS), 4_500_000, by_url=True),
    further=_problem,
)
TOOL_NAME = NameRule(chars=64)
_TOOL_ID = NameRule(chars=64)
_NAME_CHARS = 150  # of 200, for what tells a name from its like
_SEE = {"text": "See above."}
_foreign = re.compile(r"[^a-zA-Z0-9()\[\]-]+")


def check_numbers(content: Sequence[Block]) -> None:
    """Raises:
    UnsupportedContent: there are more images or documents in a message than are taken.
    """
    for kind, limit in ((Image, IMAGES_LIMIT), (Document, DOCUMENTS_LIMIT)):
        count = sum(isinstance(block, kind) for block in _flat(content))
        if count > limit:
            named = f"{kind.__name__.lower()}s"
            raise UnsupportedContent(f"content: {PROVIDER} takes {limit} {named} in a message, not {count}", PROVIDER)


@dataclass(slots=True)
class Blocks:
    """The blocks of a history on the wire: a note stands for what *media* does not take, a text for what *tools* lack.

    Documents have names that differ in the whole request. Nothing is looked through for them before there is one.
    """

    messages: Sequence[Message]
    media: MediaRules
    tools: bool = True
    _names: dict[int, list[str]] | None = None
    _left: dict[type[Block], int] = field(default_factory=dict[type[Block], int])

    def of(self, message: Message) -> list[Any]:
        """What of *message* goes to the API, in order."""
        match message.content:
            case (Text(text=text),) if text and not text.isspace():  # most are this: the way below takes longer
                return [{"text": text}]
            case _:
                pass
        self._left = {Image: IMAGES_LIMIT, Document: DOCUMENTS_LIMIT}
        names = iter(self._documents_of(message))
        found = list(self._each(message.content, names))
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html: a document wants a text.
        kinds = {next(iter(block)) for block in found if isinstance(block, dict)}
        return [*found, _SEE] if "document" in kinds and "text" not in kinds else found

    def _each(self, content: Iterable[Block], names: Iterator[str]) -> Iterator[dict[str, Any] | msgspec.Raw]:
        for block in content:
            match block:
                case Text(text=text):
                    # The API refuses text of nothing but white space.
                    if text and not text.isspace():
                        yield {"text": text}
                case Image() | Document():
                    yield self._media(block, next(names) if isinstance(block, Document) else "")
                case Thinking(provider=provider, signature=signature):
                    if provider == PROVIDER and signature:
                        yield _thinking(block)
                case ToolUse():
                    yield self._tool_use(block)
                case ToolResult():
                    yield from self._tool_result(block, names)
                case Opaque(provider=provider, type=kind, json=json):
                    # Pictures are taken from users only, also those that the model made.
                    if provider == PROVIDER and kind != "image" and self.tools:
                        yield msgspec.Raw(json)

    def _media(self, block: Image | Document, name: str) -> dict[str, Any]:
        self._left[type(block)] -= 1
        if note := self.media.note(block):
            return {"text": note}
        if self._left[type(block)] < 0:
            return {"text": f"[{type(block).__name__} left out: {PROVIDER} takes no more in a message]"}
        source = {"bytes": block.data} if block.url is None else {"s3Location": {"uri": block.url}}
        if isinstance(block, Image):
            return {"image": {"format": _format(block), "source": source}}
        cited = {"citations": {"enabled": True}} if block.cite else {}
        return {"document": {"format": _format(block), "name": name, "source": source, **cited}}

    def _tool_use(self, use: ToolUse) -> dict[str, Any]:
        if not self.tools:
            return {"text": f"[Asked for {use.name} with {msgspec.json.encode(use.input).decode()}]"}
        given = {"toolUseId": _TOOL_ID.fitted(use.id), "name": TOOL_NAME.fitted(use.name), "input": use.input}
        return {"toolUse": given}

    def _tool_result(self, result: ToolResult, names: Iterator[str]) -> Iterator[Any]:
        content = list(self._each(result.content, names))
        if not self.tools:
            yield {"text": "[An error came back:]" if result.is_error else "[This came back:]"}
            yield from content
            return
        given = {"toolUseId": _TOOL_ID.fitted(result.tool_use_id), "content": content or [{"text": "(nothing)"}]}
        yield {"toolResult": {**given, "status": "error"} if result.is_error else given}

    def _documents_of(self, message: Message) -> list[str]:
        """The names of the documents in *message*, in order."""
        if not any(isinstance(block, Document) for block in _flat(message.content)):
            return []
        if self._names is None:
            self._names = _named(self.messages)
        return self._names.get(id(message), [])


def _flat(content: Iterable[Block]) -> Iterator[Block]:
    for block in content:
        if isinstance(block, ToolResult):
            yield from block.content
        else:
            yield block


def _named(messages: Iterable[Message]) -> dict[int, list[str]]:
    """A name of its own for each document in *messages*, which hangs on those before it alone."""
    taken: set[str] = set()
    named: dict[int, list[str]] = {}
    for message in messages:
        documents = [block for block in _flat(message.content) if isinstance(block, Document)]
        if documents:
            named[id(message)] = [_free(document, taken) for document in documents]
    return named


def _free(document: Document, taken: set[str]) -> str:
    """A name for *document* in the letters that the API takes, unlike those *taken*.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
    """
    front = _foreign.sub(" ", (document.name or "").rpartition("/")[2])[:_NAME_CHARS].strip() or "document"
    name, number = front, 1
    while name in taken:
        number += 1
        name = f"{front} ({number})"
    taken.add(name)
    return name


def _format(block: Image | Document) -> str | None:
    """The API's word for what *block* is, by its media type or else by its address."""
    forms = _IMAGES if isinstance(block, Image) else _DOCUMENTS
    if block.media_type is not None:
        return forms.get(block.media_type)
    form = _SUFFIXES.get((block.url or "").rpartition(".")[2].lower())
    return form if form in forms.values() else None


def _thinking(block: Thinking) -> dict[str, Any]:
    if block.redacted:
        return {"reasoningContent": {"redactedContent": block.signature}}
    return {"reasoningContent": {"reasoningText": {"text": block.text, "signature": block.signature}}}
