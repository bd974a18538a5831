"""The history as the items of a Responses request: https://platform.openai.com/docs/api-reference/responses/create."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ...schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse, is_blank
from ...schema.messages import Message, Role
from ...schema.request import Request
from ...wire.media import MediaRules, data_url
from ..chat.alternation import alternating
from ..custom_tools import KEPT, MARK, PLAIN_CALL, CallMark, input_text, marked_uses
from ..dialect import Dialect
from ..rules import file_name, image_detail, tool_id, tool_name
from .events import PHASE, Sealed

_ERROR = "Error"
_ID_CHARS = 64
_json = msgspec.json.encode
_sealed = msgspec.json.Decoder(Sealed).decode
_phase = msgspec.json.Decoder(dict[str, str]).decode
_Object = dict[str, Any]
_Item = _Object | msgspec.Raw


def input_items(request: Request, dialect: Dialect) -> Iterable[bytes]:
    """The messages of *request*, each as the items that it is, encoded once in the life of ``request.memo``."""
    encoder = _Encoder(dialect, request.messages)
    encoded: Sequence[bytes] = request.memo.forms(request.messages, dialect, encoder.items)
    if not dialect.own:
        encoded = alternating(request, encoded, "input_text")
    return filter(None, encoded)


@dataclass(slots=True)
class _Encoder:
    """Encodes those of *messages* that are new, in their order: all messages after the first one that is."""

    dialect: Dialect
    messages: Sequence[Message]
    _before: Message | None = None

    def items(self, message: Message) -> list[_Item]:
        """What *message* is on the wire: maybe none, maybe several."""
        match message.content:
            case (Text(text=text),) if not is_blank(text):  # most; the way below takes several times as long
                items: list[_Item] = [{"role": message.role, "content": text}]
            case content if message.role is Role.ASSISTANT:
                items = _thought_out(_assistant(self.dialect, content, message.readable_by(self.dialect.source)))
            case content:
                items = list(_user(self.dialect, content, self._custom_ids(message)))
        self._before = message
        return items

    def _custom_ids(self, message: Message) -> Collection[str]:
        """The ids of the custom tool uses that *message* answers: they are in the message before it."""
        before = self._before or self._message_before(message)
        if before is None or Opaque not in map(type, before.content):
            return ()
        return {use.id for use, mark in marked_uses(before.content, self.dialect.provider) if mark.custom}

    def _message_before(self, message: Message) -> Message | None:
        """The message before *message*, the first new one."""
        index = next(index for index in range(len(self.messages) - 1, -1, -1) if self.messages[index] is message)
        return self.messages[index - 1] if index else None


def _thought_out(items: Iterable[_Item]) -> list[_Item]:
    """*items* without thinking at their end: the API wants what it led to, and of an answer cut short there is none."""
    kept = list(items)
    while kept and isinstance(kept[-1], dict) and kept[-1].get("type") == "reasoning":
        del kept[-1]
    return kept


def _assistant(dialect: Dialect, content: Sequence[Block], readable: bool) -> Iterator[_Item]:
    """The items of an answer, each in its place.

    What another provider made, and only it understands, is left out. So is what is encrypted for another model,
    endpoint or account, and what another one keeps: *readable* is false for those.
    """
    phase: dict[str, str] = {}
    marks: dict[str, CallMark] = {}
    if Opaque in map(type, content):
        marks = {use.id: mark for use, mark in marked_uses(content, dialect.provider)}
    for block in content:
        match block:
            case Text(text=text):
                if not is_blank(text):
                    yield {"role": "assistant", "content": text, **phase}
                phase = {}
            case ToolUse():
                yield _call(block, marks.get(block.id, PLAIN_CALL))
            case Thinking(provider=provider, signature=str(signature)) if readable and provider == dialect.provider:
                yield from _reasoning(block.text, signature, dialect.own)
            case Opaque(type=kind) if block.provider == dialect.provider:
                if kind == PHASE:
                    phase = _phase(block.json)
                elif readable and kind not in (MARK, KEPT):
                    yield msgspec.Raw(block.json)
            case _:
                pass


def _call(use: ToolUse, mark: CallMark) -> _Object:
    call: _Object = {"call_id": tool_id(use.id, _ID_CHARS), "name": tool_name(use.name)}
    if mark.namespace is not None:
        call["namespace"] = mark.namespace
    if mark.custom:
        return {"type": "custom_tool_call", **call, "input": input_text(use.input)}
    return {"type": "function_call", **call, "arguments": _json(use.input).decode()}


def _reasoning(text: str, signature: str, own: bool) -> Iterator[_Object]:
    """The reasoning item that *signature* seals; nothing where it is not this API's.

    OpenAI's own servers are given no id: by one they look for what they have not stored, or for the message after it,
    which goes back without its id, too ("provided without its required following item"). Others ask for it.
    """
    try:
        sealed = _sealed(signature)
    except (ValueError, UnicodeEncodeError):
        return
    summary = [{"type": "summary_text", "text": text}] if text else []
    named = {} if own else {"id": sealed.id}
    yield {"type": "reasoning", **named, "summary": summary, "encrypted_content": sealed.encrypted_content}


def _user(dialect: Dialect, content: Sequence[Block], custom_ids: Collection[str]) -> Iterator[_Object]:
    """The tool results, which must follow their uses at once, then all else. *custom_ids* are those of custom tools."""
    for block in content:
        if isinstance(block, ToolResult):
            yield {
                "type": "custom_tool_call_output" if block.tool_use_id in custom_ids else "function_call_output",
                "call_id": tool_id(block.tool_use_id, _ID_CHARS),
                "output": _output(dialect.media, block),
            }
    parts = [_part(dialect.media, block) for block in content if isinstance(block, Text | Image | Document)]
    match [part for part in parts if part["type"] != "input_text" or not is_blank(part["text"])]:
        case []:
            pass
        case [{"type": "input_text", "text": text}]:
            yield {"role": "user", "content": text}
        case rest:
            yield {"role": "user", "content": rest}


def _output(media: MediaRules, result: ToolResult) -> str | list[_Object]:
    """The text of *result* and, if there is more in it, all its parts; an error has no flag, so the text says it."""
    parts = [_part(media, block) for block in result.content]
    texts = [part["text"] for part in parts if part["type"] == "input_text"]
    if len(texts) == len(parts):
        return "\n".join([f"{_ERROR}: {texts[0]}" if texts else _ERROR, *texts[1:]] if result.is_error else texts)
    said = [part for part in parts if part.get("text") != ""]
    return [_text(f"{_ERROR}:"), *said] if result.is_error else said


def _part(media: MediaRules, block: Text | Image | Document) -> _Object:
    if isinstance(block, Text):
        return _text(block.text)
    if note := media.note(block):
        return _text(note)
    match block:
        case Image():
            detail = image_detail(block)
            return {"type": "input_image", "image_url": block.url or data_url(block), **detail}
        case Document(url=str(url)):
            return {"type": "input_file", "file_url": url}
        case Document():
            return {"type": "input_file", "filename": file_name(block), "file_data": data_url(block)}


def _text(text: str) -> _Object:
    return {"type": "input_text", "text": text}
