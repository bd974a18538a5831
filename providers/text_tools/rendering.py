"""A history with tool uses and results as text, for models that have none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

import msgspec

from ..schema.content import Block, Text, ToolResult, ToolUse, UserBlock
from ..schema.messages import HistoryView, Message, unchanged_messages
from .instructions import use_text
from .tags import RESULT, USE, USE_END, attribute

Results = Literal["user", "assistant", "inline"]
Schemas = Mapping[str, dict[str, Any]]
"""The schema of each tool's input, by the tool's name."""

GO_ON = "The results of your tool uses have been added to your answer above. Go on."
"""The user's message after an answer that has them: no request ends with an answer."""

_RESULT_END = f"</{RESULT}>"


@dataclass(slots=True)
class RenderedHistory:
    """The messages of a session as text, one for each message: each is rendered once, so a turn costs what is new."""

    key: object = None
    _source: Sequence[Message] = ()
    _rendered: list[Message] = field(default_factory=list[Message])

    def messages(self, source: Sequence[Message], key: object, schemas: Schemas, results: Results) -> HistoryView:
        """*source* as text. *key* is what that depends on besides; another one discards what has been rendered."""
        if key != self.key:
            self.key, self._source, self._rendered = key, (), []
        same = unchanged_messages(self._source, source)
        if same and _uses(source[same - 1]):
            same -= 1  # it may have the results of what follows
        if same < len(self._rendered):
            self._rendered = self._rendered[:same]  # a new list: views of the old one stay
        before = source[same - 1] if same else None
        for message, after in zip(source[same:], (*source[same + 1 :], None), strict=True):
            self._rendered.append(_rendered(message, before, after, schemas, results))
            before = message
        self._source = source if isinstance(source, HistoryView) else tuple(source)
        return HistoryView(self._rendered)


def _rendered(
    message: Message, before: Message | None, after: Message | None, schemas: Schemas, results: Results
) -> Message:
    if uses := _uses(message):
        answered = _results(after) if results != "user" else {}
        content = _with_uses(message.content, schemas, answered, results == "inline")
        if answered and results == "assistant":
            texts = [result_text(use.name, answered[use.id]) for use in uses if use.id in answered]
            content = _joined([*content, *map(Text, texts)])
        return msgspec.structs.replace(message, content=tuple(content))
    if any(isinstance(block, ToolResult) for block in message.content):
        names = {use.id: use.name for use in _uses(before)}
        return msgspec.structs.replace(message, content=tuple(_with_results(message.content, names, results)))
    return message


def _uses(message: Message | None) -> list[ToolUse]:
    return [block for block in message.content if isinstance(block, ToolUse)] if message else []


def _results(message: Message | None) -> dict[str, ToolResult]:
    content = message.content if message else ()
    return {block.tool_use_id: block for block in content if isinstance(block, ToolResult)}


def _with_uses(
    content: Iterable[Block], schemas: Schemas, answered: Mapping[str, ToolResult], is_inline: bool
) -> list[Block]:
    """The content of an answer, with its tool uses as text; those *answered* have their results if it *is_inline*."""
    blocks: list[Block] = []
    for block in content:
        if not isinstance(block, ToolUse):
            blocks.append(block)
            continue
        blocks.append(Text(_use(block, schemas)))
        if is_inline and block.id in answered:
            blocks.append(Text(result_text(block.name, answered[block.id])))
    return _joined(blocks)


def _use(use: ToolUse, schemas: Schemas) -> str:
    if use.malformed is None:
        return use_text(use.name, use.input, schemas.get(use.name, {}))
    return f"<{USE} name={attribute(use.name)}>{use.malformed}{USE_END}"


def _joined(blocks: Iterable[Block]) -> list[Block]:
    """*blocks*, texts in a row as one, except those with citations."""
    joined: list[Block] = []
    for is_plain, group in groupby(blocks, lambda block: isinstance(block, Text) and not block.citations):
        if is_plain:
            joined.append(Text("\n\n".join(block.text for block in group if isinstance(block, Text))))
        else:
            joined += group
    return joined


def _with_results(content: Iterable[Block], names: Mapping[str, str], results: Results) -> Iterator[Block]:
    """The content of a message with results: they come as text here, or have come in the answer before."""
    if results != "user":
        yield Text(GO_ON)
    for block in content:
        if not isinstance(block, ToolResult):
            yield block
        elif results == "user":
            yield from _result_blocks(names.get(block.tool_use_id, "tool"), block)
        else:
            yield from (each for each in block.content if not isinstance(each, Text))


def _result_blocks(name: str, result: ToolResult) -> Iterator[UserBlock]:
    media = [block for block in result.content if not isinstance(block, Text)]
    if not media:
        yield Text(result_text(name, result))
        return
    yield Text(_start(name, result).rstrip())
    yield from (Text(_harmless(block.text)) if isinstance(block, Text) else block for block in result.content)
    yield Text(_RESULT_END)


def result_text(name: str, result: ToolResult) -> str:
    """The *result* of the tool *name*, without images and documents."""
    text = "\n".join(block.text for block in result.content if isinstance(block, Text))
    return f"{_start(name, result)}{_harmless(text)}\n{_RESULT_END}"


def _start(name: str, result: ToolResult) -> str:
    error = ' error="true"' if result.is_error else ""
    return f"<{RESULT} name={attribute(name)}{error}>\n"


def _harmless(text: str) -> str:
    """*text* that can't end the result that it is in: what a tool returns must not speak for anybody else."""
    return text.replace(_RESULT_END[:-1], f"&lt;/{RESULT}")
