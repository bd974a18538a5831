"""Anthropic's own tool search: its blocks go back as they came, unless a tool that was found is gone."""

import json
from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from servers.recordings import exchanges

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.schema.content import Block, Opaque, Text, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings, WireMemo
from rayconteur.providers.schema.tools import ProviderTool, Tool

DIALECT = Dialect("claude-sonnet-4-6")
SEARCH = ProviderTool(provider="anthropic", definition={"type": "tool_search_tool_bm25_20251119", "name": "find"})
FLY, SIT = Tool(name="fly", deferred=True), Tool(name="sit", deferred=True)
USE = {"type": "server_tool_use", "id": "s1", "name": "find", "input": {"query": "fly"}}


def found(*names: str, use_id: str = "s1") -> dict[str, Any]:
    references = [{"type": "tool_reference", "tool_name": name} for name in names]
    content = {"type": "tool_search_tool_search_result", "tool_references": references}
    return {"type": "tool_search_tool_result", "tool_use_id": use_id, "content": content}


FAILED = found() | {"content": {"type": "tool_search_tool_result_error", "error_code": "unavailable"}}
ODD = found() | {"content": [1]}


def opaque(block: dict[str, Any]) -> Opaque:
    return Opaque("anthropic", block["type"], msgspec.json.encode(block))


def answer(*content: Block) -> tuple[Message, ...]:
    return user(Text("Fly!")), assistant(*content), user(ToolResult("a", (Text("done"),)))


def sent(messages: tuple[Message, ...], *tools: Tool | ProviderTool, memo: WireMemo | None = None) -> list[Any]:
    """The content of the answer, as it is sent with *tools*."""
    request = Request(1, messages, Settings(tools=tools), memo or WireMemo())
    content: list[Any] = json.loads(body(request, DIALECT, streaming=True))["messages"][1]["content"]
    return content


CALL = ToolUse("a", "fly", {})
WIRE_CALL: dict[str, Any] = {"type": "tool_use", "id": "a", "name": "fly", "input": {}}


def test_a_search_goes_back_as_it_came_as_long_as_the_tools_that_it_found_are_there() -> None:
    messages = answer(opaque(USE), opaque(found("fly", "sit")), CALL)

    assert sent(messages, SEARCH, FLY, SIT) == [USE, found("fly", "sit"), WIRE_CALL]


def test_a_search_that_found_a_tool_which_is_gone_is_left_out_with_its_use_also_of_what_was_encoded_before() -> None:
    other = USE | {"id": "s2"}
    messages = answer(opaque(USE), opaque(found("fly", "sit")), opaque(other), opaque(found("fly", use_id="s2")), CALL)
    memo = WireMemo()

    assert len(sent(messages, SEARCH, FLY, SIT, memo=memo)) == 5
    assert sent(messages, SEARCH, FLY, memo=memo) == [other, found("fly", use_id="s2"), WIRE_CALL]
    assert sent(messages, memo=memo) == [WIRE_CALL]
    assert len(sent(messages, SEARCH, FLY, SIT, memo=memo)) == 5


@pytest.mark.parametrize("result", [FAILED, ODD], ids=["an error", "an unknown form"])
def test_a_search_that_found_nothing_stays(result: dict[str, Any]) -> None:
    assert sent(answer(opaque(USE), opaque(result), CALL), FLY) == [USE, result, WIRE_CALL]


RECORDED = "anthropic/pydantic-ai/test_tool_search__test_anthropic_native_tool_search_streaming#1"


def test_a_recorded_history_with_a_search_is_sent_as_it_was() -> None:
    recorded = next((each for each in exchanges("anthropic", "messages") if each.id == RECORDED), None)
    if recorded is None:
        pytest.skip("the recorded exchanges are not there")
    wanted: list[Any] = recorded.record["request"]["messages"][1]["content"]
    content = [
        ToolUse(block["id"], block["name"], block["input"])
        if block["type"] == "tool_use"
        else Text(block["text"])
        if block["type"] == "text"
        else opaque(block)
        for block in wanted
    ]

    assert sent(answer(*content), SEARCH, Tool(name="get_exchange_rate", deferred=True)) == wanted
