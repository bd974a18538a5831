"""The content of messages as Google takes it, in parts: https://ai.google.dev/api/caching#Content."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from mimetypes import guess_type
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from ..schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse, is_blank
from ..schema.errors import UnsupportedContent
from ..schema.messages import Message
from ..wire.media import MediaLimits, MediaRules, base64_data
from ..wire.name_rules import NameRule
from .errors import PROVIDER
from .events import SIGNATURE

NAME_CHARS = 128
# The SDK says of a function's name: "Must start with a letter or an underscore. Must be a-z, A-Z, 0-9, or contain
# underscores, dots, colons and dashes".
_name = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]*")
_FOREIGN = NameRule(chars=NAME_CHARS - 1)
# For tool uses of other models, endpoints and accounts: https://ai.google.dev/gemini-api/docs/thought-signatures
_UNSIGNED = "skip_thought_signature_validator"

# https://ai.google.dev/gemini-api/docs/file-input-methods: a request may hold 20 MB of inline media in all, base64
# included; larger files are uploaded first and referred to by URL. Some models and versions take more.
_REQUEST_BYTES = 20_000_000
INLINE_BYTES = _REQUEST_BYTES * 3 // 4

# https://ai.google.dev/gemini-api/docs/image-understanding and .../document-processing: documents of other types than
# PDF are read as text.
_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_DOCUMENTS = frozenset(
    {
        "application/pdf",
        "application/json",
        "application/rtf",
        "application/x-javascript",
        "application/x-python",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/markdown",
        "text/md",
        "text/plain",
        "text/rtf",
        "text/x-python",
        "text/xml",
    }
)
MEDIA = MediaRules(
    PROVIDER,
    images=MediaLimits(_IMAGES, INLINE_BYTES, by_url=True),
    documents=MediaLimits(_DOCUMENTS, INLINE_BYTES, by_url=True),
)

# https://ai.google.dev/gemini-api/docs/function-calling#multimodal
_RESULT_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"})

# https://ai.google.dev/gemini-api/docs/media-resolution: the level of one part. Without one, the model decides.
_RESOLUTIONS = {
    "low": "MEDIA_RESOLUTION_LOW",
    "medium": "MEDIA_RESOLUTION_MEDIUM",
    "high": "MEDIA_RESOLUTION_HIGH",
    "ultra_high": "MEDIA_RESOLUTION_ULTRA_HIGH",
}

_Part = dict[str, Any] | msgspec.Raw
_members = msgspec.json.Decoder(dict[str, Any]).decode


def is_tool_name(name: str) -> bool:
    """True if Google takes *name* for a tool."""
    return len(name) <= NAME_CHARS and _name.fullmatch(name) is not None


def tool_name(name: str) -> str:
    """*name*, or a substitute if another provider's rules allowed it and Google's do not. Names stay distinct."""
    return name if is_tool_name(name) else f"_{_FOREIGN.fitted(name)}"


def check_content(content: Sequence[Block], media: MediaRules) -> None:
    """Check the images and documents in *content*, each of them and their size together.

    Raises:
        UnsupportedContent: *media* does not take a block, which is named by its place, or they are too large together.
    """
    media.check(content)
    size_bytes = sum(len(block.data or b"") for block in _media(content))
    if size_bytes > INLINE_BYTES:
        problem = f"{PROVIDER} takes up to {INLINE_BYTES:,} bytes of images and documents in all, not {size_bytes:,}"
        raise UnsupportedContent(f"content: {problem}; give some by URL", PROVIDER)


def _media(content: Sequence[Block]) -> Iterator[Image | Document]:
    for block in content:
        if isinstance(block, ToolResult):
            yield from _media(block.content)
        elif isinstance(block, Image | Document):
            yield block


@dataclass(frozen=True, slots=True)
class PartRules:
    """What shapes the parts of the messages to one model.

    *media* are the images and documents that it takes; *source* is the ``Origin.source`` of its answers, and so, of the
    signatures that it can read. *needs_signatures*: it rejects tool uses of the current turn without one.
    *takes_result_media*: the results of tools may hold media, and each part may have its own resolution (both from
    Gemini 3 on).
    """

    media: MediaRules
    source: str = ""
    needs_signatures: bool = False
    takes_result_media: bool = False


class Parts:
    """Encodes the messages of one request into parts, in their order.

    The result of a tool has to name the tool, which an earlier message does.
    """

    def __init__(self, messages: Sequence[Message], rules: PartRules) -> None:
        self._messages = messages
        self._rules = rules
        self._names: dict[str, str] = {}

    def of(self, message: Message) -> list[_Part]:
        """The parts of *message*; what Google has no form for is left out."""
        match message.content:
            case (Text(text=text),) if not is_blank(text):  # most messages; the general case takes longer
                return [{"text": text}]
            case content:
                return self._parts(content, message.readable_by(self._rules.source))

    def _parts(self, content: Sequence[Block], is_readable: bool) -> list[_Part]:
        """The parts of *content*; with *is_readable* off, its signatures are another model's and are left out."""
        parts: list[_Part] = []
        after_results: list[_Part] = []
        for block in content:
            match block:
                case Text(text=text):
                    if not is_blank(text):
                        parts.append({"text": text})
                case Image() | Document():
                    parts.append(self._media_part(block))
                case Thinking(provider=provider, signature=signature):
                    if is_readable and provider == PROVIDER and signature:
                        parts.append({"text": block.text, "thought": True, "thoughtSignature": signature})
                case ToolUse():
                    self._names[block.id] = name = tool_name(block.name)
                    parts.append({"functionCall": {"id": block.id, "name": name, "args": block.input}})
                case ToolResult():
                    parts.append(self._result_part(block, after_results))
                case Opaque(provider=provider):
                    if is_readable and provider == PROVIDER:
                        _add_opaque(block, parts)
        if self._rules.needs_signatures:
            _sign_first_call(parts)
        return parts + after_results

    def _media_part(self, block: Image | Document) -> _Part:
        note = self._rules.media.note(block)
        if note:
            return {"text": note}
        part = _inline_or_file(block)
        if self._rules.takes_result_media and isinstance(block, Image) and block.detail in _RESOLUTIONS:
            part["mediaResolution"] = {"level": _RESOLUTIONS[block.detail]}
        return part

    def _result_part(self, result: ToolResult, after_results: list[_Part]) -> _Part:
        """*result* with its media, where the model takes them there.

        Other media are added to *after_results*, after a line that names the tool.
        """
        name = self._tool_name_of(result.tool_use_id)
        texts: list[str] = []
        inside: list[_Part] = []
        others: list[_Part] = []
        for block in result.content:
            part = {"text": block.text} if isinstance(block, Text) else self._media_part(block)
            if isinstance(part, dict) and "text" in part:
                texts.append(part["text"])
            elif self._rules.takes_result_media and _media_type(block) in _RESULT_TYPES:
                inside.append(part)
            else:
                others.append(part)
        if others:
            after_results += [{"text": f"From the result of {name} ({result.tool_use_id}):"}, *others]
        members: dict[str, Any] = {"id": result.tool_use_id, "name": name, "response": _response(result, texts)}
        if inside:
            members["parts"] = inside
        return {"functionResponse": members}

    def _tool_name_of(self, use_id: str) -> str:
        """The name of the tool of *use_id*: from a message of this pass, or from an earlier one, encoded before."""
        if use_id not in self._names:
            uses = (
                block
                for message in reversed(self._messages)
                for block in message.content
                if isinstance(block, ToolUse) and block.id == use_id
            )
            use = next(uses, None)
            self._names[use_id] = tool_name(use.name if use else use_id)
        return self._names[use_id]


