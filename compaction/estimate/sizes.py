"""How much of what a message or the settings hold, before anybody learns what it costs."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ...providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ...providers.schema.messages import Message
from ...providers.schema.request import Settings
from .media import document_tokens, image_tokens

_json = msgspec.json.encode
_PROSE_BYTES_PER_TOKEN = 4.4
_CODE_BYTES_PER_TOKEN = 3.4
_OTHER_BYTES_PER_TOKEN = 3.2
_CODE_MARKS = b'"{}()[]<>=;_/\\'
_CODE_SHARE = 0.06
_FRAME_BYTES = 16
"""What there is around a tool use or its result."""

_AROUND_RESULT = (_FRAME_BYTES / _CODE_BYTES_PER_TOKEN, 0.0)

_SAMPLE_BYTES = 2_000
"""What kind a text is, is told from its beginning and its middle."""

_SEALED_BYTES_PER_TOKEN = 8
"""Of what only its provider reads: it is encoded, and often not counted."""


class Sizes(NamedTuple):
    """Tokens by kind, as is usual: prose in Latin letters, code and JSON, other letters, media, and the rest."""

    prose: float = 0.0
    code: float = 0.0
    other: float = 0.0
    media: float = 0.0
    fixed: float = 0.0

    def plus(self, more: "Sizes") -> "Sizes":
        """The sum, kind by kind."""
        return Sizes(*(mine + its for mine, its in zip(self, more, strict=True)))


class Frame(NamedTuple):
    """What a provider puts around what is said, in tokens: around a request, a message, all tools, each tool.

    Some tell the model of the tools in a shorter form than JSON: *schema_bytes* are those that make a token.
    """

    request: float
    message: float
    tools: float
    tool: float
    schema_bytes: float


# From recorded exchanges. For Anthropic's instructions on tools, also:
# https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing
_OPENAI = Frame(2, 5, 12, 5, 8)
_CLAUDE = Frame(4, 5, 350, 15, 2.8)
_UNKNOWN = Frame(4, 5, 30, 10, 4)
_FRAMES = {
    "anthropic": _CLAUDE,
    "bedrock": _CLAUDE,
    "openai": _OPENAI,
    "azureopenai": _OPENAI,
    "google": Frame(0, 1.5, 0, 4, 7),
    "cohere": Frame(200, 8, 800, 40, 3.4),
}


def of_message(message: Message, provider: str) -> Sizes:
    """What *message* holds."""
    return _all(message.content, provider, (0.0, _FRAMES.get(provider, _UNKNOWN).message))


def of_settings(settings: Settings, provider: str) -> Sizes:
    """What *settings* say besides the messages."""
    frame = _FRAMES.get(provider, _UNKNOWN)
    prose, code, other = _text(settings.system or "")
    fixed = frame.request
    if settings.tools:
        code += len(_json(settings.tools)) / frame.schema_bytes
        fixed += frame.tools + frame.tool * len(settings.tools)
    if settings.output_schema is not None:
        code += len(_json(settings.output_schema)) / frame.schema_bytes
    return Sizes(prose, code, other, 0.0, fixed)


def _all(content: Sequence[Block], provider: str, around: tuple[float, float]) -> Sizes:
    """What *content* holds, and what is *around* it: code, and what is fixed."""
    prose = other = media = 0.0
    code, fixed = around
    for block in content:
        if isinstance(block, Text) or (isinstance(block, Thinking) and not block.redacted):  # `match` takes its time
            in_prose, in_code, in_other = _text(block.text)
        elif isinstance(block, ToolUse):
            code += _of_use(block)
            continue
        elif isinstance(block, ToolResult):
            in_prose, in_code, in_other, in_media, _ = _all(block.content, provider, _AROUND_RESULT)
            media += in_media
        else:
            in_prose, in_code, in_other, in_media, _ = _of_rest(block, provider)
            media += in_media
        prose += in_prose
        code += in_code
        other += in_other
    return Sizes(prose, code, other, media, fixed)


def _of_rest(block: Image | Document | Thinking | Opaque, provider: str) -> Sizes:
    match block:
        case Image():
            return Sizes(media=image_tokens(block, provider))
        case Document(data=data, media_type=kind):
            if data is not None and kind is not None and kind.startswith("text/"):
                return Sizes(*_text(data.decode(errors="replace")))
            return Sizes(media=document_tokens(block, provider))
        case Thinking(signature=signature):
            return Sizes(code=len(signature or "") / _SEALED_BYTES_PER_TOKEN)
        case Opaque(json=json):
            return Sizes(code=len(json) / _SEALED_BYTES_PER_TOKEN)


def _of_use(use: ToolUse) -> float:
    given = len(use.malformed.encode()) if use.malformed else len(_json(use.input))
    return (given + len(use.name) + _FRAME_BYTES) / _CODE_BYTES_PER_TOKEN


def _text(text: str) -> tuple[float, float, float]:
    """Tokens of *text* as prose, as code, and as other than Latin letters."""
    other = 0.0
    if text.isascii():
        data = text.encode()
        latin_bytes = size = len(data)
    else:
        data = text.encode("utf-8", "replace")
        size = len(data)
        latin_bytes = len(text.encode("ascii", "ignore"))
        other = (size - latin_bytes) / _OTHER_BYTES_PER_TOKEN
    if size > 2 * _SAMPLE_BYTES:
        data = data[:_SAMPLE_BYTES] + data[size // 2 : size // 2 + _SAMPLE_BYTES]
        size = len(data)
    if size - len(data.translate(None, _CODE_MARKS)) > _CODE_SHARE * size:
        return 0.0, latin_bytes / _CODE_BYTES_PER_TOKEN, other
    return latin_bytes / _PROSE_BYTES_PER_TOKEN, 0.0, other
