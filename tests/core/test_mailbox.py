"""The mailbox: first in, first out, within limits."""

import pytest
from builders.conversation import asked

from rayconteur.runtime.api.config import Limits
from rayconteur.runtime.api.errors import MailboxFull, MessageTooLarge, SessionClosed
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.mailbox import Mailbox, Waiting

LIMITS = Limits(waiting_messages=3, waiting_bytes=100, message_bytes=80)


def mailbox(*sizes_bytes: int) -> Mailbox:
    """A mailbox with user messages of these sizes, for turns 1, 2, 3 ..."""
    box = Mailbox()
    for turn, size_bytes in enumerate(sizes_bytes, start=1):
        box.put(Waiting(asked(f"{turn}", size_bytes=size_bytes), turn))
    return box


def message(size_bytes: int) -> Waiting:
    return Waiting(asked(size_bytes=size_bytes), 9)


def taken(box: Mailbox) -> list[int]:
    """The turns of all that waits, taken out one by one."""
    turns: list[int] = []
    while waiting := box.take():
        turns.append(waiting.turn)
    return turns


def test_what_came_first_goes_first() -> None:
    assert taken(mailbox(1, 1, 1)) == [1, 2, 3]


def test_what_must_go_first_goes_before_the_others() -> None:
    box = mailbox(1, 1)

    box.put_first(Waiting(asked(), 3))

    assert taken(box) == [3, 1, 2]


def test_it_is_full_by_number() -> None:
    mailbox(0, 0).admit_waiting(message(0), LIMITS)

    with pytest.raises(MailboxFull, match="3 messages"):
        mailbox(0, 0, 0).admit_waiting(message(0), LIMITS)


def test_there_is_always_room_for_the_wish_to_close() -> None:
    mailbox(0, 0, 0).admit_waiting(Waiting(ev.CloseAsked(drain=True)), LIMITS)


def test_it_is_full_by_bytes() -> None:
    mailbox(60).admit_waiting(message(40), LIMITS)

    with pytest.raises(MailboxFull, match="60 bytes"):
        mailbox(60).admit_waiting(message(41), LIMITS)


def test_one_message_may_be_as_large_as_the_limit_says_and_no_larger() -> None:
    box = mailbox()

    box.admit(80, LIMITS)
    with pytest.raises(MessageTooLarge, match=r"81 bytes.*message_bytes is 80"):
        box.admit(81, LIMITS)


@pytest.mark.parametrize("leave", ["take", "withdraw"])
def test_what_leaves_makes_room(leave: str) -> None:
    box = mailbox(60, 40)

    assert box.take() if leave == "take" else box.withdraw(1)

    box.admit_waiting(message(60), LIMITS)
    with pytest.raises(MailboxFull):
        box.admit_waiting(message(61), LIMITS)


def test_a_turn_that_waits_can_be_withdrawn_once() -> None:
    box = mailbox(1, 1, 1)

    assert box.withdraw(2)
    assert not box.withdraw(2)
    assert box.turns() == (1, 3)


def test_what_is_no_turn_cannot_be_withdrawn() -> None:
    box = Mailbox()
    box.put(Waiting(ev.ClearAsked()))

    assert not box.withdraw(0)
    assert len(box) == 1


def test_nothing_goes_in_behind_a_close() -> None:
    box = mailbox(1)
    box.put(Waiting(ev.CloseAsked(drain=True)))

    with pytest.raises(SessionClosed):
        box.admit(0, LIMITS)
    with pytest.raises(SessionClosed):
        box.admit_waiting(message(0), LIMITS)
    assert taken(box) == [1, 0]
