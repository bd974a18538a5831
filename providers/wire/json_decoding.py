"""Decoding the JSON of answers: telling what is malformed, what is cut short, and what is of a newer, unknown type."""

from collections.abc import Callable
from typing import TypeVar, get_args

import msgspec

from ..schema.errors import ProviderError
from ..transport.faults import malformed_answer, undecodable_answer

MALFORMED = (ValueError, RecursionError)
"""What msgspec raises for JSON that does not decode: its errors are ValueErrors; deep nesting is a RecursionError."""

_Answer = TypeVar("_Answer")


class _Typed(msgspec.Struct):
    type: str


_type = msgspec.json.Decoder(_Typed).decode


def decode_whole(
    decode: Callable[[bytes], _Answer],
    provider: str,
    body: bytes,
    error_in: Callable[[bytes], ProviderError | None] = lambda _: None,
) -> _Answer:
    """Decode the *body* of an answer that is not streamed.

    Raises:
        ProviderError: *body* does not decode, and *error_in* finds the provider's own error in it.
        IncompleteAnswer: *body* stops before its end.
        ProtocolError: *body* is not what the provider documents.
    """
    try:
        return decode(body)
    except MALFORMED as problem:
        raise error_in(body) or undecodable_answer(provider, problem, body) from None


def validated_json(provider: str, raw: bytes) -> bytes:
    """*raw*, after a check that all of it is JSON: it is stored, and sent back to *provider* in later requests.

    msgspec does not validate what it skips or keeps as ``Raw``, so any bytes may stand there.

    Raises:
        ProtocolError: *raw* is not JSON.
    """
    try:
        msgspec.json.decode(raw)
    except MALFORMED as problem:
        raise malformed_answer(provider, problem, raw) from None
    return raw


def tags_of(union: object) -> frozenset[object]:
    """The tags of the structs in *union*."""
    return frozenset(member.__struct_config__.tag for member in get_args(union))


def unknown_type(provider: str, raw: bytes, known: frozenset[object], problem: Exception) -> str:
    """The type of *raw*, which failed to decode with *problem* because its type is not among the *known* ones.

    Raises:
        ProtocolError: *raw* has no type, or a known one: then it is malformed.
    """
    try:
        kind = _type(raw).type
    except MALFORMED:
        raise malformed_answer(provider, problem, raw) from None
    if kind in known:
        raise malformed_answer(provider, problem, raw)
    return kind
