"""What an image or a document costs, by its provider's own rule."""

import math
import struct
from collections.abc import Callable

from ...providers.schema.content import Document, Image

_UNKNOWN_SIDES = (1_024, 1_024)
"""Of an image behind a URL, or of a type that is not read here."""

_BYTES_PER_PAGE = 60_000
"""Of a document whose pages can't be counted, about."""

_SOME_PDF_PAGES = 200


def image_tokens(image: Image, provider: str) -> int:
    """The tokens of *image* with *provider*."""
    width, height = sides(image.data) if image.data else _UNKNOWN_SIDES
    return _RULES.get(provider, _by_area)(max(1, width), max(1, height))


def document_tokens(document: Document, provider: str) -> int:
    """The tokens of *document* that are not text: what its pages cost."""
    data = document.data or b""
    # https://en.wikipedia.org/wiki/PDF: a page is an object of the type Page; those in compressed streams are not seen.
    seen = (
        data.count(b"/Type /Page")
        + data.count(b"/Type/Page")
        - data.count(b"/Type /Pages")
        - data.count(b"/Type/Pages")
    )
    pages = min(_SOME_PDF_PAGES, max(1, seen if seen > 0 else len(data) // _BYTES_PER_PAGE))
    return pages * _PAGE_TOKENS.get(provider, _PAGE_TOKENS[""])


# https://platform.claude.com/docs/en/build-with-claude/pdf-support: 1,500 to 3,000 a page, and its image.
# https://ai.google.dev/gemini-api/docs/document-processing: 258 a page.
_PAGE_TOKENS = {"": 2_500, "anthropic": 3_500, "bedrock": 2_500, "google": 258, "openai": 1_500, "azureopenai": 1_500}


def _by_area(width: int, height: int) -> int:
    """https://platform.claude.com/docs/en/build-with-claude/vision: edges of up to 1,568, about 1,600 tokens."""
    scale = min(1.0, 1_568 / max(width, height))
    return max(1, min(1_600, math.ceil(width * height * scale * scale / 750)))


def _by_tiles(width: int, height: int) -> int:
    """https://platform.openai.com/docs/guides/images-vision: fit into 2,048, shorter side to 768, tiles of 512."""
    scale = min(1.0, 2_048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def _by_crops(width: int, height: int) -> int:
    """https://ai.google.dev/gemini-api/docs/tokens: 258 where both sides are at most 384, and for each tile of 768."""
    if max(width, height) <= 384:
        return 258
    unit = max(256, min(768, int(min(width, height) / 1.5)))
    return 258 * math.ceil(width / unit) * math.ceil(height / unit)


_RULES: dict[str, Callable[[int, int], int]] = {
    "openai": _by_tiles,
    "azureopenai": _by_tiles,
    "google": _by_crops,
}


def sides(data: bytes) -> tuple[int, int]:
    """Width and height of the PNG, GIF, JPEG or WebP in *data*; those of a usual image where they can't be read."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", data, 16)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return struct.unpack_from("<HH", data, 6)
        if data.startswith(b"\xff\xd8"):
            return _jpeg_sides(data)
        if data.startswith(b"RIFF") and data[8:15] == b"WEBPVP8":
            return _webp_sides(data)
    except (struct.error, IndexError):
        pass
    return _UNKNOWN_SIDES


def _jpeg_sides(data: bytes) -> tuple[int, int]:
    """https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.2: segments up to the one that begins a frame."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return _UNKNOWN_SIDES


def _webp_sides(data: bytes) -> tuple[int, int]:
    """https://developers.google.com/speed/webp/docs/riff_container."""
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
