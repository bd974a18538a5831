"""Images and documents as Google takes them."""

from collections.abc import Iterator, Sequence
from mimetypes import guess_type
from typing import Any
from urllib.parse import urlsplit

from ..schema.content import Block, Document, Image, ToolResult
from ..schema.errors import UnsupportedContent
from ..wire.media import MediaLimits, MediaRules
from .errors import PROVIDER

# https://ai.google.dev/gemini-api/docs/file-input-methods: a request with its media inline has up to 20 MB in all,
# base64 included; what is larger is uploaded first and given by its address. Some models and versions take more.
_REQUEST_BYTES = 20_000_000
INLINE_BYTES = _REQUEST_BYTES * 3 // 4

# https://ai.google.dev/gemini-api/docs/image-understanding and .../document-processing, which says of the other types
# that they are read as text.
_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_DOCUMENTS = frozenset(
    {
        "application/pdf",
        "application/json",
        "application/rtf",
        "application/x-javascript",
        "application/x-python",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/markdown",
        "text/md",
        "text/plain",
        "text/rtf",
        "text/x-python",
        "text/xml",
    }
)
MEDIA = MediaRules(
    PROVIDER,
    images=MediaLimits(_IMAGES, INLINE_BYTES, by_url=True),
    documents=MediaLimits(_DOCUMENTS, INLINE_BYTES, by_url=True),
)


def check_media(content: Sequence[Block], rules: MediaRules) -> None:
    """Refuse what is not taken, one by one and all together.

    Raises:
        UnsupportedContent: the block is named by its place, or the size of all is told.
    """
    rules.check(content)
    size_bytes = sum(len(block.data or b"") for block in _media(content))
    if size_bytes > INLINE_BYTES:
        problem = f"{PROVIDER} takes up to {INLINE_BYTES:,} bytes of images and documents in all, not {size_bytes:,}"
        raise UnsupportedContent(f"content: {problem}; give some by URL", PROVIDER)


def _media(content: Sequence[Block]) -> Iterator[Image | Document]:
    for block in content:
        if isinstance(block, ToolResult):
            yield from _media(block.content)
        elif isinstance(block, Image | Document):
            yield block


def media_part(block: Image | Document) -> dict[str, Any]:
    """*block*, which is taken, as a part."""
    if block.data is not None:
        return {"inlineData": {"mimeType": block.media_type, "data": block.data}}
    return {"fileData": {"mimeType": block.media_type or _guessed(block), "fileUri": block.url}}


def _guessed(block: Image | Document) -> str:
    """The type of what is at an address: the API wants one, and the end of the path mostly tells."""
    guessed, _ = guess_type(urlsplit(block.url or "").path)
    return guessed or ("image/jpeg" if isinstance(block, Image) else "application/pdf")
