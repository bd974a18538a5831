"""The blocks of messages to Anthropic: the names of fields are those of its SDK's parameter types."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from validators.betas.anthropic import CompactionBlock, FallbackBlock
from validators.patterns import VISIBLE, PatternChecked

NonEmpty = Annotated[str, Meta(min_length=1)]
NAME = r"^[a-zA-Z0-9_-]{1,128}\Z"
ID = r"^[a-zA-Z0-9_-]+\Z"


class _PatternChecked(PatternChecked):
    patterns: ClassVar[Mapping[str, str]] = {
        "id": ID,
        "name": NAME,
        "tool_use_id": ID,
        "text": VISIBLE,  # "text content blocks must contain non-whitespace text"
        "system": VISIBLE,
        "stop_sequences": r"\S",
    }


class Strict(_PatternChecked, kw_only=True, forbid_unknown_fields=True):
    """``Extra inputs are not permitted``"""


class CacheControl(Strict):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Base64(Strict, tag_field="type", tag="base64"):
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"]
    data: NonEmpty


class _PlainText(Strict, tag_field="type", tag="text"):
    media_type: Literal["text/plain"]
    data: NonEmpty


class _Url(Strict, tag_field="type", tag="url"):
    url: NonEmpty


class _Block(Strict, tag_field="type"):
    cache_control: CacheControl | None = None


class Text(_Block, kw_only=True, tag="text"):
    text: str
    citations: list[dict[str, Any]] | None = None


class _Image(_Block, kw_only=True, tag="image"):
    source: _Base64 | _Url


class _Document(_Block, kw_only=True, tag="document"):
    source: _Base64 | _PlainText | _Url
    title: NonEmpty | None = None
    context: NonEmpty | None = None
    citations: dict[str, Any] | None = None


class ToolUse(_Block, kw_only=True, tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any]


class ToolResult(_Block, kw_only=True, tag="tool_result"):
    tool_use_id: str
    content: str | list[Text | _Image | _Document] = ""
    is_error: bool = False


class Thinking(Strict, tag_field="type", tag="thinking"):
    thinking: str
    signature: NonEmpty


class RedactedThinking(Strict, tag_field="type", tag="redacted_thinking"):
    data: NonEmpty


class _ServerToolUse(_PatternChecked, tag_field="type", tag="server_tool_use"):
    """A tool that the provider runs itself. Such blocks are sent back unchanged: most members are not checked."""

    id: str


class _ServerToolResult(_PatternChecked, tag_field="type"):
    tool_use_id: str


class _WebSearchResult(_ServerToolResult, tag="web_search_tool_result"):
    pass


class _WebFetchResult(_ServerToolResult, tag="web_fetch_tool_result"):
    pass


class _CodeExecutionResult(_ServerToolResult, tag="code_execution_tool_result"):
    pass


class _BashResult(_ServerToolResult, tag="bash_code_execution_tool_result"):
    pass


class _TextEditorResult(_ServerToolResult, tag="text_editor_code_execution_tool_result"):
    pass


class _ToolSearchResult(_ServerToolResult, tag="tool_search_tool_result"):
    pass


class _AdvisorResult(_ServerToolResult, tag="advisor_tool_result"):
    pass


class _McpResult(_ServerToolResult, tag="mcp_tool_result"):
    pass


class _McpToolUse(_PatternChecked, tag_field="type", tag="mcp_tool_use"):
    id: str


_CodeResult = _CodeExecutionResult | _BashResult | _TextEditorResult
_SearchResult = _WebSearchResult | _WebFetchResult | _ToolSearchResult
_ServerBlock = _ServerToolUse | _McpToolUse | _CodeResult | _SearchResult | _AdvisorResult | _McpResult
UserBlock = Text | _Image | _Document | ToolResult
AssistantBlock = Text | Thinking | RedactedThinking | ToolUse | _ServerBlock | CompactionBlock | FallbackBlock
