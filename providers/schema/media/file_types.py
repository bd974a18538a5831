"""The media type of a file, by its content: names and suffixes are often wrong, and providers look at the bytes."""

from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from ..checks.shown import shown
from ..errors import InvalidConfig

# What a file of each type begins with: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
# Files of boxes have their brand at byte 8: https://mp4ra.org/registered-types/brands
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
}
_MIN_IMAGE_BYTES = 26
"""No image is smaller: a GIF of one pixel has 26 bytes, and what only begins like one is none."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OFFICE_PARTS = {
    "word/": f"{_OFFICE}.wordprocessingml.document",
    "xl/": f"{_OFFICE}.spreadsheetml.sheet",
    "ppt/": f"{_OFFICE}.presentationml.presentation",
}
_SHOWN_BYTES = 12


class MediaFile(NamedTuple):
    """The *data* of a file, and its *media_type*."""

    data: bytes
    media_type: str


def read_image(path: Path) -> MediaFile:
    """The image in the file at *path*.

    Raises:
        InvalidConfig: its content is no image, whatever its name says.
        OSError: it can't be read.
    """
    data = path.read_bytes()
    media_type = image_type(data)
    if media_type is None:
        raise InvalidConfig("path", f"{shown(path.name)} is not an image: {_description(data)}")
    return MediaFile(data, media_type)


def read_document(path: Path) -> MediaFile:
    """The document in the file at *path*: a PDF, an Office document, or any text, which is ``text/plain``.

    Raises:
        InvalidConfig: its content is none of these.
        OSError: it can't be read.
    """
    data = path.read_bytes()
    media_type = document_type(data)
    if media_type is None:
        hint = "; use Image.from_path" if image_type(data) else ""
        raise InvalidConfig("path", f"{shown(path.name)} is not a document: {_description(data)}{hint}")
    return MediaFile(data, media_type)


def image_type(data: bytes) -> str | None:
    """The media type of the image *data*; ``None`` if it is no image."""
    if len(data) < _MIN_IMAGE_BYTES:
        return None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    # "BM" alone is the beginning of many texts. The four bytes after the size of a bitmap are reserved, and zero.
    if data[:2] == b"BM" and data[6:10] != b"\x00\x00\x00\x00":
        return None
    return next((media_type for opening, media_type in _IMAGES if data.startswith(opening)), None)


def document_type(data: bytes) -> str | None:
    """The media type of the document *data*; ``None`` if it is none that is known."""
    if b"%PDF-" in data[:1024]:  # where readers look for it
        return "application/pdf"
    if data[:4] == b"PK\x03\x04":
        return _office_type(data)
    if data[:5] == b"{\\rtf":
        return "application/rtf"
    return "text/plain" if _is_text(data) else None


def _office_type(data: bytes) -> str | None:
    from zipfile import BadZipFile, ZipFile  # here: hardly any program needs it

    try:
        names = ZipFile(BytesIO(data)).namelist()
    except BadZipFile:
        return None
    if "[Content_Types].xml" not in names:
        return None
    return next((kind for part, kind in _OFFICE_PARTS.items() if any(name.startswith(part) for name in names)), None)


def _is_text(data: bytes) -> bool:
    if not data.strip() or b"\x00" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _description(data: bytes) -> str:
    """What *data* is instead, in a few words; of its content, only the first bytes."""
    if not data:
        return "the file is empty"
    return f"it has {len(data):,} bytes and begins with {data[:_SHOWN_BYTES]!r}"
