"""Images and documents in recorded requests."""

import re
from base64 import b64decode
from typing import Any

_STANDARD = str.maketrans("-_", "+/")
_data_url = re.compile(r"data:([^;,]+);base64,(.*)", re.DOTALL)


def media_bytes(text: str) -> bytes:
    """The bytes in base64 or base64url. A recording may have cut the text anywhere."""
    text = text.translate(_STANDARD).rstrip("=")
    text = text[: len(text) - (len(text) % 4 == 1)]
    return b64decode(text + "=" * (-len(text) % 4))


def url_source(url: str) -> dict[str, Any]:
    """The fields of an image or a document at *url*, which may contain its bytes."""
    match = _data_url.fullmatch(url)
    return {"data": media_bytes(match[2]), "media_type": match[1]} if match else {"url": url}
