"""Messages as Google takes them, in parts: https://ai.google.dev/api/caching#Content."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from ..schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ..schema.messages import Message
from ..wire.media import MediaRules
from ..wire.name_rules import NameRule
from .errors import PROVIDER, SIGNATURE
from .media import media_part

NAME_CHARS = 128
# "Must start with a letter or an underscore. Must be a-z, A-Z, 0-9, or contain underscores, dots, colons and dashes",
# says the SDK of a function's name.
_name = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]*")
_FOREIGN = NameRule(chars=NAME_CHARS - 1)
# What Google's documents have for tool uses that it did not make: https://ai.google.dev/gemini-api/docs/thought-signatures
_UNSIGNED = "skip_thought_signature_validator"

_Part = dict[str, Any] | msgspec.Raw
_members = msgspec.json.Decoder(dict[str, Any]).decode


def is_tool_name(name: str) -> bool:
    """Whether Google takes *name* for a tool."""
    return len(name) <= NAME_CHARS and _name.fullmatch(name) is not None


def tool_name(name: str) -> str:
    """*name*, or what stands for it: another provider may have taken other letters. Different names stay different."""
    return name if is_tool_name(name) else f"_{_FOREIGN.fitted(name)}"


class Parts:
    """Makes the parts of the messages of one request, in their order.

    A tool's result has to tell the tool's name, which stands in a message before. With *signs*, the model refuses tool
    uses in this turn without a signature.
    """

    def __init__(self, messages: Sequence[Message], media: MediaRules, signs: bool) -> None:
        self._messages = messages
        self._media = media
        self._signs = signs
        self._names: dict[str, str] = {}

    def of(self, message: Message) -> list[_Part]:
        """What of *message* goes to the API, in order."""
        match message.content:
            case (Text(text=text),) if text:  # most of them are this: the way below takes longer
                return [{"text": text}]
            case content:
                return self._each(content)

    def _each(self, content: Sequence[Block]) -> list[_Part]:
        parts: list[_Part] = []
        after: list[_Part] = []
        for block in content:
            match block:
                case Text(text=text):
                    if text:
                        parts.append({"text": text})
                case Image() | Document():
                    parts.append(self._media_part(block))
                case Thinking(provider=provider, signature=signature):
                    if provider == PROVIDER and signature:
                        parts.append({"text": block.text, "thought": True, "thoughtSignature": signature})
                case ToolUse():
                    self._names[block.id] = name = tool_name(block.name)
                    parts.append({"functionCall": {"id": block.id, "name": name, "args": block.input}})
                case ToolResult():
                    parts.append(self._response(block, after))
                case Opaque(provider=provider):
                    if provider == PROVIDER:
                        _put(block, parts)
        if self._signs:
            _sign(parts)
        return parts + after

    def _media_part(self, block: Image | Document) -> _Part:
        note = self._media.note(block)
        return {"text": note} if note else media_part(block)

    def _response(self, result: ToolResult, after: list[_Part]) -> _Part:
        """*result*; what is not text in it goes *after* all results, behind a line that says whose it is."""
        name = self._name(result.tool_use_id)
        texts: list[str] = []
        others: list[_Part] = []
        for block in result.content:
            part = {"text": block.text} if isinstance(block, Text) else self._media_part(block)
            if isinstance(part, dict) and "text" in part:
                texts.append(part["text"])
            else:
                others.append(part)
        if others:
            after += [{"text": f"From the result of {name} ({result.tool_use_id}):"}, *others]
        said = {"error" if result.is_error else "output": "\n".join(texts)}
        return {"functionResponse": {"id": result.tool_use_id, "name": name, "response": said}}

    def _name(self, use_id: str) -> str:
        """The name of the tool that *use_id* asked for: in a message made just now, or in one made before."""
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


def _put(block: Opaque, parts: list[_Part]) -> None:
    """Put *block*, Google's own, behind *parts*, or the signature that it holds on the last of them."""
    signature = _members(block.json) if block.type == SIGNATURE else {"text": ""}
    if "text" in signature:
        parts.append(msgspec.Raw(block.json))
    elif parts and isinstance(last := parts[-1], dict):
        last |= signature


def _sign(parts: list[_Part]) -> None:
    """Give the first of the tool uses in *parts* a signature, if none of them has any: it is not Google's then."""
    calls = [part for part in parts if isinstance(part, dict) and "functionCall" in part]
    if calls and not any("thoughtSignature" in call for call in calls):
        calls[0]["thoughtSignature"] = _UNSIGNED
