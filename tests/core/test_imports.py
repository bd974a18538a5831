"""An initial history in a conversation: it is the history that the first request holds."""

import msgspec
import pytest
from builders.conversation import DISCARD, answered, opened_conversation, received, user_message

from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.errors import HistoryFull, InvalidRecord
from rayconteur.runtime.api.settings.policies import Limits
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

PAGES = (
    (
        Message(role=Role.USER, content=(Text("hi"),), turn=1, id="1.1"),
        Message(role=Role.ASSISTANT, content=(Text("hello"),), turn=1, id="1.2"),
    ),
    (Message(role=Role.USER, content=(Text("where? " * 100),), turn=4, id="4.1"),),
    (
        Message(role=Role.ASSISTANT, content=(ToolUse("a", "look", {}),), turn=4, id="4.2"),
        Message(role=Role.USER, content=(ToolResult("a"),), turn=4, id="4.3"),
    ),
)


def imported_conversation() -> tuple[Conversation, list[ev.Record]]:
    conversation, records = Conversation(), list[ev.Record]()
    events: list[ev.Event] = [
        ev.Opened(config=DISCARD, created_at=0.0),
        *(ev.Imported(messages=page) for page in PAGES),
    ]
    for event in events:
        record, *others = conversation.handle(event)
        assert isinstance(record, ev.Record)
        assert others == []
        records.append(record)
    return conversation, records


def test_the_first_request_holds_the_initial_history_and_turns_go_on_from_it() -> None:
    conversation, _ = imported_conversation()

    *_, send = conversation.handle(user_message("and now?"))

    assert isinstance(send, SendRequest)
    assert tuple(send.messages[:5]) == sum(PAGES, ())
    assert (send.turn, conversation.turns, conversation.message_count) == (5, 5, 6)


def test_an_initial_history_fills_the_context_window() -> None:
    conversation, _ = imported_conversation()
    other = opened_conversation()
    other.handle(ev.Imported(messages=sum(PAGES, ())))

    assert conversation.context == other.context  # whether it comes in pages or not
    assert (conversation.context.tokens or 0) > 150
    assert conversation.fill.messages == 5


def test_its_tool_use_ids_are_taken() -> None:
    conversation, _ = imported_conversation()
    conversation.handle(user_message("and now?"))

    conversation.handle(answered(1, ToolUse("a", "look", {})))

    assert [use.id for use in conversation.open_tool_uses] != ["a"]


def test_what_is_unanswered_can_be_answered() -> None:
    conversation, _ = imported_conversation()

    *_, send = conversation.handle(ev.Received(message=msg.Retry()))

    assert isinstance(send, SendRequest)
    assert len(send.messages) == 5


def test_its_records_rebuild_it() -> None:
    conversation, records = imported_conversation()

    encoded = msgspec.json.encode(records)

    assert Conversation.replay(msgspec.json.decode(encoded, type=list[ev.Record])) == conversation
    assert Conversation.restore(conversation.snapshot()) == conversation


def test_a_history_above_the_limit_is_refused_and_nothing_of_the_page_stays() -> None:
    size_bytes = sum(message.size_bytes for page in PAGES[:2] for message in page)
    fits, is_too_large = (
        opened_conversation(msgspec.structs.replace(DISCARD, limits=Limits(history_bytes=limit)))
        for limit in (size_bytes, size_bytes - 1)
    )
    for conversation in (fits, is_too_large):
        conversation.handle(ev.Imported(messages=PAGES[0]))

    fits.handle(ev.Imported(messages=PAGES[1]))
    with pytest.raises(HistoryFull, match=r"limits\.history_bytes"):
        is_too_large.handle(ev.Imported(messages=PAGES[1]))

    assert len(fits.history) == 3
    assert is_too_large.history == PAGES[0]


def test_it_can_only_come_before_the_first_message() -> None:
    conversation = opened_conversation()
    conversation.handle(user_message("hi"))

    with pytest.raises(InvalidRecord, match="before the first message"):
        conversation.handle(ev.Imported(messages=PAGES[0]))


def test_what_is_compacted_later_gets_ids_that_the_messages_do_not_have() -> None:
    conversation = opened_conversation()
    written = Message(role=Role.USER, content=(Text("in short"),), turn=1, id="c3.1")
    answer = Message(role=Role.ASSISTANT, content=(Text("yes"),), turn=1, id="1.2")
    conversation.handle(ev.Imported(messages=(written, answer)))
    conversation.handle(received(msg.Compact()))
    number = conversation.snapshot().compactions

    shorter = msgspec.structs.replace(answer, content=(Text("y"),), id="")
    conversation.handle(ev.CompactionEnded(compaction=number, messages=(written, shorter)))

    assert [message.id for message in conversation.history] == ["c3.1", "c4.1"]
    assert conversation.counters.compactions == 1
