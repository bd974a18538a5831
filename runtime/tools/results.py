"""From what a tool returns to what the model reads: whatever it is, there is a result."""

import dataclasses
import re
import sys
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.content import Document, Image, Text, ToolResult, ToolUse
from ...providers.schema.media.file_types import document_type, image_type

NO_RESULT = "No result."
"""What the model reads of a tool that returns ``None``."""

MAX_TEXT_BYTES = 31 << 20
"""A text beyond it does not fit into a message to a session, as large as that may be by default."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_BLOCKS = (Text, Image, Document)


def result_of(use: ToolUse, value: object, max_bytes: int) -> ToolResult:
    """The result of *use*, a run of which returned *value*.

    Text, blocks and a ``ToolResult`` stay what they are; bytes are an image, a PDF or text; ``None`` is *No result.*;
    everything else is JSON, or as ``str`` shows it where it has none. Text beyond *max_bytes* is cut, with a note.
    """
    if isinstance(value, ToolResult):
        if value.tool_use_id != use.id:
            return error_result(
                use, f"the tool returned the result of {shown(value.tool_use_id)}, not of {shown(use.id)}"
            )
        try:
            msgspec.convert(msgspec.to_builtins(value), ToolResult)
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            return error_result(use, f"the tool returned a result that is rejected: {shown(str(error), quoted=False)}")
        return msgspec.structs.replace(value, content=_fitted(value.content, max_bytes))
    try:
        content = _content(value)
        if content is None:
            return error_result(use, f"the tool returned {shown(value)}, which is neither an image, a PDF nor text")
        return ToolResult(use.id, _fitted(content, max_bytes))
    except Exception as error:  # of its own methods, or it is nested too deeply
        return error_result(use, f"the tool returned a {type(value).__name__} without a text: {type(error).__name__}")


def text_of(value: object, max_bytes: int = 2_000) -> str:
    """*value* as a text of at most *max_bytes*, to tell of the progress of a tool."""
    try:
        content = _fitted(_content(value) or (), max_bytes)
    except Exception:  # of its own methods, or it is nested too deeply
        content = ()
    return "".join(block.text for block in content if isinstance(block, Text)) or f"[{type(value).__name__}]"


def beginning_of(result: ToolResult, max_bytes: int) -> ToolResult:
    """*result* with at most *max_bytes* of text, and a note of its size if it has more."""
    return msgspec.structs.replace(result, content=_fitted(result.content, max_bytes))


def error_result(use: ToolUse, problem: str, max_bytes: int = sys.maxsize) -> ToolResult:
    """The result of *use* that tells the model its *problem*, cut to *max_bytes*."""
    return ToolResult(use.id, _fitted((Text(problem),), max_bytes), is_error=True)


def _content(value: object) -> tuple[Text | Image | Document, ...] | None:
    match value:
        case None:
            return (Text(NO_RESULT),)
        case str():
            return (Text(value),)
        case Text() | Image() | Document():
            return (value,)
        case bytes() | bytearray() | memoryview():
            return _file(bytes(cast(bytes, value)))
        case list() | tuple() if (
            value
            and all(isinstance(each, (*_BLOCKS, str)) for each in cast(Sequence[object], value))
            and any(isinstance(each, _BLOCKS) for each in cast(Sequence[object], value))
        ):
            blocks = cast("Sequence[Text | Image | Document | str]", value)
            return tuple(Text(each) if isinstance(each, str) else each for each in blocks)
        case _:
            return (Text(_json(value)),)


def _file(data: bytes) -> tuple[Text | Image | Document, ...] | None:
    if media_type := image_type(data):
        return (Image(data=data, media_type=media_type),)
    if (media_type := document_type(data)) and media_type != "text/plain":
        return (Document(data=data, media_type=media_type),)
    try:
        return (Text(data.decode()),)
    except UnicodeDecodeError:
        return None


def _json(value: object) -> str:
    try:
        encoded = msgspec.json.encode(value, enc_hook=_plain)
        return msgspec.json.decode(encoded, type=str) if encoded.startswith(b'"') else encoded.decode()
    except Exception:  # it has no JSON, or what makes it fails
        return str(value)


def _plain(value: Any) -> object:
    """What msgspec can encode in the place of *value*: a pydantic model, or an array of numbers, for instance."""
    if hasattr(value, "__pydantic_serializer__"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if callable(to_list := getattr(value, "tolist", None)):  # NumPy's numbers and arrays, and those of others
        return to_list()
    return str(value)


def _fitted(content: tuple[Any, ...], max_bytes: int) -> tuple[Any, ...]:
    """*content* with at most *max_bytes* of text, in UTF-8."""
    left = max_bytes
    fitted: list[object] = []
    for block in content:
        if not isinstance(block, Text):
            fitted.append(block)
            continue
        text = _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):x}", block.text)
        size = len(text) if text.isascii() else len(text.encode())
        if size > left:
            text = text.encode()[:left].decode(errors="ignore") + f"\n[cut off here: the text has {size:,} bytes]"
        left = max(0, left - size)
        fitted.append(block if text == block.text else Text(text))
    return tuple(fitted)
