"""Tools on OpenAI's two APIs: strict and deferred ones, the provider's own, custom ones, and choices of them."""

from typing import Any

import msgspec
import pytest
from builders.decoding import decode_body
from builders.messages import HI, assistant, user

from rayconteur.providers.openai.chat import decoder as chat_decoder
from rayconteur.providers.openai.chat import requests as chat
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses import decoder as responses_decoder
from rayconteur.providers.openai.responses import requests as responses
from rayconteur.providers.schema.content import Block, Text, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings, WireMemo
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

MODEL = "gpt-6-luna"
RESPONSES = Dialect("openai", MODEL, api="responses")
CHAT = Dialect("openai", "gpt-4.1")
FLY = Tool(name="fly")
GRAMMAR = {"syntax": "lark", "definition": "start: WORD"}
SEARCH = ProviderTool(provider="openai", definition={"type": "web_search", "search_context_size": "low"})
RUN = ProviderTool(provider="openai", definition={"type": "code_interpreter", "container": {"type": "auto"}})
WIKI = ProviderTool(provider="openai", definition={"type": "mcp", "server_label": "wiki", "server_url": "https://x"})
FIND = ProviderTool(provider="openai", definition={"type": "tool_search"})
SHELL = ProviderTool(provider="openai", definition={"type": "custom", "name": "shell"})
NESTED_SHELL = ProviderTool(
    provider="openai",
    definition={"type": "custom", "custom": {"name": "shell", "format": {"type": "grammar", "grammar": GRAMMAR}}},
)


def sent(settings: Settings, *messages: Message, dialect: Dialect = RESPONSES, memo: WireMemo | None = None) -> Any:
    """The body of a request."""
    api = chat if dialect.api == "chat" else responses
    request = Request(1, messages or (user(HI),), settings, memo or WireMemo())
    return msgspec.json.decode(api.body(request, dialect, False))


def test_tools_are_strict_or_deferred_as_asked() -> None:
    strict = Tool(name="sit", strict=True, deferred=True)

    wire = sent(Settings(tools=(FLY, strict)))["tools"]

    assert [(tool["name"], tool["strict"], tool.get("defer_loading")) for tool in wire] == [
        ("fly", False, None),
        ("sit", True, True),
    ]


def test_chat_completions_have_strict_tools() -> None:
    wire = sent(Settings(tools=(FLY, Tool(name="sit", strict=True))), dialect=CHAT)["tools"]

    assert [tool["function"].get("strict") for tool in wire] == [None, True]


def test_a_tool_of_openai_s_own_is_sent_as_it_is() -> None:
    assert sent(Settings(tools=(SEARCH, SHELL)))["tools"] == [SEARCH.definition, SHELL.definition]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="tool", name="fly"), {"type": "function", "name": "fly"}),
        (ToolChoice(mode="tool", name="shell"), {"type": "custom", "name": "shell"}),
        (ToolChoice(mode="tool", name="wiki"), {"type": "mcp", "server_label": "wiki"}),
        (ToolChoice(mode="tool", name="code_interpreter"), {"type": "code_interpreter"}),
        (
            ToolChoice(mode="tool", name="web_search"),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
        ),
        (
            ToolChoice(mode="auto", allowed=("fly", "web_search", "wiki")),
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [
                    {"type": "function", "name": "fly"},
                    {"type": "web_search"},
                    {"type": "mcp", "server_label": "wiki"},
                ],
            },
        ),
    ],
)
def test_a_choice_refers_to_each_kind_of_tool_in_its_way(choice: ToolChoice, wire: dict[str, Any]) -> None:
    settings = Settings(tools=(FLY, SHELL, WIKI, RUN, SEARCH), tool_choice=choice)

    responses.check_settings(settings, RESPONSES)
    assert sent(settings)["tool_choice"] == wire


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="tool", name="shell"), {"type": "custom", "custom": {"name": "shell"}}),
        (
            ToolChoice(mode="required", allowed=("fly",)),
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "fly"}}]},
            },
        ),
    ],
)
def test_chat_completions_nest_the_choice(choice: ToolChoice, wire: dict[str, Any]) -> None:
    settings = Settings(tools=(FLY, NESTED_SHELL), tool_choice=choice)

    chat.check_settings(settings, CHAT)
    assert sent(settings, dialect=CHAT)["tool_choice"] == wire


