"""The handshake: how both ends of a connection show that they know the listener's secret. It does no I/O.

The listener sends a challenge. The peer answers with a nonce of its own and a proof, and the listener returns its own
proof. A proof is an HMAC over both nonces: the secret never travels over the connection, and no proof fits another one.
"""

import hmac
from typing import TypeVar

import msgspec

from .frames import StreamError

VERSION = 1
"""Raised when frames change. Peers of different versions refuse each other."""

NONCE_BYTES = 16
HANDSHAKE_LIMIT_BYTES = 1 << 10
_NAME = "rayconteur"
_PEER, _LISTENER = b"peer", b"listener"

T = TypeVar("T")


class HandshakeError(StreamError):
    """The other end is no peer: it does not know the secret, or has another version."""


class Challenge(msgspec.Struct, frozen=True, array_like=True):
    """The first frame, of the listener."""

    nonce: bytes
    name: str = _NAME
    version: int = VERSION


class ChallengeAnswer(msgspec.Struct, frozen=True, array_like=True):
    """The second frame, of the peer whose id is *peer*."""

    peer: str
    nonce: bytes
    proof: bytes
    version: int = VERSION


class Welcome(msgspec.Struct, frozen=True, array_like=True):
    """The third frame, of the listener."""

    proof: bytes


def answer_challenge(frame: bytes, peer: str, secret: bytes, nonce: bytes) -> tuple[bytes, bytes]:
    """The answer to the challenge *frame*, and the proof that the listener must return.

    Raises:
        HandshakeError: it is no challenge, or of another version.
    """
    challenge = _decoded(frame, Challenge)
    if challenge.name != _NAME:
        raise HandshakeError("it is no stream of rayconteur")
    _require_version(challenge.version)
    nonces = challenge.nonce + nonce
    answer = ChallengeAnswer(peer, nonce, _proof(secret, _PEER, nonces, peer))
    return msgspec.msgpack.encode(answer), _proof(secret, _LISTENER, nonces, peer)


def check_answer(frame: bytes, secret: bytes, nonce: bytes) -> tuple[str, bytes]:
    """The id of the peer that answered the challenge with *nonce*, and the frame that welcomes it.

    Raises:
        HandshakeError: it does not know the secret, or is of another version.
    """
    answer = _decoded(frame, ChallengeAnswer)
    _require_version(answer.version)
    nonces = nonce + answer.nonce
    if not hmac.compare_digest(answer.proof, _proof(secret, _PEER, nonces, answer.peer)):
        raise HandshakeError("its secret is wrong")
    return answer.peer, msgspec.msgpack.encode(Welcome(_proof(secret, _LISTENER, nonces, answer.peer)))


def check_welcome(frame: bytes, proof: bytes) -> None:
    """Raises:
    HandshakeError: the listener does not know the secret.
    """
    if not hmac.compare_digest(_decoded(frame, Welcome).proof, proof):
        raise HandshakeError("its secret is wrong")


def _proof(secret: bytes, role: bytes, nonces: bytes, peer: str) -> bytes:
    return hmac.digest(secret, b"%b %b %b" % (role, nonces, peer.encode()), "sha256")


def _require_version(version: int) -> None:
    if version != VERSION:
        raise HandshakeError(f"it speaks version {version} of the streams, and this process version {VERSION}")


def _decoded(frame: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(frame, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HandshakeError("what it sends is no handshake") from None
