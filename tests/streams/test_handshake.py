"""Only who knows the secret passes the handshake, on either side, and no proof can be used twice."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.runtime.streams.frames import StreamError
from rayconteur.runtime.streams.handshake import (
    VERSION,
    Challenge,
    ChallengeAnswer,
    HandshakeError,
    answer_challenge,
    check_answer,
    check_welcome,
)

SECRET = b"known to peers only"
ASKED, ANSWERED = b"a" * 16, b"b" * 16
encode = msgspec.msgpack.encode


def answered(secret: bytes = SECRET, nonce: bytes = ANSWERED) -> tuple[bytes, bytes]:
    """An answer to the challenge, and the proof expected in return."""
    return answer_challenge(encode(Challenge(ASKED)), "driver-1", secret, nonce)


def test_both_ends_recognize_each_other_by_the_secret() -> None:
    answer, expected_proof = answered()

    peer, welcome = check_answer(answer, SECRET, ASKED)

    check_welcome(welcome, expected_proof)
    assert peer == "driver-1"
    assert SECRET not in answer + welcome


def test_a_peer_with_another_secret_is_refused() -> None:
    answer, _ = answered(secret=b"guessed")

    with pytest.raises(HandshakeError, match="its secret is wrong"):
        check_answer(answer, SECRET, ASKED)


def test_an_answer_that_was_recorded_is_refused() -> None:
    recorded, _ = answered()

    with pytest.raises(HandshakeError, match="its secret is wrong"):
        check_answer(recorded, SECRET, b"another challenge")


def test_an_answer_proves_no_other_id() -> None:
    answer, _ = answered()
    changed = msgspec.structs.replace(msgspec.msgpack.decode(answer, type=ChallengeAnswer), peer="driver-2")

    with pytest.raises(HandshakeError, match="its secret is wrong"):
        check_answer(encode(changed), SECRET, ASKED)


def test_a_listener_that_returns_the_peer_s_own_proof_is_refused() -> None:
    answer, expected_proof = answered()
    proof = msgspec.msgpack.decode(answer, type=ChallengeAnswer).proof

    with pytest.raises(HandshakeError, match="its secret is wrong"):
        check_welcome(encode((proof,)), expected_proof)


def test_another_version_is_named_on_both_sides() -> None:
    answer = msgspec.msgpack.decode(answered()[0], type=ChallengeAnswer)
    newer = msgspec.structs.replace(answer, version=VERSION + 1)

    with pytest.raises(HandshakeError, match=f"version {VERSION + 1} of the streams, and this process version"):
        check_answer(encode(newer), SECRET, ASKED)
    with pytest.raises(HandshakeError, match=f"version {VERSION + 1} of the streams, and this process version"):
        answer_challenge(encode(Challenge(ASKED, version=VERSION + 1)), "driver-1", SECRET, ANSWERED)


@given(st.binary())
def test_garbage_is_refused(frame: bytes) -> None:
    for check in (
        lambda: check_answer(frame, SECRET, ASKED),
        lambda: answer_challenge(frame, "driver-1", SECRET, ANSWERED),
        lambda: check_welcome(frame, b"proof"),
    ):
        with pytest.raises(StreamError):
            check()