def _response(result: ToolResult, texts: Sequence[str]) -> dict[str, Any]:
    """The object that stands for *result*: its own, or one with its *texts*.

    Google reads a ``$ref`` anywhere in it as a reference to a part, and rejects those that name none: such objects are
    sent as JSON text.
    """
    kind = "error" if result.is_error else "output"
    own = result.structured
    if own is None:
        return {kind: "\n".join(texts)}
    if _refers(own):
        return {kind: msgspec.json.encode(own).decode()}
    return {"error": own} if result.is_error and "error" not in own else own


def _refers(value: object) -> bool:
    """True if *value* contains the member ``$ref``."""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return "$ref" in members or any(map(_refers, members.values()))
    return isinstance(value, list) and any(map(_refers, cast("list[object]", value)))


def _inline_or_file(block: Image | Document) -> dict[str, Any]:
    if block.data is not None:
        return {"inlineData": {"mimeType": block.media_type, "data": base64_data(block)}}
    return {"fileData": {"mimeType": _media_type(block), "fileUri": block.url}}


def _media_type(block: Text | Image | Document) -> str:
    """The media type of *block*, which the API requires: at a URL, the end of the path mostly shows it."""
    if isinstance(block, Text):
        return "text/plain"
    guess = block.media_type or guess_type(urlsplit(block.url or "").path)[0]
    return guess or ("image/jpeg" if isinstance(block, Image) else "application/pdf")


def _add_opaque(block: Opaque, parts: list[_Part]) -> None:
    """Append *block*, which is Google's own, to *parts*; a signature goes into the last of them."""
    members = _members(block.json) if block.type == SIGNATURE else {"text": ""}
    if "text" in members:
        parts.append(msgspec.Raw(block.json))
    elif parts and isinstance(last := parts[-1], dict):
        last |= members


def _sign_first_call(parts: list[_Part]) -> None:
    """Mark the first tool use in *parts* as another model's, if it has no signature."""
    first = next((part for part in parts if isinstance(part, dict) and "functionCall" in part), None)
    if first is not None:
        first.setdefault("thoughtSignature", _UNSIGNED)
