"""Initial histories: which are accepted, how their turns are numbered, and what is said about the others."""

from collections.abc import Sequence

import msgspec
import pytest
from builders.histories import broken_rules, histories
from hypothesis import given
from hypothesis import strategies as st

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message, Origin, Role, StandsFor
from rayconteur.runtime.api.initial_history import validated_history

HI = Message.of_user("hi")
HELLO = Message.of_assistant("hello")
LOOK = Message.of_assistant("Let me look.", rc.ToolUse("a", "look", {}), rc.ToolUse("b", "look", {}))
SEEN = Message.of_user(rc.ToolResult("a"), rc.ToolResult("b"))
SIGNED = rc.Thinking(text="hm", provider="anthropic", signature="c2ln")
SEARCH = rc.Opaque(provider="anthropic", type="server_tool_use", json=b"{}")
NATIVE = Message(
    role=Role.ASSISTANT,
    content=(SEARCH,),
    turn=3,
    stands_for=StandsFor(first_turn=1, last_turn=3, messages=6),
    origin=Origin(source="ours"),
)


def checked(*messages: Message) -> list[Message]:
    return list(validated_history(messages, "ours"))


@given(history=histories())
def test_what_a_session_can_hold_is_accepted_and_valid_for_every_provider(
    history: tuple[tuple[Message, ...], int | None],
) -> None:
    messages, _ = history

    accepted = checked(*messages)

    assert [msgspec.structs.replace(message, id="") for message in accepted] == list(messages)
    assert len({message.id for message in accepted}) == len(messages)
    assert broken_rules(tuple(accepted)) == []


@given(history=histories(), data=st.data())
def test_a_history_with_parts_left_out_is_valid_for_every_provider_or_refused(
    history: tuple[tuple[Message, ...], int | None], data: st.DataObject
) -> None:
    kept = [message for message in history[0] if data.draw(st.integers(0, 4))]

    try:
        accepted = checked(*kept)
    except InvalidConfig:
        return

    assert not accepted or broken_rules(tuple(accepted)) == []


def test_messages_without_numbers_get_those_of_their_turns() -> None:
    numbered = checked(HI, HELLO, HI, LOOK, SEEN, HELLO, HI)

    assert [message.turn for message in numbered] == [1, 1, 2, 2, 2, 2, 3]


def test_messages_with_numbers_keep_them_and_others_go_on_from_there() -> None:
    seventh = msgspec.structs.replace(HI, turn=7)

    assert [message.turn for message in checked(seventh, HELLO, HI, HELLO)] == [7, 7, 8, 8]


def test_messages_keep_their_ids_and_others_get_some_that_are_free() -> None:
    given = [
        msgspec.structs.replace(message, id=message_id)
        for message, message_id in ((HI, "mine"), (LOOK, ""), (SEEN, "1.2"), (HELLO, ""), (HI, ""), (HELLO, "1.9"))
    ]

    assert [message.id for message in checked(*given)] == ["mine", "1.1", "1.2", "1.3", "2.1", "1.9"]


@pytest.mark.parametrize(
    ("messages", "field", "problem"),
    [
        ([HELLO], "history[0]", "the first message must be the user's"),
        ([HI, NATIVE], "history[1]", "can only be the first message"),
        ([HI, HELLO, LOOK], "history[2]", "the tool uses 'a', 'b' have no results"),
        ([HI, LOOK, HI], "history[2].content", "history[1] asks for the results of 'a', 'b'"),
        ([HI, LOOK, Message.of_user(rc.ToolResult("b"), rc.ToolResult("a"))], "history[2].content", "in this order"),
        ([HI, LOOK, Message.of_user(rc.ToolResult("a"))], "history[2].content", "here are 'a'"),
        ([HI, SEEN], "history[1].content", "there are no tool uses 'a', 'b' in the message before"),
        ([HI, LOOK, SEEN, LOOK], "history[3].content", "the id 'a' is that of an earlier tool use"),
        ([HI, LOOK, Message.of_user(*SEEN.content, "so?")], "history[2].content", "a message of their own"),
        ([Message.of_user()], "history[0].content", "the message is empty"),
        ([HI, Message.of_assistant("\u200b ")], "history[1].content[0]", "the text is blank"),
        ([HI, Message.of_assistant(SIGNED)], "history[1].content", "thinking alone"),
        ([HI, Message.of_assistant("so", SIGNED)], "history[1].content[1]", "can't end with signed thinking"),
        ([Message.of_user("so", SIGNED)], "history[0].content[1]", "a Thinking can't be in a message of role user"),
        ([HI, Message.of_assistant(rc.ToolResult("a"))], "history[1].content[0]", "a ToolResult can't be"),
        (
            [msgspec.structs.replace(message, turn=turn) for message, turn in ((HI, 1), (HI, 2), (HELLO, 1))],
            "history[2].turn",
            "turn 1 is split",
        ),
        ([Message.of_user(rc.Text("a", cache=True))], "history[0].content[0].cache", "only blocks of a system prompt"),
        ([msgspec.structs.replace(HI, turn=-1)], "history[0].turn", "numbered from 1"),
        ([HI, msgspec.structs.replace(HELLO, id="1.1")], "history[1].id", "an earlier message has the id '1.1'"),
        ([msgspec.structs.replace(HI, id="2.1")], "history[0].id", "would be an id in turn 2"),
        ([msgspec.structs.replace(HI, id="x" * 101)], "history[0].id", "at most 100 characters"),
        ([{"role": "user", "content": "hi"}], "history[0]", "give a Message, not a dict"),
        ([Message.of_user("\ud800")], "history[0].content", "surrogates"),
        ("hi", "history", "give a list of Messages"),
        (7, "history", "give a list of Messages"),
    ],
)
def test_a_history_that_is_not_valid_is_refused_with_the_place_and_the_reason(
    messages: Sequence[Message], field: str, problem: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        list(validated_history(messages))

    assert raised.value.field.startswith(field)
    assert problem in raised.value.problem


def test_a_native_compaction_is_accepted_only_where_it_can_be_read() -> None:
    native, hi = checked(NATIVE, HI)
    assert (native.content, native.turn, hi.content, hi.turn) == (NATIVE.content, 3, HI.content, 4)

    with pytest.raises(InvalidConfig, match=r"history\[0\]: only its maker can read this compaction"):
        list(validated_history([NATIVE], "another account"))
