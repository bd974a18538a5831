"""The messages of a request to Chat Completions: https://platform.openai.com/docs/api-reference/chat/create."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ...schema.content import Block, Document, Image, Opaque, Text, ToolResult, ToolUse, is_blank
from ...schema.errors import ThinkingRejected
from ...schema.messages import Message, Role
from ...schema.request import Request
from ...wire.media import MediaRules, data_url
from ..custom_tools import CallMark, input_text, is_compacted, marked_uses
from ..dialect import Dialect
from ..rules import file_name, image_detail, tool_id, tool_name
from .kept_parts import NOTHING_KEPT, REASONING_CONTENT, Kept, kept_in, thinking_in

_ERROR = "Error: "
_json = msgspec.json.encode
_Object = dict[str, Any]

_PLACEHOLDER = "(no answer)"
NO_ANSWER = _json({"role": "assistant", "content": _PLACEHOLDER})
"""The message between the results of tools and a user message, where a server needs one."""

# For calls without a signature: https://ai.google.dev/gemini-api/docs/thought-signatures
_UNSIGNED = {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}}


@dataclass(slots=True)
class MessageEncoder:
    """Encodes those messages of *request* that are new, in their order: all after those that the memo has."""

    dialect: Dialect
    request: Request
    _index: int = -1

    def items(self, message: Message) -> list[_Object]:
        """What *message* is on the wire: maybe none, maybe several."""
        self._index = self._index + 1 if self._index >= 0 else self.request.memo.unchanged
        is_answer = message.role is Role.ASSISTANT
        match message.content:
            # Most of them are this: the way below takes three times as long.
            case (Text(text=text),) if not (is_blank(text) or (is_answer and self.dialect.needs.thinking)):
                return [{"role": message.role, "content": text}]
            case content:
                return list(self._assistant(message) if is_answer else _user(self.dialect, content))

    def _assistant(self, message: Message) -> Iterator[_Object]:
        """Text and tool uses, with what is kept for the server that the answer came from.

        Other thinking and blocks of other providers have no form here.

        Raises:
            ThinkingRejected: *message* is a compaction, which stands for earlier messages.
        """
        content, provider = message.content, self.dialect.provider
        has_opaque = Opaque in map(type, content)
        if has_opaque and is_compacted(content, provider):
            raise ThinkingRejected("Chat Completions can't read what the Responses API compacted", provider)
        text = "".join(block.text for block in content if isinstance(block, Text))
        text = "" if is_blank(text) else text
        uses = marked_uses(content, provider)
        if not (text or uses):
            return
        kept = kept_in(content, provider) if has_opaque and self._is_own(message) else NOTHING_KEPT
        answer = {"role": "assistant", "content": text or None, **kept.message, **self._thinking(message, kept)}
        calls = [
            _tool_call(use, mark, self.dialect.id_chars) | kept.calls.get(number, {})
            for number, (use, mark) in enumerate(uses)
        ]
        if calls and self.dialect.needs.signatures:
            calls[0] = _UNSIGNED | calls[0]
        yield {**answer, "tool_calls": calls} if calls else answer

    def _thinking(self, message: Message, kept: Kept) -> _Object:
        """The member with the thinking of *message*, an answer with *kept*, if it goes back."""
        own = thinking_in(message.content, self.dialect.provider) if self._is_own(message) else ""
        if self.dialect.needs.thinking:
            return {REASONING_CONTENT: own or " "}  # DeepSeek V4 Pro rejects an empty one
        member = kept.thinking_in
        if member is None and own and not kept.message:
            member = self._member_of_turn()
        return {member: own} if member and (own or member == REASONING_CONTENT) else {}

    def _member_of_turn(self) -> str | None:
        """The member in which the answer before goes back with its thinking, if its tools' results are between them.

        "If the model performed tool calls, the reasoning_content must be passed back", says DeepSeek of whole turns.
        """
        before = self.request.messages[max(0, self._index - 2) : self._index]
        if len(before) < 2 or not any(isinstance(block, ToolResult) for block in before[1].content):
            return None
        called = before[0]
        return kept_in(called.content, self.dialect.provider).thinking_in if self._is_own(called) else None

    def _is_own(self, message: Message) -> bool:
        return message.readable_by(self.dialect.source)


def _tool_call(use: ToolUse, mark: CallMark, id_chars: int | None) -> _Object:
    call_id, name = tool_id(use.id, id_chars), tool_name(use.name)
    if mark.custom:
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": input_text(use.input)}}
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": _json(use.input).decode()}}


def _user(dialect: Dialect, content: Sequence[Block]) -> Iterator[_Object]:
    """The tool results, which must follow their uses at once, then all else.

    A tool message holds text only: what else is in a result follows in the user message, after a line that says whose
    it is.
    """
    media = dialect.media
    rest: list[_Object] = []
    for block in content:
        if isinstance(block, ToolResult):
            made_by = tool_id(block.tool_use_id, dialect.id_chars)
            parts = [_part(media, piece) for piece in block.content]
            yield {"role": "tool", "tool_call_id": made_by, "content": _result_text(block, parts)}
            if others := [part for part in parts if part["type"] != "text"]:
                rest += [_text(f"From the result of {made_by}:"), *others]
    rest += [_part(media, block) for block in content if isinstance(block, Text | Image | Document)]
    if rest and dialect.needs.answers and any(isinstance(block, ToolResult) for block in content):
        yield {"role": "assistant", "content": _PLACEHOLDER}
    match [part for part in rest if part["type"] != "text" or not is_blank(part["text"])]:
        case []:
            pass
        case [{"type": "text", "text": text}]:
            yield {"role": "user", "content": text}
        case parts if not dialect.own and all(part["type"] == "text" for part in parts):
            # Many compatible servers take no arrays, or only those of vision models.
            yield {"role": "user", "content": "\n\n".join(part["text"] for part in parts)}
        case parts:
            yield {"role": "user", "content": parts}


def _result_text(result: ToolResult, parts: Sequence[_Object]) -> str:
    """The text of *result*; there is no flag for an error, so the text says it."""
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    return _ERROR + text if result.is_error else text


def _part(media: MediaRules, block: Text | Image | Document) -> _Object:
    if isinstance(block, Text):
        return _text(block.text)
    if note := media.note(block):
        return _text(note)
    match block:
        case Image():
            return {
                "type": "image_url",
                "image_url": {"url": block.url or data_url(block), **image_detail(block)},
            }
        case Document():
            return {"type": "file", "file": {"filename": file_name(block), "file_data": data_url(block)}}


def _text(text: str) -> _Object:
    return {"type": "text", "text": text}
