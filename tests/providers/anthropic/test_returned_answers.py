"""Answers of Claude in later requests: they go back as they came, to whoever can read them."""

from typing import Any

import msgspec
import pytest
from builders.messages import HI, assistant, user
from validators.anthropic import violations

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.schema.content import Block, Citation, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.request import Reasoning, Request, Settings

PLAIN = Settings(prompt_caching=False)
MINE, OTHERS = Origin(source="mine"), Origin(source="another")
SIGNED = Thinking(text="", provider="anthropic", signature="s")
WIRE_SIGNED = {"type": "thinking", "thinking": "", "signature": "s"}
CAW = Text("Caw.")
WIRE_CAW = {"type": "text", "text": "Caw."}


def opaque(**members: Any) -> Opaque:
    return Opaque(provider="anthropic", type=members["type"], json=msgspec.json.encode(members))


SEARCHES = opaque(type="server_tool_use", id="s1", name="web_search", input={"query": "ravens"})
FOUND = opaque(type="web_search_tool_result", tool_use_id="s1", content=[{"encrypted_content": "x"}])
RAN = opaque(type="server_tool_use", id="s2", name="code_execution", input={})
OUTPUT = opaque(type="code_execution_tool_result", tool_use_id="s2", content={"stdout": "7", "encrypted_stdout": None})
LOCATED = {"type": "web_search_result_location", "url": "https://example.org", "encrypted_index": "x"}


def returned(*content: Block, origin: Origin | None = MINE) -> list[Any]:
    """The blocks of an answer with *content* in the next request."""
    answer = msgspec.structs.replace(assistant(*content), origin=origin)
    wire = sent(user(HI), answer, user(Text("And then?")))
    return [block for message in wire["messages"] if message["role"] == "assistant" for block in message["content"]]


def sent(*messages: Message, settings: Settings = PLAIN) -> dict[str, Any]:
    dialect = Dialect("claude-x", source="mine")
    wire = msgspec.json.decode(body(Request(1, messages, settings), dialect, True), type=dict[str, Any])
    assert violations(wire) == []
    return wire


def test_thinking_without_text_goes_back_with_its_signature() -> None:
    assert returned(SIGNED, CAW) == [WIRE_SIGNED, WIRE_CAW]


def test_thinking_goes_back_to_its_own_source_only() -> None:
    assert returned(SIGNED, CAW, origin=None) == [WIRE_SIGNED, WIRE_CAW]
    assert returned(SIGNED, CAW, origin=OTHERS) == [WIRE_CAW]


def test_thinking_that_nothing_follows_is_left_out() -> None:
    later = Thinking(text="Hm.", provider="anthropic", signature="t")
    redacted = Thinking(text="", provider="anthropic", signature="r", redacted=True)

    assert returned(SIGNED, CAW, later, redacted, Text(" ")) == [WIRE_SIGNED, WIRE_CAW]
    assert returned(SIGNED) == []


def test_tools_of_the_provider_go_back_in_place() -> None:
    blocks = returned(SIGNED, SEARCHES, FOUND, CAW)

    assert [block["type"] for block in blocks] == ["thinking", "server_tool_use", "web_search_tool_result", "text"]


@pytest.mark.parametrize("origin", [MINE, OTHERS])
def test_uses_of_its_own_tools_that_have_no_result_are_left_out(origin: Origin) -> None:
    assert returned(CAW, SEARCHES, origin=origin) == [WIRE_CAW]
    assert returned(SIGNED, SEARCHES, origin=origin) == []
    assert [block["type"] for block in returned(RAN, OUTPUT, SEARCHES)] == [
        "server_tool_use",
        "code_execution_tool_result",
    ]


def test_uses_of_its_own_tools_whose_results_wait_for_those_of_the_program_stay() -> None:
    use = ToolUse(id="t1", name="fly", input={})
    result = user(ToolResult(tool_use_id="t1", content=(Text("Done."),)))

    wire = sent(user(HI), msgspec.structs.replace(assistant(RAN, use), origin=MINE), result)

    assert [block["type"] for block in wire["messages"][1]["content"]] == ["server_tool_use", "tool_use"]


def test_what_is_encrypted_is_left_out_elsewhere_together_with_its_tool_use() -> None:
    blocks = returned(SEARCHES, FOUND, RAN, OUTPUT, CAW, origin=OTHERS)

    assert [block.get("id") or block.get("tool_use_id") for block in blocks] == ["s2", "s2", None]


@pytest.mark.parametrize(("origin", "citations"), [(MINE, [LOCATED]), (OTHERS, None)])
def test_citations_go_back_in_their_original_form_to_their_own_source(
    origin: Origin, citations: list[Any] | None
) -> None:
    original = opaque(**LOCATED)
    cited = Text("Caw.", citations=(Citation(url="https://example.org", original=original), Citation(title="Other")))

    assert returned(cited, origin=origin)[0].get("citations") == citations


def test_citations_in_a_user_message_are_not_sent() -> None:
    cited = Text("Caw.", citations=(Citation(original=opaque(**LOCATED)),))

    assert sent(user(cited))["messages"][0]["content"] == [WIRE_CAW]


def test_thinking_of_another_source_does_not_count_as_the_beginning_of_an_answer() -> None:
    budget = Settings(thinking=Reasoning(budget_tokens=2_000), prompt_caching=False)
    use, result = ToolUse(id="a", name="fly", input={}), ToolResult(tool_use_id="a")

    for origin, thinks in ((MINE, True), (OTHERS, False)):
        answer = msgspec.structs.replace(assistant(SIGNED, use), origin=origin)
        assert ("thinking" in sent(user(HI), answer, user(result), settings=budget)) is thinks
