"""Requests to Google's generateContent."""

from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user

from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.events import SIGNATURE
from rayconteur.providers.google.requests import body
from rayconteur.providers.google.rules import Dialect, check_settings
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Reasoning, Request, Settings, WireMemo
from rayconteur.providers.schema.tools import Tool, ToolChoice

NEW, OLD = Dialect("gemini-3-flash"), Dialect("gemini-2.5-flash")
SCHEMA = {"type": "object", "properties": {"bird": {"type": "string"}}}
MARK = Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"thoughtSignature":"c2ln"}')


def request_body(*messages: Message, settings: Settings | None = None, dialect: Dialect = OLD) -> dict[str, Any]:
    request = Request(1, messages, settings or Settings())
    return msgspec.json.decode(body(request, dialect), type=dict[str, Any])


def wire_parts(*content: Block, dialect: Dialect = OLD) -> list[Any]:
    """The parts of an assistant message with *content*."""
    [_, message] = request_body(user(Text("Hi")), assistant(*content), dialect=dialect)["contents"]
    parts: list[Any] = message["parts"]
    return parts


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
    ("thinking", "config"),
    [
        (Reasoning(), {"includeThoughts": True}),
        (Reasoning(effort="low"), {"includeThoughts": True, "thinkingLevel": "LOW"}),
        (Reasoning(budget_tokens=1_000), {"includeThoughts": True, "thinkingBudget": 1_000}),
    ],
)
def test_thinking_is_requested_with_its_thoughts(thinking: Reasoning, config: dict[str, Any]) -> None:
    wire = request_body(user(Text("Hi")), settings=Settings(thinking=thinking))

    assert wire["generationConfig"]["thinkingConfig"] == config


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(), {"mode": "AUTO"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="tool", name="fly"), {"mode": "ANY", "allowedFunctionNames": ["fly"]}),
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


@pytest.mark.parametrize("later", [False, True])
def test_a_tool_result_names_the_tool_of_its_id(later: bool) -> None:
    memo, history = WireMemo(), [user(Text("Hi")), assistant(ToolUse(id="a", name="fly", input={"to": "oak"}))]
    if later:
        body(Request(1, history, Settings(), memo), OLD)

    results = user(
        ToolResult(tool_use_id="a", content=(Text("landed"), Text("well"))),
        ToolResult(tool_use_id="a", content=(Text("no oak"),), is_error=True),
    )
    wire = msgspec.json.decode(body(Request(2, [*history, results], Settings(), memo), OLD))

    assert wire["contents"][1:] == [
        {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "fly", "args": {"to": "oak"}}}]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "a", "name": "fly", "response": {"output": "landed\nwell"}}},
                {"functionResponse": {"id": "a", "name": "fly", "response": {"error": "no oak"}}},
            ],
        },
    ]


def test_of_two_tool_uses_with_one_id_each_result_names_the_last_before_it() -> None:
    rounds = [
        message
        for name in ("fly", "rest")
        for message in (assistant(ToolUse(id="a", name=name, input={})), user(ToolResult(tool_use_id="a")))
    ]

    contents = request_body(user(Text("Hi")), *rounds)["contents"]

    assert [content["parts"][0]["functionResponse"]["name"] for content in contents[2::2]] == ["fly", "rest"]


def test_media_in_a_result_follow_all_results_after_a_line_that_names_the_tool() -> None:
    image = Image(data=b"pixels", media_type="image/png")
    results = user(ToolResult(tool_use_id="a", content=(Text("seen"), image)), ToolResult(tool_use_id="b"))
    uses = assistant(ToolUse(id="a", name="look", input={}), ToolUse(id="b", name="rest", input={}))

    parts = request_body(user(Text("Hi")), uses, results)["contents"][2]["parts"]

    assert [next(iter(part)) for part in parts] == ["functionResponse", "functionResponse", "text", "inlineData"]
    assert parts[2]["text"] == "From the result of look (a):"
    assert parts[3]["inlineData"] == {"mimeType": "image/png", "data": "cGl4ZWxz"}


