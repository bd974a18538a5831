"""Requests to Google's generateContent."""

from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user

from rayconteur.providers.google.config import Google
from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.requests import OWN_MEMBERS, body, config_members
from rayconteur.providers.google.rules import Dialect, check_settings
from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Reasoning, Request, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

NEW, OLD = Dialect("gemini-3.8-flash"), Dialect("gemini-2.5-flash")
SEARCH = ProviderTool(provider=PROVIDER, definition={"googleSearch": {}})
SCHEMA = {"type": "object", "properties": {"bird": {"type": "string"}}}


def request_body(*messages: Message, settings: Settings | None = None, dialect: Dialect = OLD) -> dict[str, Any]:
    request = Request(1, messages, settings or Settings())
    return msgspec.json.decode(body(request, dialect), type=dict[str, Any])


def test_every_setting_is_sent_as_the_api_names_it() -> None:
    settings = Settings(
        system="You are a raven.",
        max_output_tokens=50,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        seed=7,
        stop_sequences=("Nevermore",),
        output_schema=SCHEMA,
    )

    assert request_body(user(Text("Hi")), settings=settings) == {
        "systemInstruction": {"parts": [{"text": "You are a raven."}]},
        "generationConfig": {
            "maxOutputTokens": 50,
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "seed": 7,
            "stopSequences": ["Nevermore"],
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    }


@pytest.mark.parametrize(
    ("thinking", "dialect", "config"),
    [
        (Reasoning(), NEW, {"includeThoughts": True}),
        (Reasoning(show=False), NEW, {"includeThoughts": False}),
        (Reasoning(effort="low"), NEW, {"includeThoughts": True, "thinkingLevel": "LOW"}),
        (Reasoning(effort="low", show=False), NEW, {"thinkingLevel": "LOW"}),
        (Reasoning(budget_tokens=1_000), NEW, {"includeThoughts": True, "thinkingBudget": 1_000}),
        (Reasoning(effort="low"), OLD, {"includeThoughts": True, "thinkingBudget": 1_024}),
        (Reasoning(effort="medium"), OLD, {"includeThoughts": True, "thinkingBudget": 8_192}),
        (Reasoning(effort="high", show=False), OLD, {"thinkingBudget": 24_576}),
        (Reasoning(effort="none"), OLD, {"thinkingBudget": 0}),
        (Reasoning(effort="none"), Dialect("gemini-3.1-pro-preview", vertex=True), {"thinkingBudget": 0}),
        (Reasoning(effort="low"), Dialect("tunedModels/mine"), {"includeThoughts": True, "thinkingLevel": "LOW"}),
        (
            Reasoning(effort="low"),
            Dialect("tunedModels/mine", facts=ModelFacts(thinking_types=("thinkingBudget",))),
            {"includeThoughts": True, "thinkingBudget": 1_024},
        ),
    ],
)
def test_thinking_is_requested_in_the_form_that_the_model_takes(
    thinking: Reasoning, dialect: Dialect, config: dict[str, Any]
) -> None:
    settings = Settings(thinking=thinking)
    check_settings(settings, dialect)

    wire = request_body(user(Text("Hi")), settings=settings, dialect=dialect)

    assert wire["generationConfig"]["thinkingConfig"] == config


def test_turning_off_the_thinking_of_a_model_that_does_not_think_needs_no_member() -> None:
    old = Dialect("gemini-2.0-flash")
    settings = Settings(thinking=Reasoning(effort="none"))
    check_settings(settings, old)

    assert "generationConfig" not in request_body(user(Text("Hi")), settings=settings, dialect=old)


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(), {"mode": "AUTO"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="tool", name="fly"), {"mode": "ANY", "allowedFunctionNames": ["fly"]}),
        (ToolChoice(mode="validated"), {"mode": "VALIDATED"}),
        (ToolChoice(mode="validated", allowed=("fly",)), {"mode": "VALIDATED", "allowedFunctionNames": ["fly"]}),
        (ToolChoice(mode="required", allowed=("fly",)), {"mode": "ANY", "allowedFunctionNames": ["fly"]}),
        (ToolChoice(allowed=("fly",)), {"mode": "VALIDATED", "allowedFunctionNames": ["fly"]}),
    ],
)
def test_tools_are_declared_with_their_schemas_and_the_tool_choice(choice: ToolChoice, config: dict[str, Any]) -> None:
    tools = (Tool(name="fly", description="Fly.", input_schema=SCHEMA), Tool(name="rest"))

    wire = request_body(user(Text("Hi")), settings=Settings(tools=tools, tool_choice=choice))

    [declared] = wire["tools"]
    assert declared["functionDeclarations"] == [
        {"name": "fly", "description": "Fly.", "parametersJsonSchema": SCHEMA},
        {"name": "rest", "parametersJsonSchema": {"type": "object", "properties": {}}},
    ]
    assert wire["toolConfig"] == {"functionCallingConfig": config}


