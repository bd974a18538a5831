"""A message with a key takes effect once. The model checker holds it against all interleavings."""

import msgspec
import pytest
from builders.conversation import answered, opened_conversation, received, request_failed, user_message
from checkers.conversation.record_ledger import stored_and_restored

from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import KeyMisused, SessionBusy, SessionClosed
from rayconteur.runtime.api.messages import MessageKey
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge
from rayconteur.runtime.core.receipts import KEPT_RECEIPTS

DIGEST = b"digest"


def keyed(event: ev.Received, key: str = "k", seq: int = 7) -> ev.Received:
    return msgspec.structs.replace(event, key=MessageKey(key, DIGEST), seq=seq)


def new_conversation() -> Conversation:
    return opened_conversation(SessionConfig(provider=Scripted()))


def test_a_message_that_comes_again_gets_the_first_receipt_and_leaves_no_record() -> None:
    conversation = new_conversation()
    conversation.handle(user_message())
    conversation.handle(keyed(user_message("ho"), seq=7))

    again = conversation.handle(keyed(user_message("ho"), seq=20))

    assert again == [Acknowledge(turn=2, seq=7)]
    assert len(conversation.queue) == 1


@pytest.mark.parametrize("ending", [answered(1, "hi"), request_failed(1), received(msg.Close())])
def test_it_still_does_when_its_turn_is_over(ending: ev.Event) -> None:
    conversation = new_conversation()
    conversation.handle(keyed(user_message()))
    conversation.handle(ending)

    assert conversation.handle(keyed(user_message())) == [Acknowledge(turn=1, seq=7)]
    with pytest.raises(KeyMisused, match="another message had the key 'k'"):
        conversation.handle(ev.Received(message=msg.Clear(), key=MessageKey("k", b"another")))


def test_a_compaction_is_named_again() -> None:
    conversation = new_conversation()
    conversation.handle(keyed(received(msg.Compact())))

    assert conversation.handle(keyed(received(msg.Compact()))) == [Acknowledge(None, compaction=1, seq=7)]


def test_a_message_that_was_rejected_may_come_again_with_its_key() -> None:
    conversation = new_conversation()
    conversation.handle(user_message())
    with pytest.raises(SessionBusy):
        conversation.handle(keyed(user_message(when_busy=WhenBusy.REJECT)))
    conversation.handle(answered(1, "hi"))

    _, acknowledge, *_ = conversation.handle(keyed(user_message(when_busy=WhenBusy.REJECT)))

    assert acknowledge == Acknowledge(turn=2)


def test_so_many_keys_are_kept_in_snapshots_too_and_the_oldest_are_forgotten() -> None:
    conversation = new_conversation()
    for number in range(KEPT_RECEIPTS + 1):
        conversation.handle(keyed(received(msg.Clear()), f"key {number}", seq=number))

    conversation = stored_and_restored(conversation)

    assert conversation.handle(keyed(received(msg.Clear()), "key 1")) == [Acknowledge(None, seq=1)]
    record, *_ = conversation.handle(keyed(received(msg.Clear()), "key 0"))
    assert isinstance(record, ev.Record)


def test_keys_of_the_runtimes_own_leave_those_of_programs_alone() -> None:
    conversation = new_conversation()
    conversation.handle(keyed(received(msg.Clear()), "program", seq=1))
    for number in range(KEPT_RECEIPTS + 1):
        own = MessageKey(f"own {number}", b"")
        conversation.handle(msgspec.structs.replace(received(msg.Clear()), key=own, seq=number))

    assert conversation.handle(keyed(received(msg.Clear()), "program")) == [Acknowledge(None, seq=1)]
    last = msgspec.structs.replace(received(msg.Clear()), key=MessageKey(f"own {KEPT_RECEIPTS}", b""))
    assert conversation.handle(last) == [Acknowledge(None, seq=KEPT_RECEIPTS)]
    first = msgspec.structs.replace(received(msg.Clear()), key=MessageKey("own 0", b""))
    assert isinstance(conversation.handle(first)[0], ev.Record)


def test_a_closed_session_takes_no_new_key() -> None:
    conversation = new_conversation()
    conversation.handle(received(msg.Close()))

    with pytest.raises(SessionClosed):
        conversation.handle(keyed(user_message()))
