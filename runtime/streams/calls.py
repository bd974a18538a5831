"""Calls over a connection: numbered requests, and their replies in any order."""

import msgspec

from .frames import StreamError


class Request(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A call of *method* with *data*, which only the method knows to read."""

    number: int
    method: int
    data: bytes


class Reply(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The result of request *number*, or the *error* that it failed with. Without a result: ``None``."""

    number: int
    data: bytes | None = None
    error: str | None = None


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
    try:
        return _request(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StreamError("a frame that is no request") from None


def decode_reply(frame: bytes) -> Reply:
    """*frame* as a reply.

    Raises:
        StreamError: it is none.
    """
    try:
        return _reply(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StreamError("a frame that is no reply") from None
