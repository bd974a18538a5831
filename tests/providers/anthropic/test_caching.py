"""Cache marks in requests to Anthropic: which blocks the next request can read from the cache."""

from collections.abc import Iterator
from typing import Any

import msgspec
from builders.messages import assistant, user
from validators.anthropic import violations

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.schema.content import Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings, WireMemo
from rayconteur.providers.schema.tools import ProviderTool, Tool

CLAUDE = Dialect("claude-x")
MARK = {"type": "ephemeral"}
FLY = Tool(name="fly")
USE, RESULT = ToolUse(id="a", name="fly", input={}), ToolResult(tool_use_id="a")


def request_body(*messages: Message, settings: Settings | None = None) -> dict[str, Any]:
    request = Request(1, messages, settings or Settings(system="You fly.", tools=(FLY,)))
    return msgspec.json.decode(body(request, CLAUDE, True), type=dict[str, Any])


def pop_marks(wire: dict[str, Any]) -> Iterator[str]:
    """The marked blocks, each as its text or its kind. Removes the marks from the messages."""
    assert violations(wire) == []
    for part in ("tools", "system"):
        yield from (part for block in wire.get(part, []) if "cache_control" in block)
    for message in wire["messages"]:
        for block in message["content"]:
            if block.pop("cache_control", None) == MARK:
                yield block.get("text", block["type"])


HISTORY = (
    user(Text("One."), turn=1),
    assistant(Text("Yes."), turn=1),
    user(Text("Two."), turn=2),
    assistant(Text("No."), turn=2),
)


def test_the_prefix_before_the_current_turn_is_marked_for_caching() -> None:
    assert list(pop_marks(request_body(*HISTORY, user(Text("Three."), turn=3)))) == ["system", "No."]


def test_tools_are_marked_if_no_system_prompt_follows_them() -> None:
    sit = Tool(name="sit")

    assert list(pop_marks(request_body(user(Text("One."), turn=1), settings=Settings(tools=(FLY, sit))))) == ["tools"]
    assert list(pop_marks(request_body(user(Text("One."), turn=1), settings=Settings()))) == []


def test_the_last_tool_result_of_the_current_turn_is_marked_too() -> None:
    turn = (user(Text("Three."), turn=3), assistant(USE, turn=3), user(RESULT, turn=3))

    assert list(pop_marks(request_body(*HISTORY, *turn))) == ["system", "No.", "tool_result"]


def test_the_mark_is_on_the_last_block_that_may_have_one() -> None:
    thinking = Thinking(text="Hm.", provider="anthropic", signature="s")
    history = (*HISTORY[:3], assistant(Text("No."), thinking, turn=2), user(Text("Three."), turn=3))

    assert list(pop_marks(request_body(*history))) == ["system", "Two."]


def test_without_prompt_caching_nothing_is_marked() -> None:
    settings = Settings(tools=(FLY,), prompt_caching=False)

    assert list(pop_marks(request_body(*HISTORY, user(Text("Three."), turn=3), settings=settings))) == []


def test_moving_the_marks_forward_does_not_change_the_cached_prefix() -> None:
    memo = WireMemo()

    def wire_messages(*messages: Message) -> list[Any]:
        request = Request(1, messages, Settings(), memo)
        wire = msgspec.json.decode(body(request, CLAUDE, True), type=dict[str, Any])
        assert len(list(pop_marks(wire))) == 1
        unmarked: list[Any] = wire["messages"]
        return unmarked

    first = wire_messages(*HISTORY[:3])

    assert wire_messages(*HISTORY, user(Text("Three."), turn=3))[:3] == first


def test_all_marks_have_the_time_to_live_of_the_settings() -> None:
    settings = Settings(system="You fly.", prompt_cache_ttl="1h")
    wire = request_body(*HISTORY, user(Text("Three."), turn=3), settings=settings)

    marks = [wire["system"][0]["cache_control"], wire["messages"][3]["content"][0]["cache_control"]]
    assert marks == [{"type": "ephemeral", "ttl": "1h"}] * 2


def test_a_deferred_tool_is_not_marked() -> None:
    tools = (FLY, Tool(name="sit", deferred=True))

    wire = request_body(user(Text("One."), turn=1), settings=Settings(tools=tools))

    assert [tool["name"] for tool in wire["tools"] if "cache_control" in tool] == ["fly"]


def test_marks_on_the_provider_s_own_tools_count() -> None:
    marked = [
        ProviderTool(provider="anthropic", definition={"type": "bash_20250124", "name": name, "cache_control": MARK})
        for name in ("bash", "shell")
    ]
    turn = (user(Text("Three."), turn=3), assistant(USE, turn=3), user(RESULT, turn=3))

    marks = list(pop_marks(request_body(*HISTORY, *turn, settings=Settings(system="You fly.", tools=tuple(marked)))))

    assert marks == ["tools", "tools", "system", "tool_result"]


def many_uses(count: int, turn: int, first: str) -> tuple[Message, Message]:
    uses = [ToolUse(id=f"{first}{number}", name="fly", input={}) for number in range(count)]
    return assistant(*uses, turn=turn), user(*(ToolResult(tool_use_id=use.id) for use in uses), turn=turn)


def test_a_step_with_more_blocks_than_the_api_looks_back_marks_the_end_of_the_previous_one_too() -> None:
    turn = (user(Text("Three."), turn=3), *many_uses(1, 3, "a"))
    short, long = many_uses(10, 3, "b"), many_uses(11, 3, "b")

    assert list(pop_marks(request_body(*HISTORY, *turn, *short))) == ["system", "No.", "tool_result"]
    assert list(pop_marks(request_body(*HISTORY, *turn, *long))) == ["system", "No.", "tool_result", "tool_result"]


def test_a_long_answer_at_the_end_of_a_turn_marks_the_end_of_the_previous_request_too() -> None:
    answer = assistant(*(Text(f"{number}.") for number in range(21)), turn=2)

    marks = list(pop_marks(request_body(*HISTORY[:3], answer, user(Text("Three."), turn=3))))

    assert marks == ["system", "Two.", "20."]
