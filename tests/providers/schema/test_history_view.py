import pytest

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.messages import HistoryView, Message, Role, unchanged_messages
from rayconteur.providers.schema.request import WireMemo


def messages(count: int, first: int = 0) -> list[Message]:
    return [Message(role=Role.USER, content=(Text(str(turn)),), turn=turn) for turn in range(first, first + count)]


def test_a_view_stays_as_it_is_when_messages_are_appended() -> None:
    log = messages(3)
    view, before = HistoryView(log), tuple(log)

    log += messages(2, first=3)

    assert view == before
    assert list(view) == list(before)
    assert list(reversed(view)) == list(reversed(before))
    assert len(view) == 3
    assert view[-1] is before[2]
    assert view[1:] == before[1:]
    assert view[-2:5] == before[-2:]


@pytest.mark.parametrize("index", [3, 4, -4])
def test_a_view_has_no_message_beyond_its_ends(index: int) -> None:
    log = messages(3)
    view = HistoryView(log)
    log += messages(2, first=3)

    with pytest.raises(IndexError):
        view[index]


def test_views_of_one_history_share_the_shorter_one() -> None:
    log = messages(3)
    before = HistoryView(log)
    log += messages(2, first=3)

    assert unchanged_messages(before, HistoryView(log)) == 3
    assert unchanged_messages(HistoryView(log), before) == 3


def test_views_of_two_histories_share_what_both_begin_with() -> None:
    log = messages(3)
    other = [*log[:2], *messages(2, first=9)]

    assert unchanged_messages(HistoryView(log), HistoryView(other)) == 2
    assert unchanged_messages(log, HistoryView(other)) == 2


def test_a_memo_knows_the_size_of_what_it_encoded() -> None:
    log, memo = messages(3), WireMemo()
    for history in (HistoryView(log), HistoryView([*log[:1], *messages(3, first=7)]), (), HistoryView(log)):
        forms = memo.forms(history, "dialect", lambda message: [message])

        assert len(forms) == len(history)
        assert memo.size_bytes == sum(map(len, forms))


def test_a_message_that_cannot_be_encoded_leaves_a_memo_as_it_was_up_to_there() -> None:
    log, memo = messages(2), WireMemo()
    memo.forms(HistoryView(log), "dialect", lambda message: [message])
    log += messages(1, first=2)

    with pytest.raises(ZeroDivisionError):
        memo.forms(HistoryView(log), "dialect", lambda message: [1 / 0])

    assert memo.unchanged == 2
    assert len(memo.forms(HistoryView(log), "dialect", lambda message: [message])) == 3
