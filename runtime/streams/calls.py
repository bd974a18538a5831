"""Calls over a connection: numbered requests, and their replies in any order; and what a listener sends unasked."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from .frames import StreamError

T = TypeVar("T")


class Request(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A call of *method* with *data*, which only the method knows to read."""

    number: int
    method: int
    data: bytes


PUSH = 0
"""The number of a reply to no request: requests are numbered from 1."""


class Reply(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The result of request *number*, or the *error* that it failed with. Without a result: ``None``.

    With the number ``PUSH``, it is what the listener sends unasked.
    """

    number: int
    data: bytes | None = None
    error: str | None = None


class CallTimedOut(Exception):
    """There was no reply in time. The call may have been made or not, or is made later."""


class CallFailed(Exception):
    """A call failed where it was made. It may succeed when it is repeated."""


encode = msgspec.msgpack.encode
_request = msgspec.msgpack.Decoder(Request).decode
_reply = msgspec.msgpack.Decoder(Reply).decode


def decode_request(frame: bytes) -> Request:
    """*frame* as a request.

    Raises:
        StreamError: it is none.
    """
    return _decoded(_request, frame, "request")


def decode_reply(frame: bytes) -> Reply:
    """*frame* as a reply.

    Raises:
        StreamError: it is none.
    """
    return _decoded(_reply, frame, "reply")


def _decoded(decode: Callable[[bytes], T], frame: bytes, kind: str) -> T:
    try:
        return decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StreamError(f"a frame that is no {kind}") from None
