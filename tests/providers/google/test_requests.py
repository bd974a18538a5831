"""Requests to Google: what a conversation and its settings come to on the wire."""

from typing import Any

import msgspec
import pytest

from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.events import SIGNATURE
from rayconteur.providers.google.requests import body
from rayconteur.providers.google.rules import Dialect, check_settings
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Reasoning, Request, Settings, WireMemo
from rayconteur.providers.schema.tools import Tool, ToolChoice

NEW, OLD = Dialect("gemini-3-flash"), Dialect("gemini-2.5-flash")
SCHEMA = {"type": "object", "properties": {"bird": {"type": "string"}}}
MARK = Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"thoughtSignature":"c2ln"}')


def user(*content: Block) -> Message:
    return Message(role=Role.USER, content=content, turn=1)


def model(*content: Block) -> Message:
    return Message(role=Role.ASSISTANT, content=content, turn=1)


def sent(*messages: Message, settings: Settings | None = None, dialect: Dialect = OLD) -> dict[str, Any]:
    request = Request(1, messages, settings or Settings())
    return msgspec.json.decode(body(request, dialect), type=dict[str, Any])


def parts(*content: Block, dialect: Dialect = OLD) -> list[Any]:
    """The parts that the model's *content* comes to."""
    [_, given] = sent(user(Text("Hi")), model(*content), dialect=dialect)["contents"]
    found: list[Any] = given["parts"]
    return found


def test_every_setting_has_its_place() -> None:
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

    assert sent(user(Text("Hi")), settings=settings) == {
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
def test_thinking_is_asked_for_with_its_thoughts(thinking: Reasoning, config: dict[str, Any]) -> None:
    given = sent(user(Text("Hi")), settings=Settings(thinking=thinking))

    assert given["generationConfig"]["thinkingConfig"] == config


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(), {"mode": "AUTO"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="tool", name="fly"), {"mode": "ANY", "allowedFunctionNames": ["fly"]}),
    ],
)
def test_tools_are_told_with_their_schemas_and_the_choice(choice: ToolChoice, config: dict[str, Any]) -> None:
    tools = (Tool(name="fly", description="Fly.", input_schema=SCHEMA), Tool(name="rest"))

    given = sent(user(Text("Hi")), settings=Settings(tools=tools, tool_choice=choice))

    [told] = given["tools"]
    assert told["functionDeclarations"] == [
        {"name": "fly", "description": "Fly.", "parametersJsonSchema": SCHEMA},
        {"name": "rest", "parametersJsonSchema": {"type": "object", "properties": {}}},
    ]
    assert given["toolConfig"] == {"functionCallingConfig": config}


@pytest.mark.parametrize("later", [False, True])
def test_a_result_tells_the_name_of_the_tool_that_its_id_stands_for(later: bool) -> None:
    memo, history = WireMemo(), [user(Text("Hi")), model(ToolUse(id="a", name="fly", input={"to": "oak"}))]
    if later:
        body(Request(1, history, Settings(), memo), OLD)

    results = user(
        ToolResult(tool_use_id="a", content=(Text("landed"), Text("well"))),
        ToolResult(tool_use_id="a", content=(Text("no oak"),), is_error=True),
    )
    found = msgspec.json.decode(body(Request(2, [*history, results], Settings(), memo), OLD))

    assert found["contents"][1:] == [
        {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "fly", "args": {"to": "oak"}}}]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "a", "name": "fly", "response": {"output": "landed\nwell"}}},
                {"functionResponse": {"id": "a", "name": "fly", "response": {"error": "no oak"}}},
            ],
        },
    ]


def test_of_two_tools_with_one_id_each_result_has_the_one_before_it() -> None:
    rounds = [
        message
        for name in ("fly", "rest")
        for message in (model(ToolUse(id="a", name=name, input={})), user(ToolResult(tool_use_id="a")))
    ]

    contents = sent(user(Text("Hi")), *rounds)["contents"]

    assert [content["parts"][0]["functionResponse"]["name"] for content in contents[2::2]] == ["fly", "rest"]


def test_what_is_not_text_in_a_result_follows_all_results_behind_a_line_that_says_whose_it_is() -> None:
    image = Image(data=b"pixels", media_type="image/png")
    results = user(ToolResult(tool_use_id="a", content=(Text("seen"), image)), ToolResult(tool_use_id="b"))
    uses = model(ToolUse(id="a", name="look", input={}), ToolUse(id="b", name="rest", input={}))

    found = sent(user(Text("Hi")), uses, results)["contents"][2]["parts"]

    assert [next(iter(part)) for part in found] == ["functionResponse", "functionResponse", "text", "inlineData"]
    assert found[2]["text"] == "From the result of look (a):"
    assert found[3]["inlineData"] == {"mimeType": "image/png", "data": "cGl4ZWxz"}


def test_signatures_go_back_where_they_were_and_to_google_only() -> None:
    whole = Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"text":"","thoughtSignature":"YQ=="}')
    code = Opaque(provider=PROVIDER, type="executable_code", json=b'{"executableCode":{"code":"1"}}')

    found = parts(
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

    assert found == [
        {"text": "Hm", "thought": True, "thoughtSignature": "dGg="},
        {"text": "Caw", "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "YQ=="},
        {"functionCall": {"id": "a", "name": "fly", "args": {}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "b", "name": "rest", "args": {}}},
        {"executableCode": {"code": "1"}},
    ]


def test_a_signature_whose_block_is_gone_is_left_out() -> None:
    assert parts(MARK, Text("Caw")) == [{"text": "Caw"}]


@pytest.mark.parametrize(
    ("dialect", "signature"), [(NEW, "skip_thought_signature_validator"), (OLD, None), (Dialect("mine"), None)]
)
def test_tool_uses_that_others_made_say_so_where_the_model_wants_them_signed(
    dialect: Dialect, signature: str | None
) -> None:
    first, second = parts(
        ToolUse(id="a", name="fly", input={}), ToolUse(id="b", name="rest", input={}), dialect=dialect
    )

    assert first.get("thoughtSignature") == signature
    assert "thoughtSignature" not in second


def test_names_of_other_providers_are_put_in_letters_that_google_takes() -> None:
    names = ["fly", "a.b:c-d_e", "7up", "gré", "x" * 129]

    found = [part["functionCall"]["name"] for part in parts(*(ToolUse(id=n, name=n, input={}) for n in names))]

    assert found[:2] == ["fly", "a.b:c-d_e"]
    assert all(len(name) <= 128 and name[0] == "_" for name in found[2:])
    assert len(set(found)) == len(names)


def test_neighbours_of_one_role_are_one_content_and_what_says_nothing_is_left_out() -> None:
    given = sent(user(Text("a")), user(Text("b")), model(Text("")), user(Text("c")), model(Text("d"), Text("e")))

    assert [(content["role"], len(content["parts"])) for content in given["contents"]] == [("user", 3), ("model", 2)]


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
def test_images_and_documents_go_by_address_or_by_bytes(block: Block, part: dict[str, Any]) -> None:
    assert sent(user(block))["contents"][0]["parts"] == [part]


def test_what_google_does_not_take_is_noted_in_its_place() -> None:
    [part] = sent(user(Image(data=b"x", media_type="image/gif")))["contents"][0]["parts"]

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
def test_what_the_api_or_the_model_has_not_is_refused_by_its_field(
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
def test_what_the_model_has_is_let_through(settings: Settings, dialect: Dialect) -> None:
    check_settings(settings, dialect)