def test_signatures_are_sent_back_in_place_and_only_to_google() -> None:
    whole = Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"text":"","thoughtSignature":"YQ=="}')
    code = Opaque(provider=PROVIDER, type="executable_code", json=b'{"executableCode":{"code":"1"}}')

    parts = wire_parts(
        Thinking(text="Hm", provider=PROVIDER, signature="dGg="),
        Thinking(text="unsigned", provider=PROVIDER),
        Thinking(text="foreign", provider="anthropic", signature="x"),
        Opaque(provider="anthropic", type="server_tool_use", json=b"{}"),
        Text("Caw"),
        MARK,
        whole,
        ToolUse(id="a", name="fly", input={}),
        MARK,
        ToolUse(id="b", name="rest", input={}),
        code,
    )

    assert parts == [
        {"text": "Hm", "thought": True, "thoughtSignature": "dGg="},
        {"text": "Caw", "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "YQ=="},
        {"functionCall": {"id": "a", "name": "fly", "args": {}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "b", "name": "rest", "args": {}}},
        {"executableCode": {"code": "1"}},
    ]


def test_a_signature_without_its_block_is_omitted() -> None:
    assert wire_parts(MARK, Text("Caw")) == [{"text": "Caw"}]


@pytest.mark.parametrize(
    ("dialect", "signature"), [(NEW, "skip_thought_signature_validator"), (OLD, None), (Dialect("mine"), None)]
)
def test_tool_uses_of_other_models_are_marked_if_the_model_needs_signatures(
    dialect: Dialect, signature: str | None
) -> None:
    first, second = wire_parts(
        ToolUse(id="a", name="fly", input={}), ToolUse(id="b", name="rest", input={}), dialect=dialect
    )

    assert first.get("thoughtSignature") == signature
    assert "thoughtSignature" not in second


def test_tool_names_of_other_providers_are_replaced_by_valid_ones() -> None:
    names = ["fly", "a.b:c-d_e", "7up", "gré", "x" * 129]

    replaced = [
        part["functionCall"]["name"] for part in wire_parts(*(ToolUse(id=name, name=name, input={}) for name in names))
    ]

    assert replaced[:2] == ["fly", "a.b:c-d_e"]
    assert all(len(name) <= 128 and name[0] == "_" for name in replaced[2:])
    assert len(set(replaced)) == len(names)


def test_consecutive_messages_of_one_role_are_merged_and_empty_ones_omitted() -> None:
    wire = request_body(
        user(Text("a")), user(Text("b")), assistant(Text("")), user(Text("c")), assistant(Text("d"), Text("e"))
    )

    assert [(content["role"], len(content["parts"])) for content in wire["contents"]] == [("user", 3), ("model", 2)]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (Image(url="gs://rook/a.webp"), {"fileData": {"mimeType": "image/webp", "fileUri": "gs://rook/a.webp"}}),
        (Image(url="https://x/y?z"), {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x/y?z"}}),
        (Document(url="https://x/y"), {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/y"}}),
        (
            Document(url="https://x/y", media_type="text/csv"),
            {"fileData": {"mimeType": "text/csv", "fileUri": "https://x/y"}},
        ),
        (
            Document(data=b"a,b", media_type="text/csv", name="birds"),
            {"inlineData": {"mimeType": "text/csv", "data": "YSxi"}},
        ),
    ],
)
def test_images_and_documents_are_sent_by_url_or_inline(block: Block, part: dict[str, Any]) -> None:
    assert request_body(user(block))["contents"][0]["parts"] == [part]


def test_unsupported_media_become_notes_in_place() -> None:
    [part] = request_body(user(Image(data=b"x", media_type="image/gif")))["contents"][0]["parts"]

    assert "google takes images of" in part["text"]


@pytest.mark.parametrize(
    ("settings", "field", "dialect"),
    [
        (Settings(stop_sequences=tuple("abcdef")), "stop_sequences", NEW),
        (Settings(seed=1 << 31), "seed", NEW),
        (Settings(tools=(Tool(name="7up"),)), "tools[0].name", NEW),
        (Settings(tool_choice=ToolChoice(parallel=False)), "tool_choice.parallel", NEW),
        (Settings(output_schema=SCHEMA, tools=(Tool(name="fly"),)), "output_schema", OLD),
        (Settings(thinking=Reasoning(effort="low")), "thinking.effort", OLD),
        (Settings(thinking=Reasoning(effort="max")), "thinking.effort", NEW),
        (Settings(thinking=Reasoning(effort="low", budget_tokens=9)), "thinking", NEW),
        (Settings(thinking=Reasoning(budget_tokens=99_999)), "thinking.budget_tokens", OLD),
        (Settings(thinking=Reasoning(budget_tokens=5)), "thinking.budget_tokens", Dialect("gemini-2.5-pro")),
        (Settings(tools=(Tool(name="fly"),)), "tools", Dialect("m", facts=ModelFacts(uses_tools=False))),
    ],
)
def test_settings_that_the_api_or_the_model_lacks_are_errors_that_name_the_field(
    settings: Settings, field: str, dialect: Dialect
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, dialect)

    assert raised.value.field == field


@pytest.mark.parametrize(
    ("settings", "dialect"),
    [
        (Settings(output_schema=SCHEMA, tools=(Tool(name="fly"),)), NEW),
        (Settings(thinking=Reasoning(effort="xhigh")), NEW),
        (Settings(thinking=Reasoning(budget_tokens=128)), Dialect("gemini-2.5-pro")),
        (Settings(thinking=Reasoning(effort="low")), Dialect("tunedModels/mine")),
        (Settings(top_k=1, seed=-1, presence_penalty=1.0, frequency_penalty=1.0), OLD),
    ],
)
def test_settings_that_the_model_has_are_accepted(settings: Settings, dialect: Dialect) -> None:
    check_settings(settings, dialect)