@pytest.mark.parametrize(
    ("settings", "dialect", "field"),
    [
        (Settings(tools=(Tool(name="sit", deferred=True),)), RESPONSES, "tools[0].deferred"),
        (Settings(tools=(FIND, Tool(name="sit", deferred=True))), Dialect("openai", "gpt-5", api="responses"), ""),
        (Settings(tools=(FIND, Tool(name="sit", deferred=True))), CHAT, ""),
        (Settings(tools=(Tool(name="sit", deferred=True),)), CHAT, "tools[0].deferred"),
        (Settings(tools=(SEARCH,)), CHAT, "tools[0]"),
        (Settings(tools=(SHELL,)), CHAT, "tools[0].definition"),
        (Settings(tools=(NESTED_SHELL,)), RESPONSES, "tools[0].definition"),
        (Settings(tools=(ProviderTool(provider="google", definition={"a": 1}),)), RESPONSES, "tools[0]"),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(mode="validated")), RESPONSES, "tool_choice.mode"),
    ],
)
def test_tools_that_the_api_or_the_model_lacks_are_rejected_by_name(
    settings: Settings, dialect: Dialect, field: str
) -> None:
    api = chat if dialect.api == "chat" else responses

    with pytest.raises(InvalidConfig) as raised:
        api.check_settings(settings, dialect)

    assert raised.value.field == (field or "tools[1].deferred")


def test_deferred_tools_are_accepted_with_a_tool_search() -> None:
    responses.check_settings(Settings(tools=(FIND, Tool(name="sit", deferred=True))), RESPONSES)


def answer_of(decoded: list[Any]) -> tuple[Block, ...]:
    draft = Draft("openai")
    draft.add(decoded)
    return draft.finish().content


def test_a_custom_call_and_its_result_go_back_as_such_on_the_responses_api() -> None:
    custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "a", "name": "shell", "input": 'say "caw"'}
    plain = {"type": "function_call", "id": "fc_1", "call_id": "b", "name": "fly", "arguments": "{}"}
    found = {**plain, "call_id": "c", "namespace": "birds"}
    body = msgspec.json.encode({"status": "completed", "output": [custom, plain, found]})
    content = answer_of(decode_body(responses_decoder.answer_decoder("openai", 1), body))
    results = user(*(ToolResult(tool_use_id=use, content=(Text("Done."),)) for use in "abc"))
    memo = WireMemo()

    sent(Settings(), user(HI), assistant(*content), memo=memo)
    items = sent(Settings(), user(HI), assistant(*content), results, memo=memo)["input"][1:]

    assert content[1] == ToolUse(id="a", name="shell", input={"input": 'say "caw"'})
    assert items == [
        {"type": "custom_tool_call", "call_id": "a", "name": "shell", "input": 'say "caw"'},
        {"type": "function_call", "call_id": "b", "name": "fly", "arguments": "{}"},
        {"type": "function_call", "call_id": "c", "name": "fly", "arguments": "{}", "namespace": "birds"},
        {"type": "custom_tool_call_output", "call_id": "a", "output": "Done."},
        {"type": "function_call_output", "call_id": "b", "output": "Done."},
        {"type": "function_call_output", "call_id": "c", "output": "Done."},
    ]


def test_a_custom_call_goes_back_as_such_on_chat_completions_and_as_a_function_elsewhere() -> None:
    call = {"id": "a", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    choice = {"finish_reason": "tool_calls", "message": {"tool_calls": [call]}}
    body = msgspec.json.encode({"id": "c1", "choices": [choice]})
    answer = assistant(*answer_of(decode_body(chat_decoder.answer_decoder("openai", 1), body)))

    ours = sent(Settings(), user(HI), answer, dialect=CHAT)["messages"][1]["tool_calls"]
    other = sent(Settings(), user(HI), answer, dialect=Dialect("azureopenai", "gpt-4.1"))["messages"][1]["tool_calls"]

    assert ours == [call]
    assert other[0]["function"] == {"name": "shell", "arguments": '{"input":"ls"}'}
