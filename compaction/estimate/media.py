"""What an image or a document costs, by the rule of its provider."""

import struct

from ...providers.registry import token_costs
from ...providers.schema.content import Document, Image

_ASSUMED_SIZE = (1_024, 1_024)
"""For an image behind a URL, or of a type that is not read here."""

_BYTES_PER_PAGE = 60_000
"""For a document whose pages can't be counted."""

_MAX_PDF_PAGES = 200

_SCANNED_BYTES = 4 << 20
"""Where pages are looked for: this much takes some milliseconds. They count for the rest, too."""


def image_tokens(image: Image, provider: str) -> int:
    """The tokens that *provider* counts for *image*."""
    width, height = image_size(image.data) if image.data else _ASSUMED_SIZE
    return token_costs(provider).image(max(1, width), max(1, height))


def document_tokens(document: Document, provider: str) -> int:
    """The tokens that *provider* counts for the pages of *document*, which is not plain text."""
    data = document.data or b""
    # https://en.wikipedia.org/wiki/PDF: a page is an object of the type Page; those in compressed streams are not seen.
    scanned = min(len(data), _SCANNED_BYTES)
    found = (
        data.count(b"/Type /Page", 0, scanned)
        + data.count(b"/Type/Page", 0, scanned)
        - data.count(b"/Type /Pages", 0, scanned)
        - data.count(b"/Type/Pages", 0, scanned)
    )
    page_objects = found * len(data) // max(1, scanned)
    pages = min(_MAX_PDF_PAGES, max(1, page_objects if page_objects > 0 else len(data) // _BYTES_PER_PAGE))
    return pages * token_costs(provider).page


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height of the PNG, GIF, JPEG or WebP in *data*; those of a usual image where they can't be read."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", data, 16)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return struct.unpack_from("<HH", data, 6)
        if data.startswith(b"\xff\xd8"):
            return _jpeg_size(data)
        if data.startswith(b"RIFF") and data[8:15] == b"WEBPVP8":
            return _webp_size(data)
    except (struct.error, IndexError):
        pass
    return _ASSUMED_SIZE


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.2: segments up to the one that begins a frame."""
    offset = 2
    while data[offset] == 0xFF:
        marker = data[offset + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, offset + 5)
            return width, height
        offset += 2 + struct.unpack_from(">H", data, offset + 2)[0]
    return _ASSUMED_SIZE


def _webp_size(data: bytes) -> tuple[int, int]:
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
