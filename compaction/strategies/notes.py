"""What stands where something was left out, for the model to read."""

from collections import Counter
from collections.abc import Sequence

from ...providers.schema.content import Document, Image, Text


def of_media(block: Image | Document) -> Text:
    """What stands for *block*."""
    kind = type(block).__name__
    name = f" {block.name!r}" if isinstance(block, Document) and block.name else ""
    given = f"at {block.url}" if block.url else f"{block.media_type}, {len(block.data or b''):,} bytes"
    return Text(f"[{kind}{name} left out to save room: {given}]")


def of_result(content: Sequence[Text | Image | Document]) -> str:
    """What stands for the *content* of a tool's result."""
    chars = sum(len(block.text) for block in content if isinstance(block, Text))
    media = Counter(type(block).__name__.lower() for block in content if not isinstance(block, Text))
    had = [f"{chars:,} characters of text"] if chars else []
    had += [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in media.items()]
    return f"[Result left out to save room: {', '.join(had)}]"
