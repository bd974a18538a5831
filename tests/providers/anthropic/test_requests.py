"""Requests to Anthropic's Messages API."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest
from builders.messages import HI, assistant, user

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.claude.models import claude_facts
from rayconteur.providers.claude.output_limits import MAX_OUTPUT_TOKENS
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Prompt, Reasoning, Request, Settings, WireMemo
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})


CLOSED: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
STRICT = Tool(name="sit", input_schema=CLOSED, strict=True)
SEARCH = ProviderTool(provider="anthropic", definition={"type": "web_search_20260318", "name": "web_search"})


PLAIN = Settings(prompt_caching=False)
CLAUDE = Dialect("claude-x")
DROP_BLOCK = {"thinking": {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}}


def request_body(*messages: Message, settings: Settings = PLAIN, streaming: bool = True) -> dict[str, Any]:
    request = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(request, CLAUDE, streaming), type=dict[str, Any])


def wire_blocks(*content: Block) -> list[Any]:
    """*content* as it is in the body of a request."""
    return [block for message in request_body(assistant(*content))["messages"] for block in message["content"]]


def test_a_plain_request_has_only_the_required_members() -> None:
    assert request_body() == {
        "model": "claude-x",
        "max_tokens": MAX_OUTPUT_TOKENS,
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello, raven!"}]}],
    }
    assert request_body(streaming=False)["stream"] is False


def test_every_setting_is_sent_as_the_api_names_it() -> None:
    settings = Settings(
        system="Be brief.",
        max_output_tokens=4_000,
        tools=(FLY, Tool(name="rest")),
        tool_choice=ToolChoice(mode="required", parallel=False),
        temperature=0.5,
        thinking=Reasoning(budget_tokens=2_000, effort="low"),
        stop_sequences=("END",),
        top_p=0.5,
        top_k=5,
        output_schema={"type": "object"},
        prompt_caching=False,
    )

    wire = request_body(settings=settings)

    del wire["messages"]
    assert wire == {
        "model": "claude-x",
        "max_tokens": 4_000,
        "stream": True,
        "system": "Be brief.",
        "tools": [
            {"name": "fly", "description": "Fly there.", "input_schema": {"type": "object", "properties": {}}},
            {"name": "rest", "input_schema": {"type": "object", "properties": {}}},
        ],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "temperature": 0.5,
        "top_p": 0.5,
        "top_k": 5,
        "stop_sequences": ["END"],
        "thinking": {"type": "enabled", "budget_tokens": 2_000},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    }


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(), {"type": "auto"}),
        (ToolChoice(parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="none", parallel=False), {"type": "none"}),
        (ToolChoice(mode="tool", name="fly"), {"type": "tool", "name": "fly"}),
    ],
)
def test_tool_choices_are_sent_in_the_form_of_the_api(choice: ToolChoice, wire: dict[str, Any]) -> None:
    assert request_body(settings=Settings(tools=(FLY,), tool_choice=choice))["tool_choice"] == wire


def test_a_tool_choice_without_tools_which_the_api_rejects_is_omitted() -> None:
    assert "tool_choice" not in request_body(settings=Settings(tool_choice=ToolChoice()))


def test_a_thinking_budget_is_added_to_the_default_output_limit() -> None:
    wire = request_body(settings=Settings(thinking=Reasoning(budget_tokens=20_000)))

    assert wire["max_tokens"] == MAX_OUTPUT_TOKENS + 20_000


def test_strict_deferred_and_the_provider_s_own_tools_are_sent_as_the_api_defines_them() -> None:
    wire = request_body(
        settings=Settings(tools=(STRICT, Tool(name="caw", deferred=True), SEARCH), prompt_caching=False)
    )

    assert wire["tools"] == [
        {"name": "sit", "input_schema": CLOSED, "strict": True},
        {"name": "caw", "input_schema": {"type": "object", "properties": {}}, "defer_loading": True},
        {"type": "web_search_20260318", "name": "web_search"},
    ]


def test_the_user_and_the_service_tier_are_sent() -> None:
    wire = request_body(settings=Settings(user="a1b2", service_tier="standard_only"))

    assert (wire["metadata"], wire["service_tier"]) == ({"user_id": "a1b2"}, "standard_only")


def test_a_blank_system_prompt_which_the_api_rejects_is_omitted() -> None:
    assert "system" not in request_body(settings=Settings(system=" \n"))


def test_extra_members_are_merged_into_the_body() -> None:
    extra = {"speed": "fast", "metadata": {"team": "raven"}, "output_config": {"task_budget": {"total": 20_000}}}
    settings = Settings(user="a1b2", thinking=Reasoning(effort="low"))
    request = Request(1, (user(HI),), settings)

    wire = msgspec.json.decode(body(request, Dialect("claude-x", extra_body=extra), True), type=dict[str, Any])

    assert wire["speed"] == "fast"
    assert wire["metadata"] == {"user_id": "a1b2", "team": "raven"}
    assert wire["output_config"] == {"effort": "low", "task_budget": {"total": 20_000}}


def test_extra_members_of_thinking_are_left_out_of_a_request_without_it() -> None:
    use, result = ToolUse(id="a", name="fly", input={}), ToolResult(tool_use_id="a")
    request = Request(1, (user(HI), assistant(use), user(result)), Settings(thinking=Reasoning(budget_tokens=2_000)))

    wire = msgspec.json.decode(body(request, Dialect("claude-x", extra_body=DROP_BLOCK), True))

    assert "thinking" not in wire


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-sonnet-4-6", "2023-06-01"),
        ("claude-opus-4-7", "2026-10-21"),
        ("claude-next", "2026-10-21"),
        ("another", "2023-06-01"),
    ],
)
def test_the_version_is_the_newest_under_which_the_model_takes_what_is_sent(model: str, version: str) -> None:
    assert Dialect(model, claude_facts(model)).headers["anthropic-version"] == version


def test_the_beta_for_changes_of_tools_is_asked_for_where_prompts_are_appended() -> None:
    assert "anthropic-beta" not in CLAUDE.headers
    assert (
        Dialect("claude-opus-5-5", ModelFacts(appends_prompts=True))
        .headers["anthropic-beta"]
        .startswith("inline-tools")
    )


@pytest.mark.parametrize(
    "foreign",
    [ProviderTool(provider="openai", definition={"type": "custom", "name": "sing"}), Tool(name="air.fly")],
)
def test_prompts_with_tools_of_another_provider_are_not_sent(foreign: Tool | ProviderTool) -> None:
    messages = tuple(message for _ in range(3) for message in (user(HI), assistant(Text("Caw."))))
    prompts = [
        Prompt(start=2 * turn, system=system, tools=(tool,))
        for turn, (system, tool) in enumerate([("One.", SEARCH), ("Two.", foreign), ("Three.", FLY), ("Four.", FLY)])
    ]
    settings = Settings(system="Four.", tools=(FLY,), prompt_caching=False)
    request = Request(1, (*messages, user(HI)), settings, prompts=tuple(prompts))
    dialect = Dialect("claude-opus-5-5", claude_facts("claude-opus-5-5"))

    sent = msgspec.json.decode(body(request, dialect, True))

    assert (sent["system"], [tool["name"] for tool in sent["tools"]]) == ("Three.", ["fly"])
    [appended] = [message for message in sent["messages"] if message["role"] == "system"]
    assert appended["content"][0]["text"].endswith("Four.")


def test_media_are_sent_by_url_or_in_base64_and_plain_text_unencoded() -> None:
    assert wire_blocks(
        Image(url="https://x.example/raven.png"),
        Image(data=b"png!", media_type="image/png"),
        Document(url="https://x.example/raven.pdf"),
        Document(data=b"pdf!", media_type="application/pdf", name="Ravens"),
        Document(data="größer".encode(), media_type="text/plain"),
    ) == [
        {"type": "image", "source": {"type": "url", "url": "https://x.example/raven.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5nIQ=="}},
        {"type": "document", "source": {"type": "url", "url": "https://x.example/raven.pdf"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "cGRmIQ=="},
            "title": "Ravens",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "größer"}},
    ]


def test_signed_thinking_and_opaque_blocks_are_sent_back_unchanged() -> None:
    assert wire_blocks(
        Thinking(text="Hm.", provider="anthropic", signature="s"),
        Thinking(text="", provider="anthropic", signature="hidden", redacted=True),
        Opaque(provider="anthropic", type="server_tool_use", json=b'{"type":"server_tool_use","id":"a"}'),
        Opaque(provider="anthropic", type="found", json=b'{"type":"found","tool_use_id":"a","content":null}'),
    ) == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "hidden"},
        {"type": "server_tool_use", "id": "a"},
        {"type": "found", "tool_use_id": "a", "content": None},
    ]


def test_blocks_of_other_providers_are_omitted() -> None:
    assert wire_blocks(
        Thinking(text="Hm.", provider="openai", signature="s"),
        Thinking(text="Not signed.", provider="anthropic"),
        Opaque(provider="google", type="grounding", json=b"{}"),
        Text(" \n"),
        Text("Said."),
    ) == [{"type": "text", "text": "Said."}]


VALID_ID = "functions_fly_0-" + sha256(b"functions.fly:0").hexdigest()[:8]


def test_a_tool_use_and_its_result_keep_matching_ids_in_any_provider_s_form() -> None:
    use = ToolUse(id="functions.fly:0", name="fly", input={"far": True})
    result = ToolResult(
        tool_use_id="functions.fly:0",
        content=(Text("There."), Image(data=b"png!", media_type="image/png")),
    )

    assert request_body(user(HI), assistant(use), user(result))["messages"][1:] == [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": VALID_ID, "name": "fly", "input": {"far": True}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": VALID_ID,
                    "content": [
                        {"type": "text", "text": "There."},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5nIQ=="}},
                    ],
                }
            ],
        },
    ]


def test_empty_results_and_malformed_input_are_sent_unchanged() -> None:
    malformed = ToolUse(id="a", name="fly", input={"INVALID_JSON": "{far"}, malformed="{far")

    assert wire_blocks(malformed)[0]["input"] == {"INVALID_JSON": "{far"}
    assert wire_blocks(ToolResult(tool_use_id="a")) == [{"type": "tool_result", "tool_use_id": "a"}]


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        ((Text("Tired."),), {"is_error": True, "content": [{"type": "text", "text": "Tired."}]}),
        ((), {"is_error": True, "content": [{"type": "text", "text": "Error"}]}),
        (
            (Image(url="https://x.example/raven.png"),),
            {
                "content": [
                    {"type": "text", "text": "Error"},
                    {"type": "image", "source": {"type": "url", "url": "https://x.example/raven.png"}},
                ]
            },
        ),
    ],
)
def test_an_error_result_with_other_content_says_so_in_its_text(
    content: tuple[Text | Image, ...], wire: dict[str, Any]
) -> None:
    [block] = wire_blocks(ToolResult(tool_use_id="a", content=content, is_error=True))

    assert block == {"type": "tool_result", "tool_use_id": "a"} | wire


@pytest.mark.parametrize(("provider", "thinks"), [("anthropic", True), ("openai", False)])
def test_thinking_continues_after_tool_results_only_if_the_answer_started_with_it(provider: str, thinks: bool) -> None:
    thinking = Thinking(text="Hm.", provider=provider, signature="s")
    use = ToolUse(id="a", name="fly", input={})
    settings = Settings(thinking=Reasoning(budget_tokens=2_000))

    wire = request_body(user(HI), assistant(thinking, use), user(ToolResult(tool_use_id="a")), settings=settings)

    assert ("thinking" in wire) is thinks


def test_consecutive_messages_of_one_role_are_merged_and_empty_ones_omitted() -> None:
    foreign = Thinking(text="Hm.", provider="openai", signature="s")

    assert request_body(user(Text("One.")), user(Text("Two.")), assistant(foreign), user(Text("Three.")))[
        "messages"
    ] == [{"role": "user", "content": [{"type": "text", "text": text} for text in ("One.", "Two.", "Three.")]}]


def test_a_message_of_a_history_is_encoded_once() -> None:
    memo, first, key = WireMemo(), user(HI), (CLAUDE, frozenset[str]())
    body(Request(1, (first,), Settings(), memo), CLAUDE, True)
    encoded = memo.forms((first,), key, lambda _: ["another"])[0]

    later = body(Request(2, (first, assistant(HI)), Settings(system="new"), memo), CLAUDE, True)

    assert memo.forms((first,), key, lambda _: ["another"])[0] is encoded
    assert encoded in later
