"""The calls of a session actor over streams: messages for its sessions."""

import pickle
from collections.abc import Awaitable, Callable
from enum import IntEnum
from functools import partial

import msgspec

from ...providers.schema.errors import RayconteurError
from ..api.messages import MessageKey, Receipt
from ..session.host import Host, SessionKey
from ..streams.channel import Channel
from ..streams.peer import Peer


class HostCall(IntEnum):
    """A method of the session actor."""

    TELL = 1
    PING = 2


class _Tell(msgspec.Struct, frozen=True, array_like=True):
    """An encoded ``ToLLM`` for a session, with its key if it has one."""

    session_id: str
    epoch: int
    message: bytes
    message_key: MessageKey | None = None


class _Outcome(msgspec.Struct, frozen=True, array_like=True):
    """The receipt of a message, or the pickled error with which it was rejected."""

    receipt: Receipt | None
    error: bytes = b""


_encode = msgspec.msgpack.encode
_tell = msgspec.msgpack.Decoder(_Tell).decode
_outcome = msgspec.msgpack.Decoder(_Outcome).decode


def serve(host: Host, peer: Peer, call: int, data: bytes) -> bytes | Awaitable[bytes] | None:
    """Have *host* serve a *call* of the driver *peer*."""
    if call == HostCall.PING:
        return None
    if call != HostCall.TELL:
        raise ValueError(f"a session actor has no call {call}")
    del peer
    tell = _tell(data)
    key = tell.session_id, tell.epoch
    try:
        receipt = host.tell(key, tell.message, tell.message_key)
        stored = host.stored(key)
    except RayconteurError as error:
        return _encode(_Outcome(None, pickle.dumps(error)))
    return _encode(_Outcome(receipt)) if stored is None else _once_stored(receipt, stored)


async def _once_stored(receipt: Receipt, stored: Awaitable[None]) -> bytes:
    try:
        await stored
    except RayconteurError as error:
        return _encode(_Outcome(None, pickle.dumps(error)))
    return _encode(_Outcome(receipt))


async def ping(channel: Channel) -> None:
    """Return when the session actor responds.

    Raises:
        ConnectionLost, CallTimedOut, PeerUnreachable: it does not, or can't be reached.
    """
    await channel.call(HostCall.PING, urgent=True)


async def tell(
    channel: Channel,
    key: SessionKey,
    message: bytes,
    urgent: bool,
    on_late: Callable[[Receipt], None] | None = None,
    message_key: MessageKey | None = None,
) -> Receipt:
    """Put an encoded ``ToLLM`` into its session's mailbox: once, if it has a *message_key*.

    If this is cancelled, but the session accepts the message all the same, *on_late* gets the receipt.

    Raises:
        RayconteurError: the session did not accept it.
        ConnectionLost: the session may have accepted it or not.
        PeerUnreachable: the session actor can't be reached.
    """
    request = _encode(_Tell(*key, message, message_key))
    data = await channel.call(HostCall.TELL, request, urgent, partial(_pass_on, on_late) if on_late else None)
    outcome = _outcome(data or b"")
    if outcome.receipt is None:
        raise pickle.loads(outcome.error)  # from a peer that knows the secret, as Ray does with its own
    return outcome.receipt


def _pass_on(on_late: Callable[[Receipt], None], data: bytes | None) -> None:
    outcome = _outcome(data or b"")
    if outcome.receipt:
        on_late(outcome.receipt)
