"""Custom tools, whose input is free text. Ours is an object: the text becomes its member ``input``."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ..schema.content import Block, Opaque, ToolUse

INPUT_START = '{"input":"'
INPUT_END = '"}'

MARK = "tool_call"
"""The type of the opaque block that says how the tool use after it was made, so that it goes back in the same way."""

COMPACTED = "compacted"
"""The type of the opaque blocks that the Responses API made of earlier messages."""


KEPT = "chat_parts"
"""The type of the opaque block at the end of an answer of Chat Completions: what a compatible server wants back."""


class CallMark(msgspec.Struct, omit_defaults=True):
    """The members of a call that a ``ToolUse`` has no field for: whether its input is text, and its *namespace*."""

    custom: bool = False
    namespace: str | None = None


PLAIN_CALL = CallMark()
"""The mark of a call of a function."""

_mark = msgspec.json.Decoder(CallMark).decode


def escape_input(text: str) -> str:
    """*text* as it stands between the quotes of a JSON string."""
    return msgspec.json.encode(text)[1:-1].decode()


def input_text(tool_input: dict[str, Any]) -> str:
    """The text that *tool_input*, of a custom tool, stands for."""
    match tool_input:
        case {"input": str(text)} if len(tool_input) == 1:
            return text
        case _:
            return msgspec.json.encode(tool_input).decode()


def marked_uses(content: Sequence[Block], provider: str) -> list[tuple[ToolUse, CallMark]]:
    """The tool uses in *content*, each with its mark, where *provider* made it."""
    if Opaque not in map(type, content):  # nearly always
        return [(block, PLAIN_CALL) for block in content if isinstance(block, ToolUse)]
    uses: list[tuple[ToolUse, CallMark]] = []
    mark = PLAIN_CALL
    for block in content:
        match block:
            case Opaque(type=kind, json=json) if kind == MARK and block.provider == provider:
                mark = _mark(json)
                continue
            case ToolUse():
                uses.append((block, mark))
            case _:
                pass
        mark = PLAIN_CALL
    return uses


def is_compacted(content: Sequence[Block], provider: str) -> bool:
    """True if *content* stands for earlier messages, which *provider* compacted."""
    return any(
        isinstance(block, Opaque) and block.type == COMPACTED and block.provider == provider for block in content
    )
