"""Decoding JSON that the strict decoder has rejected."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from ...transport.faults import malformed_answer
from ...transport.streams.surrogates import SplitCharacter, ends_with_half, without_lone_surrogates
from ..json_decoding import MALFORMED
from .coercion import Unreadable, coerced

_Decoded = TypeVar("_Decoded")
Normalize = Callable[[Any], Any]


def parsed(event: bytes) -> Any:
    """The value of *event*, JSON that a strict decoder rejects.

    ``NaN`` and infinity, which JSON does not have, become ``null``; bytes that are not UTF-8, and halves of characters,
    become U+FFFD.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    text = without_lone_surrogates(event).decode(errors="replace")
    return json.loads(text, parse_constant=lambda _: None, strict=False)


def repaired_json(provider: str, raw: bytes) -> bytes:
    """*raw*, a part of an answer that is sent back to *provider* as it came, or as near to it as JSON allows.

    msgspec does not validate what it skips or keeps as ``Raw``, so any bytes may stand there.

    Raises:
        ProtocolError: *raw* is not JSON, even if read leniently.
    """
    try:
        msgspec.json.decode(raw)
    except MALFORMED as problem:
        try:
            return msgspec.json.encode(parsed(raw))
        except MALFORMED:
            raise malformed_answer(provider, problem, raw) from None
    return raw


class LenientDecoder(Generic[_Decoded]):
    """Decodes JSON of *kind*, a struct or a union of them, that the strict decoder of *kind* has rejected.

    *normalize* changes the decoded value first: for members that servers have in other forms.
    """

    def __init__(self, kind: Any, normalize: Normalize = lambda value: value) -> None:
        self._kind = kind
        self._normalize = normalize
        self._form: inspect.Type | None = None  # inspected when it is first needed

    def decode(self, provider: str, data: bytes, problem: Exception, streamed: bool = False) -> _Decoded:
        """*data*, which failed to decode with *problem*, read leniently.

        Raises:
            ProtocolError: it is no JSON, or content in it can't be read.
            SplitCharacter: it is *streamed*, and a text in it ends with half a character.
        """
        if streamed and ends_with_half(data):
            raise SplitCharacter
        if self._form is None:
            self._form = inspect.type_info(self._kind)
        try:
            value = coerced(self._normalize(parsed(data)), self._form)
            # Through JSON, because a member may be kept as it came.
            decoded: _Decoded = msgspec.json.decode(msgspec.json.encode(value), type=self._kind)
        except (Unreadable, *MALFORMED):
            raise malformed_answer(provider, problem, data) from None
        return decoded


def tolerant_decoder(
    provider: str, kind: type[_Decoded], streamed: bool = False, normalize: Normalize = lambda value: value
) -> Callable[[bytes], _Decoded]:
    """A decoder of *kind*, strict at first and then lenient. It raises what ``LenientDecoder.decode`` does."""
    strict = msgspec.json.Decoder(kind).decode
    lenient = LenientDecoder[_Decoded](kind, normalize)

    def decode(data: bytes) -> _Decoded:
        try:
            return strict(data)
        except MALFORMED as problem:
            return lenient.decode(provider, data, problem, streamed)

    return decode


def tool_input(raw: bytes) -> str:
    """The JSON text of the tool input *raw*, which some servers send as a text with JSON in it; empty for ``null``."""
    if raw == b"null":
        return ""
    if raw.startswith(b'"'):
        with suppress(*MALFORMED):
            return msgspec.json.decode(raw, type=str)
    return raw.decode(errors="replace")
