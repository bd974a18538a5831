"""What OpenAI's two APIs, and the servers that speak like them, have in common: what they take, and in which form."""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

from ..schema.content import Block, Document, Image
from ..schema.errors import UnsupportedContent
from ..schema.request import Settings
from ..schema.tools import ToolNames
from ..wire.media import MediaLimits, MediaRules

# https://developers.openai.com/api/docs/guides/images-vision: a whole request may have 512 MB, base64 included.
_IMAGES = MediaLimits(frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"}), 384_000_000, by_url=True)

# https://developers.openai.com/api/docs/guides/file-inputs: each file under 50 MB, and these are of its list.
_FILE_BYTES = 50_000_000
_PDF = "application/pdf"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_FILE_TYPES = frozenset(
    {
        _PDF,
        f"{_OFFICE}.wordprocessingml.document",
        f"{_OFFICE}.presentationml.presentation",
        f"{_OFFICE}.spreadsheetml.sheet",
        "application/msword",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-excel",
        "application/vnd.oasis.opendocument.text",
        "application/rtf",
        "application/json",
        "application/javascript",
        "application/typescript",
        "text/csv",
        "text/tsv",
        "text/rtf",
        "text/plain",
        "text/markdown",
        "text/html",
        "text/xml",
        "text/css",
        "text/x-python",
        "text/x-java",
        "text/x-c",
    }
)

# https://developers.openai.com/api/docs/guides/images-vision#specify-image-input-detail-level
_IMAGE_DETAILS = ("auto", "low", "high", "original")

_TOOL_NAME_CHARS = 64
_DIGEST_CHARS = 32
_ID_CHARS = 40
_foreign_in_name = re.compile(r"[^a-zA-Z0-9_-]")
_foreign_in_id = re.compile(r"[^\x21-\x7e]")
_NOT_STRICT = frozenset(
    [
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "patternProperties",
        "propertyNames",
        "contains",
        "default",
        "minContains",
        "maxContains",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "unevaluatedProperties",
    ]
)


def chat_media(provider: str, own: bool) -> MediaRules:
    """What Chat Completions of *provider* take: OpenAI's *own* by its documents, others as far as there is a form."""
    if not own:
        return MediaRules(provider, MediaLimits(None, None, by_url=True), MediaLimits(None, None))
    return MediaRules(provider, _IMAGES, MediaLimits(frozenset({_PDF}), _FILE_BYTES))


def responses_media(provider: str, own: bool) -> MediaRules:
    """What the Responses API of *provider* takes, likewise."""
    if not own:
        return MediaRules(provider, MediaLimits(None, None, by_url=True), MediaLimits(None, None, by_url=True))
    return MediaRules(provider, _IMAGES, MediaLimits(_FILE_TYPES, _FILE_BYTES, by_url=True))


def tool_name(name: str) -> str:
    """*name* in the letters that the API takes: another provider may have taken others."""
    return _foreign_in_name.sub("_", name)[:_TOOL_NAME_CHARS] or "_"


def tool_id(given: str, limit_chars: int | None) -> str:
    """*given*, if it has letters that go into any JSON API and no more than *limit_chars*, if any; else a stand-in.

    Another provider may have made it. Different ids stay different.
    """
    limit_chars = limit_chars or max(len(given), _ID_CHARS)
    if len(given) <= limit_chars and not _foreign_in_id.search(given):
        return given
    front = _foreign_in_name.sub("_", given[: limit_chars - _DIGEST_CHARS - 1])
    return f"{front}-{sha256(given.encode(errors='surrogatepass')).hexdigest()[:_DIGEST_CHARS]}"


TOOL_NAMES = ToolNames(lambda name: tool_name(name) == name, f"up to {_TOOL_NAME_CHARS} of a-z, A-Z, 0-9, _ and -")
"""Those that OpenAI's own servers take."""


def label_members(settings: Settings, own: bool) -> dict[str, Any]:
    """The members for the user and for the lifetime of the prompt cache; OpenAI has a new name for the former."""
    labels: dict[str, Any] = {}
    if settings.user is None and settings.prompt_cache_ttl is None:
        return labels
    if settings.user is not None:
        labels["safety_identifier" if own else "user"] = settings.user
    if settings.prompt_cache_ttl is not None:
        labels["prompt_cache_options"] = {"ttl": settings.prompt_cache_ttl}
    return labels


def image_detail(block: Image) -> dict[str, str]:
    """The member for the detail of *block*; one that only other providers have is left out."""
    return {"detail": block.detail} if block.detail in _IMAGE_DETAILS else {}


def check_image_details(content: Sequence[Block], provider: str) -> None:
    """Raises:
    UnsupportedContent: an image in *content* has a detail that the APIs do not have.
    """
    for number, block in enumerate(content):
        if isinstance(block, Image) and block.detail not in (None, *_IMAGE_DETAILS):
            problem = f"{provider} takes {', '.join(_IMAGE_DETAILS)}, not {block.detail}"
            raise UnsupportedContent(f"content[{number}].detail: {problem}", provider)


def file_name(block: Document) -> str:
    """A name for *block*: the API wants one with bytes."""
    return block.name or "document"


def schema_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The member that asks for text that fits *schema*.

    Strictly, where *schema* is of the subset that OpenAI can hold a model to; else it is the model's to fit it.
    https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas
    """
    return {"name": "answer", "schema": schema, "strict": all(map(_is_strict, _objects(schema)))}


def _objects(schema: object) -> Iterator[Mapping[str, object]]:
    """All objects in *schema*, itself first."""
    if isinstance(schema, Mapping):
        found = cast("Mapping[str, object]", schema)
        yield found
        for value in found.values():
            yield from _objects(value)
    elif isinstance(schema, list | tuple):
        for value in cast("list[object]", schema):
            yield from _objects(value)


def _is_strict(part: Mapping[str, object]) -> bool:
    """True if *part* of a schema is closed, requires all its properties, and uses only keywords of the subset."""
    if part.keys() & _NOT_STRICT:
        return False
    properties = part.get("properties")
    if not isinstance(properties, Mapping):
        return part.get("type") not in ("object", ["object", "null"], ["null", "object"])
    names = sorted(map(str, cast("Mapping[str, object]", properties)))
    required = part.get("required")
    asked = sorted(map(str, cast("list[object]", required))) if isinstance(required, list) else None
    return part.get("additionalProperties") is False and asked == names