def test_google_s_own_tools_are_entries_of_their_own() -> None:
    settings = Settings(tools=(SEARCH, Tool(name="fly"), Tool(name="sit")), tool_choice=ToolChoice())

    wire = request_body(user(Text("Hi")), settings=settings, dialect=NEW)

    search, functions = wire["tools"]
    assert search == {"googleSearch": {}}
    assert [function["name"] for function in functions["functionDeclarations"]] == ["fly", "sit"]
    assert wire["toolConfig"] == {
        "functionCallingConfig": {"mode": "AUTO"},
        "includeServerSideToolInvocations": True,
    }


@pytest.mark.parametrize(
    ("tools", "dialect"),
    [((SEARCH,), NEW), ((SEARCH, Tool(name="fly")), Dialect("gemini-3.8-flash", vertex=True))],
)
def test_only_the_gemini_api_is_asked_to_report_its_own_tools_next_to_functions(
    tools: tuple[Tool | ProviderTool, ...], dialect: Dialect
) -> None:
    assert "toolConfig" not in request_body(user(Text("Hi")), settings=Settings(tools=tools), dialect=dialect)


def test_every_member_that_settings_and_config_may_set_is_refused_as_an_extra_member() -> None:
    settings = Settings(
        system="You are a raven.",
        max_output_tokens=50,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        seed=7,
        stop_sequences=("Nevermore",),
        output_schema=SCHEMA,
        tools=(Tool(name="fly"),),
        tool_choice=ToolChoice(mode="tool", name="fly"),
        thinking=Reasoning(),
        service_tier="flex",
    )
    config = Google(
        model="gemini-3.8-flash",
        media_resolution="low",
        safety_settings=({"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"},),
        cached_content="cachedContents/nest",
        labels={"team": "birds"},
    )

    wire = request_body(
        user(Text("Hi")), settings=settings, dialect=Dialect(config.model, members=config_members(config))
    )

    nested = {f"generationConfig.{name}" for name in wire.pop("generationConfig")}
    calling = wire.pop("toolConfig").pop("functionCallingConfig")
    assert nested | {f"toolConfig.functionCallingConfig.{name}" for name in calling} | wire.keys() <= OWN_MEMBERS


def test_the_name_of_an_explicit_cache_is_sent_with_each_request() -> None:
    config = Google(model="gemini-3.8-flash", cached_content="cachedContents/nest")

    wire = request_body(user(Text("Hi")), dialect=Dialect(config.model, members=config_members(config)))

    assert wire["cachedContent"] == "cachedContents/nest"


def test_members_of_the_config_are_sent_with_each_request() -> None:
    config = Google(
        model="gemini-3.8-flash",
        media_resolution="low",
        safety_settings=({"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},),
        labels={"team": "birds"},
        extra_body={
            "generationConfig": {"responseLogprobs": True},
            "toolConfig": {"retrievalConfig": {"languageCode": "de"}},
        },
    )
    settings = Settings(
        temperature=0.5, tools=(Tool(name="fly"),), tool_choice=ToolChoice(mode="none"), service_tier="flex"
    )

    wire = request_body(
        user(Text("Hi")), settings=settings, dialect=Dialect(config.model, members=config_members(config))
    )

    assert wire["generationConfig"] == {
        "temperature": 0.5,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "responseLogprobs": True,
    }
    assert wire["toolConfig"] == {
        "functionCallingConfig": {"mode": "NONE"},
        "retrievalConfig": {"languageCode": "de"},
    }
    assert wire["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert (wire["labels"], wire["serviceTier"]) == ({"team": "birds"}, "flex")


def test_consecutive_messages_of_one_role_are_merged_and_empty_ones_omitted() -> None:
    wire = request_body(
        user(Text("a")), user(Text("b")), assistant(Text("")), user(Text("c")), assistant(Text("d"), Text("e"))
    )

    assert [(content["role"], len(content["parts"])) for content in wire["contents"]] == [("user", 3), ("model", 2)]


def test_what_follows_tool_results_is_a_message_of_its_own() -> None:
    one, other = ToolResult(tool_use_id="1", content=(Text("Up."),)), ToolResult(tool_use_id="2")
    uses = assistant(ToolUse(id="1", name="fly", input={}), ToolUse(id="2", name="rest", input={}))

    wire = request_body(user(Text("Go.")), uses, user(one), user(other), user(Text("And?")))

    assert [(content["role"], len(content["parts"])) for content in wire["contents"][2:]] == [("user", 2), ("user", 1)]
