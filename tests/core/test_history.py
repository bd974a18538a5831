"""What of an answer a history keeps, and which of its signed thinking is still valid there."""

import msgspec
import pytest
from builders.conversation import TOOL_USE, blocks, tool_use

from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.runtime.core.history import History

SIGNED = Thinking(text="hm", provider="anthropic", signature="s")
HIDDEN = Thinking(text="", provider="anthropic", signature="s")
VISIBLE = Thinking(text="hm", provider="cohere")
SEARCH = Opaque(provider="anthropic", type="server_tool_use", json=b"{}")


def kept(*content: Block | str, history: History | None = None) -> tuple[Block, ...]:
    return (history or History()).append_answer(blocks(content), turn=1)


@pytest.mark.parametrize(
    "content",
    [
        (SIGNED, Text("yes")),
        (HIDDEN, TOOL_USE),
        (HIDDEN, SEARCH, SIGNED, Text("yes")),
        (SIGNED, Text("let me look"), TOOL_USE, tool_use("b")),
        (Text("yes"), VISIBLE),
    ],
)
def test_an_answer_is_kept_as_it_came(content: tuple[Block, ...]) -> None:
    assert kept(*content) == content


@pytest.mark.parametrize("end", [(SIGNED,), (HIDDEN, SIGNED), (Text(" "), SIGNED, Text("\n"))])
def test_signed_thinking_at_the_end_is_left_out(end: tuple[Block, ...]) -> None:
    assert kept(SIGNED, "yes", *end) == (SIGNED, Text("yes"))


def test_an_answer_of_thinking_alone_is_not_kept() -> None:
    history = History()

    assert kept(SIGNED, " ", HIDDEN, history=history) == ()
    assert history.messages == []


def test_signed_thinking_after_a_tool_use_that_got_another_id_is_left_out() -> None:
    history = History()
    kept(TOOL_USE, history=history)

    answer = kept(SIGNED, tool_use("b"), HIDDEN, TOOL_USE, SIGNED, VISIBLE, SEARCH, tool_use("c"), history=history)

    ids = [block.id for block in answer if isinstance(block, ToolUse)]
    assert ids == ["b", "a-2", "c"]
    assert [block for block in answer if not isinstance(block, ToolUse)] == [SIGNED, HIDDEN, VISIBLE, SEARCH]


def test_messages_share_no_tool_use_id_after_a_discarded_turn() -> None:
    history = History()
    kept(TOOL_USE, history=history)
    history.discard_turn(1)

    assert kept(TOOL_USE, SIGNED, "yes", history=history) == (TOOL_USE, SIGNED, Text("yes"))


def test_what_a_compaction_leaves_as_it_was_stays_the_same_object_also_if_it_was_decoded() -> None:
    history = History()
    for turn in range(1, 4):
        history.append(Message.of_user(f"message {turn}"))
    first, *rest = history.messages

    for kept in ([first, *rest], rest, rest[1:]):
        history.replace_messages(msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=list[Message]))

        assert [id(message) for message in history.messages] == [id(message) for message in kept]
