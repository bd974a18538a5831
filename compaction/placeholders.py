"""The text that a model reads in place of content that was removed."""

from collections import Counter

from ..providers.schema.content import Document, Image, Text, ToolResult

READ_RESULT_NAME = "read_result"
"""The tool with which the model reads results again. Sessions offer it after a compaction that left some out."""


def media_placeholder(block: Image | Document) -> Text:
    """The placeholder for an image or a document: its kind, name, and URL or size."""
    kind = type(block).__name__
    name = f" {block.name!r}" if isinstance(block, Document) and block.name else ""
    source = f"at {block.url}" if block.url else f"{block.media_type}, {len(block.data or b''):,} bytes"
    return Text(f"[{kind}{name} left out to save room: {source}]")


def result_placeholder(result: ToolResult, readable: bool = True) -> str:
    """The placeholder for the content of *result*: how much text and which media it had.

    If it is *readable*, it says how the model may read the text.
    """
    content = result.content
    chars = sum(len(block.text) for block in content if isinstance(block, Text))
    media = Counter(type(block).__name__.lower() for block in content if not isinstance(block, Text))
    parts = [f"{chars:,} characters of text"] if chars else []
    parts += [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in media.items()]
    pointer = f'; {READ_RESULT_NAME} with the id "{result.tool_use_id}" shows it' if chars and readable else ""
    return f"[Result left out to save room: {', '.join(parts)}{pointer}]"
