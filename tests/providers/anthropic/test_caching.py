"""Which blocks of a request Anthropic is asked to keep, so that the next request need not pay for them again."""

from collections.abc import Iterator
from typing import Any

import msgspec
from validators.anthropic import violations

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.schema.content import Block, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings, WireMemo
from rayconteur.providers.schema.tools import Tool

CLAUDE = Dialect("claude-x")
MARK = {"type": "ephemeral"}
FLY = Tool(name="fly")
USE, RESULT = ToolUse(id="a", name="fly", input={}), ToolResult(tool_use_id="a")


def user(turn: int, *content: Block) -> Message:
    return Message(role=Role.USER, content=content, turn=turn)


def assistant(turn: int, *content: Block) -> Message:
    return Message(role=Role.ASSISTANT, content=content, turn=turn)


def sent(*messages: Message, settings: Settings | None = None) -> dict[str, Any]:
    request = Request(1, messages, settings or Settings(system="You fly.", tools=(FLY,)))
    return msgspec.json.decode(body(request, CLAUDE, True), type=dict[str, Any])


def marked(wire: dict[str, Any]) -> Iterator[str]:
    """The marked blocks: where they are, and what they say. The marks are taken away."""
    assert violations(wire) == []
    for part in ("tools", "system"):
        yield from (part for block in wire.get(part, []) if "cache_control" in block)
    for message in wire["messages"]:
        for block in message["content"]:
            if block.pop("cache_control", None) == MARK:
                yield block.get("text", block["type"])


HISTORY = (user(1, Text("One.")), assistant(1, Text("Yes.")), user(2, Text("Two.")), assistant(2, Text("No.")))


def test_what_does_not_change_before_the_turn_is_marked() -> None:
    assert list(marked(sent(*HISTORY, user(3, Text("Three."))))) == ["system", "No."]


def test_tools_are_marked_where_there_is_no_system_prompt_behind_them() -> None:
    sit = Tool(name="sit")

    assert list(marked(sent(user(1, Text("One.")), settings=Settings(tools=(FLY, sit))))) == ["tools"]
    assert list(marked(sent(user(1, Text("One.")), settings=Settings()))) == []


def test_in_a_turn_with_tools_the_last_result_is_marked_too() -> None:
    turn = (user(3, Text("Three.")), assistant(3, USE), user(3, RESULT))

    assert list(marked(sent(*HISTORY, *turn))) == ["system", "No.", "tool_result"]


def test_a_mark_goes_to_the_last_block_that_may_have_one() -> None:
    thinking = Thinking(text="Hm.", provider="anthropic", signature="s")
    odd = (*HISTORY[:3], assistant(2, Text("No."), thinking), user(3, Text("Three.")))

    assert list(marked(sent(*odd))) == ["system", "Two."]


def test_without_prompt_caching_nothing_is_marked() -> None:
    settings = Settings(tools=(FLY,), prompt_caching=False)

    assert list(marked(sent(*HISTORY, user(3, Text("Three.")), settings=settings))) == []


def test_marks_move_on_and_leave_the_prefix_as_it_was() -> None:
    memo = WireMemo()

    def messages(*said: Message) -> list[Any]:
        request = Request(1, said, Settings(), memo)
        wire = msgspec.json.decode(body(request, CLAUDE, True), type=dict[str, Any])
        assert len(list(marked(wire))) == 1
        found: list[Any] = wire["messages"]
        return found

    first = messages(*HISTORY[:3])

    assert messages(*HISTORY, user(3, Text("Three.")))[:3] == first
