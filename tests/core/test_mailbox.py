"""The mailbox: first in, first out, within limits."""

import pytest
from builders.conversation import user_message

from rayconteur.runtime.api.errors import MailboxFull, MessageTooLarge, SessionClosed
from rayconteur.runtime.api.messages import Clear, Close, UserMessage
from rayconteur.runtime.api.settings.policies import Limits
from rayconteur.runtime.core.mailbox import Mailbox, Queued, require_size

LIMITS = Limits(waiting_messages=3, waiting_bytes=100, message_bytes=80)
DRAIN = Queued(message=Close(drain=True))


def mailbox(*sizes_bytes: int) -> Mailbox:
    """A mailbox with user messages of these sizes, for turns 1, 2, 3, ..."""
    box = Mailbox()
    for turn, size_bytes in enumerate(sizes_bytes, start=1):
        box.put(queued(size_bytes, turn))
    return box


def queued(size_bytes: int, turn: int = 9) -> Queued:
    message = user_message(f"{turn}").message
    assert isinstance(message, UserMessage)
    return Queued(message=message, turn=turn, size_bytes=size_bytes)


def take_all(box: Mailbox) -> list[int]:
    """The turns of all messages, taken one by one."""
    turns: list[int] = []
    while taken := box.take_next():
        turns.append(taken.turn)
    return turns


def test_messages_leave_in_the_order_they_arrived() -> None:
    assert take_all(mailbox(1, 1, 1)) == [1, 2, 3]


def test_a_message_put_first_leaves_before_the_others() -> None:
    box = mailbox(1, 1)

    box.put_first(queued(0, 3))

    assert take_all(box) == [3, 1, 2]


def test_the_number_of_messages_is_limited() -> None:
    mailbox(0, 0).require_room(queued(0), LIMITS)

    with pytest.raises(MailboxFull, match="3 messages"):
        mailbox(0, 0, 0).require_room(queued(0), LIMITS)


def test_there_is_always_room_for_a_close() -> None:
    mailbox(0, 0, 0).require_room(DRAIN, LIMITS)


def test_the_bytes_of_all_messages_are_limited() -> None:
    mailbox(60).require_room(queued(40), LIMITS)

    with pytest.raises(MailboxFull, match="60 bytes"):
        mailbox(60).require_room(queued(41), LIMITS)


def test_a_message_may_be_as_large_as_the_limit_and_no_larger() -> None:
    require_size(80, LIMITS)

    with pytest.raises(MessageTooLarge, match=r"81 bytes.*message_bytes is 80"):
        require_size(81, LIMITS)


@pytest.mark.parametrize("leave", ["take_next", "withdraw"])
def test_a_message_that_leaves_makes_room(leave: str) -> None:
    box = mailbox(60, 40)

    assert box.take_next() if leave == "take_next" else box.withdraw(1)

    box.require_room(queued(60), LIMITS)
    with pytest.raises(MailboxFull):
        box.require_room(queued(61), LIMITS)


def test_a_queued_turn_can_be_withdrawn_once() -> None:
    box = mailbox(1, 1, 1)

    assert box.withdraw(2)
    assert not box.withdraw(2)
    assert [queued.turn for queued in box.queue] == [1, 3]
    assert box.queued_turn(3) == box.queue[1]
    assert box.queued_turn(2) is None


def test_a_message_without_a_turn_cannot_be_withdrawn() -> None:
    box = Mailbox()
    box.put(Queued(message=Clear()))

    assert not box.withdraw(0)
    assert len(box) == 1


def test_nothing_is_accepted_after_a_close() -> None:
    box = mailbox(1)
    box.put(DRAIN)

    with pytest.raises(SessionClosed):
        box.require_open()
    with pytest.raises(SessionClosed):
        box.require_room(queued(0), LIMITS)
    assert take_all(box) == [1, 0]


def test_a_restored_mailbox_equals_the_original() -> None:
    box = mailbox(60, 40)
    box.put(DRAIN)

    assert Mailbox.restored(box.queue) == box
