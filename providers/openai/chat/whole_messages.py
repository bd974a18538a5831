"""Messages of Chat Completions in place of deltas: whole answers, pieces under the other name, and what both repeat."""

from typing import Any, cast

import msgspec

from ...transport.fault_bodies import says_something
from .events import Choice, Piece

_Object = dict[str, Any]


class _TextChoice(msgspec.Struct):
    index: object = None
    text: str | None = None


class _TextChunk(msgspec.Struct):
    choices: list[_TextChoice] = []


_text_chunk = msgspec.json.Decoder(_TextChunk).decode
_json = msgspec.json.Decoder().decode


class Messages:
    """The messages of one answer. A stream of them has pieces, or all so far in each one."""

    def __init__(self) -> None:
        self.count = 0
        self._text = self._thinking = ""

    def unread(self, choice: Choice, has_text: bool, has_thinking: bool, has_calls: bool) -> Piece | None:
        """What the message of *choice* has and what came before has not: deltas, or the messages before.

        A message beside a delta counts for the calls only: its text is that of the delta, or all so far.
        """
        message = choice.message
        if message is None:
            return choice.delta
        new_calls = None if has_calls else message.tool_calls
        if choice.delta is not None:
            if choice.finish_reason and choice.delta.is_empty() and not (has_text or has_thinking or has_calls):
                return message
            adds_calls = new_calls and choice.finish_reason and not choice.delta.tool_calls
            return msgspec.structs.replace(choice.delta, tool_calls=new_calls) if adds_calls else choice.delta
        is_repeated = not self.count  # by deltas
        self.count += 1
        thinking = message.reasoning_content or message.reasoning or ""
        self._text, text = _continued(self._text, message.content or "")
        self._thinking, thinking = _continued(self._thinking, thinking)
        return msgspec.structs.replace(
            message,
            content="" if is_repeated and has_text else text,
            reasoning_content="" if is_repeated and has_thinking else thinking,
            reasoning=None,
            refusal=None if is_repeated and has_text else message.refusal,
            tool_calls=new_calls,
            function_call=None if has_calls else message.function_call,
        )


def _continued(before: str, text: str) -> tuple[str, str]:
    """The text after *before*, of which *text* is the next piece or all so far; and what is new in it."""
    return (text, text[len(before) :]) if text.startswith(before) else (before + text, text)


def text_piece(data: bytes, index: int) -> Piece | None:
    """The piece in the chunk *data*, whose choice *index* has a text, as in the predecessor of Chat Completions."""
    try:
        choices = _text_chunk(data).choices
    except (ValueError, RecursionError):
        return None
    texts = (choice.text for choice in choices if choice.index in (index, None))
    return next((Piece(content=text) for text in texts if text), None)


def error_in_delta(data: bytes) -> object:
    """The error in the delta or the message of a choice in the chunk *data*."""
    try:
        chunk = _json(data)
        choices = cast("list[_Object]", chunk["choices"])
        pieces = (choice.get(name) for choice in choices for name in ("delta", "message"))
        errors = (cast("_Object", piece).get("error") for piece in pieces if isinstance(piece, dict))
        return next(filter(says_something, errors), None)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
