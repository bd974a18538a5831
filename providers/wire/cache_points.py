"""System prompts and messages: their text, and where a request marks what a provider is to cache."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from ..schema.content import Text, is_blank
from ..schema.errors import InvalidConfig
from ..schema.messages import Message

SystemPrompt = str | Sequence[Text] | None

MAX_MARKS = 3
"""How many blocks can be marked. Providers take four marks in a request, and one is for the messages."""


def cache_points(messages: Sequence[Message], can_be_marked: Callable[[Message], bool]) -> set[int]:
    """The indexes of the messages to mark: the last one before this turn, and the last one of this turn.

    The provider caches everything up to a mark, and the next request begins with it: so a turn with many tools pays for
    each step once. Where a message can't be marked, the one before it is.
    """
    length = before = len(messages)
    turn = messages[-1].turn if messages else 0
    for message in reversed(messages):
        if message.turn != turn:
            break
        before -= 1
    ends = [before, length] if length - before > 1 else [before]
    found = (next((index for index in range(end - 1, -1, -1) if can_be_marked(messages[index])), None) for end in ends)
    return {index for index in found if index is not None}


class SystemPart(NamedTuple):
    """The text of adjacent blocks. With *is_marked*, it ends with a mark."""

    text: str
    is_marked: bool


def system_text(system: SystemPrompt) -> str:
    """The text of *system*: of blocks, with a blank line between them. Empty if there is none, or if it is blank."""
    if system is None or isinstance(system, str):
        return "" if is_blank(system or "") else system or ""
    return "\n\n".join(block.text for block in system if not is_blank(block.text))


def system_parts(system: SystemPrompt) -> list[SystemPart]:
    """The parts of *system* up to each mark, and the rest; a text has one part. None of them is blank."""
    if system is None or isinstance(system, str):
        text = system_text(system)
        return [SystemPart(text, False)] if text else []
    parts: list[SystemPart] = []
    start = 0
    for end, block in enumerate(system, start=1):
        if block.cache or end == len(system):
            if text := system_text(system[start:end]):
                parts.append(SystemPart(text, block.cache))
            start = end
    return parts


def check_unmarked(content: Sequence[object], field: str) -> None:
    """Reject blocks of a message that are marked.

    Raises:
        InvalidConfig: the block is named.
    """
    for number, block in enumerate(content):
        if isinstance(block, Text) and block.cache:
            problem = "only blocks of a system prompt are marked; messages are cached by themselves (prompt_caching)"
            raise InvalidConfig(f"{field}[{number}].cache", problem)


def check_system(system: object, field: str) -> None:
    """Reject blocks that no provider takes in a system prompt.

    Raises:
        InvalidConfig: one is no ``Text``, or has citations, a blank one is marked, or too many are; it is named.
    """
    if not isinstance(system, list | tuple):
        return
    marks = 0
    for number, block in enumerate(cast("Sequence[object]", system)):
        if not isinstance(block, Text):
            raise InvalidConfig(f"{field}[{number}]", f"give a Text, not a {type(block).__name__}")
        marks += block.cache
        if block.citations:
            raise InvalidConfig(f"{field}[{number}].citations", "a system prompt has no citations; leave them out")
        if block.cache and is_blank(block.text):
            raise InvalidConfig(f"{field}[{number}].cache", "the text is blank; mark the block before it")
        if marks > MAX_MARKS:
            raise InvalidConfig(f"{field}[{number}].cache", f"at most {MAX_MARKS} blocks can be marked; leave one out")
