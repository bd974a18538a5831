"""How much text and media a message or the settings hold, by kind, before any provider has counted it."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ...providers.registry import token_costs
from ...providers.schema.config import Config
from ...providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ...providers.schema.messages import Message
from ...providers.schema.request import Settings
from ...providers.schema.tools import ProviderTool, Tool
from ...providers.text_tools.protocol import text_settings, uses_text
from ...providers.wire.cache_points import system_text
from .media import document_tokens, image_tokens

_json = msgspec.json.encode
_PROSE_BYTES_PER_TOKEN = 4.4
_CODE_BYTES_PER_TOKEN = 3.4
_OTHER_BYTES_PER_TOKEN = 3.2
_CODE_CHARACTERS = b'"{}()[]<>=;_/\\'
_CODE_SHARE = 0.06
_FRAME_BYTES = 16
"""What the API puts around a tool use or a tool result."""

_RESULT_OVERHEAD = (_FRAME_BYTES / _CODE_BYTES_PER_TOKEN, 0.0)

_SAMPLE_BYTES = 2_000
"""The kind of a text is recognized from this much of its beginning and of its middle."""

_OPAQUE_BYTES_PER_TOKEN = 8
"""For content that only its provider can read: it is encoded, and often not counted."""

_NATIVE_SUMMARY_BYTES_PER_TOKEN = 5
"""For what a provider's own compaction wrote: text with a signature (Anthropic), or base64 (OpenAI), and all of it
counts."""


class Sizes(NamedTuple):
    """Estimated tokens by kind: prose in Latin script, code and JSON, other scripts, media, and fixed overhead."""

    prose: float = 0.0
    code: float = 0.0
    other: float = 0.0
    media: float = 0.0
    fixed: float = 0.0

    def plus(self, more: "Sizes") -> "Sizes":
        """The sum, kind by kind."""
        prose, code, other, media, fixed = self
        more_prose, more_code, more_other, more_media, more_fixed = more
        return Sizes(prose + more_prose, code + more_code, other + more_other, media + more_media, fixed + more_fixed)


def message_sizes(message: Message, provider: str) -> Sizes:
    """The sizes of *message* as *provider* counts it."""
    overhead = token_costs(provider).message
    if message.is_native_summary:
        size_bytes = sum(len(block.json) for block in message.content if isinstance(block, Opaque))
        return Sizes(code=size_bytes / _NATIVE_SUMMARY_BYTES_PER_TOKEN, fixed=overhead)
    return _content_sizes(message.content, provider, (0.0, overhead))


def settings_sizes(settings: Settings, provider: str) -> Sizes:
    """The sizes of all that *settings* add to a request besides its messages."""
    costs = token_costs(provider)
    config: Config | None = getattr(settings, "provider", None)
    if config is not None and uses_text(settings, config.facts):
        settings = text_settings(settings)
    prose, code, other = _text_sizes(system_text(settings.system))
    fixed = costs.request
    if settings.tools:
        tools = [tool for tool in settings.tools if costs.shows_deferred or not _is_deferred(tool)]
        code += len(_json(list(map(_definition, tools)))) / costs.schema_bytes_per_token
        fixed += costs.tools + costs.tool * len(tools)
    if settings.output_schema is not None:
        code += len(_json(settings.output_schema)) / costs.schema_bytes_per_token
    return Sizes(prose, code, other, 0.0, fixed)


def _is_deferred(tool: Tool | ProviderTool) -> bool:
    return isinstance(tool, Tool) and tool.deferred


def _definition(tool: Tool | ProviderTool) -> Tool | ProviderTool:
    """What the model is shown of *tool*."""
    if isinstance(tool, ProviderTool) or not (tool.shipped or tool.deferred):
        return tool
    schema = {} if tool.deferred else tool.input_schema
    return msgspec.structs.replace(tool, shipped=None, deferred=False, input_schema=schema)


def _content_sizes(content: Sequence[Block], provider: str, overhead: tuple[float, float]) -> Sizes:
    """The sizes of *content* together with the *overhead* around it, as code and as fixed tokens."""
    code, fixed = overhead
    if len(content) == 1 and type(content[0]) is Text:  # most messages
        in_prose, in_code, in_other = _text_sizes(content[0].text)
        return Sizes(in_prose, code + in_code, in_other, 0.0, fixed)
    prose = other = media = 0.0
    for block in content:
        # This runs for each block of a history, and `match` is slower.
        if isinstance(block, Text) or (isinstance(block, Thinking) and not block.redacted):
            in_prose, in_code, in_other = _text_sizes(block.text)
        elif isinstance(block, ToolUse):
            code += _tool_use_size(block)
            continue
        elif isinstance(block, ToolResult):
            in_prose, in_code, in_other, in_media, _ = _content_sizes(block.content, provider, _RESULT_OVERHEAD)
            media += in_media
        else:
            in_prose, in_code, in_other, in_media, _ = _other_block_sizes(block, provider)
            media += in_media
        prose += in_prose
        code += in_code
        other += in_other
    return Sizes(prose, code, other, media, fixed)


def _other_block_sizes(block: Image | Document | Thinking | Opaque, provider: str) -> Sizes:
    match block:
        case Image():
            return Sizes(media=image_tokens(block, provider))
        case Document(data=data, media_type=kind):
            if data is not None and kind is not None and kind.startswith("text/"):
                return Sizes(*_text_sizes(data.decode(errors="replace")))
            return Sizes(media=document_tokens(block, provider))
        case Thinking(signature=signature):
            return Sizes(code=len(signature or "") / _OPAQUE_BYTES_PER_TOKEN)
        case Opaque(json=json):
            return Sizes(code=len(json) / _OPAQUE_BYTES_PER_TOKEN)


def _tool_use_size(use: ToolUse) -> float:
    input_bytes = len(use.malformed.encode()) if use.malformed else len(_json(use.input))
    return (input_bytes + len(use.name) + _FRAME_BYTES) / _CODE_BYTES_PER_TOKEN


def _text_sizes(text: str) -> tuple[float, float, float]:
    """The tokens of *text* as prose, as code, and in other scripts than Latin."""
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
    if size - len(data.translate(None, _CODE_CHARACTERS)) > _CODE_SHARE * size:
        return 0.0, latin_bytes / _CODE_BYTES_PER_TOKEN, other
    return latin_bytes / _PROSE_BYTES_PER_TOKEN, 0.0, other
