"""An extract of messages that must be dropped: what is left of them where no model has summarized them."""

from collections.abc import Callable, Sequence

from ...providers.schema.content import Text
from ...providers.schema.messages import Message
from .summary_message import summary_message, summary_text

_LINE_CHARS = (200, 100, 50, 25)
"""How much of a message an extract has; less, if that is too much."""

_LEFT_OUT = "- [...]"


def extract(messages: Sequence[Message], max_tokens: int, count_tokens: Callable[[Message], int]) -> Message | None:
    """The message that stands for *messages*: earlier summaries, then the beginnings of what the user said.

    If there are too many of these, those in the middle are left out. ``None`` if nothing fits into *max_tokens*.
    """
    earlier = [line for message in messages if message.stands_for for line in summary_text(message).splitlines()]
    said = [_text(message) for message in messages if message.starts_turn]
    if not said:
        return None
    for chars in _LINE_CHARS:
        lines = [*earlier, *(f"- {text[:chars]}" for text in said)]
        if (message := _fitting(messages, lines, max_tokens, count_tokens)) is not None:
            return message
    lines = [*earlier, *(f"- {text[: _LINE_CHARS[-1]]}" for text in said)]
    kept = len(lines) // 2
    while kept > 1:
        shorter = [*lines[:kept], _LEFT_OUT, *lines[-kept:]]
        if (message := _fitting(messages, shorter, max_tokens, count_tokens)) is not None:
            return message
        kept -= max(1, kept // 8)
    return None


def _fitting(
    messages: Sequence[Message], lines: Sequence[str], max_tokens: int, count_tokens: Callable[[Message], int]
) -> Message | None:
    message = summary_message(messages, "\n".join(lines), within_turn=False)
    return message if lines and count_tokens(message) <= max_tokens else None


def _text(message: Message) -> str:
    return " ".join(" ".join(block.text for block in message.content if isinstance(block, Text)).split())
