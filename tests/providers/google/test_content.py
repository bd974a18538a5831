"""The content of messages in requests to Google's generateContent."""

from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from validators.google import violations

from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.events import SIGNATURE
from rayconteur.providers.google.requests import body
from rayconteur.providers.google.rules import Dialect
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.request import Request, Settings, WireMemo

NEW, OLD = Dialect("gemini-3.8-flash"), Dialect("gemini-2.5-flash")
MARK = Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"thoughtSignature":"c2ln"}')


def request_body(*messages: Message, dialect: Dialect = OLD) -> dict[str, Any]:
    return msgspec.json.decode(body(Request(1, messages, Settings()), dialect), type=dict[str, Any])


def wire_parts(*content: Block, dialect: Dialect = OLD) -> list[Any]:
    """The parts of an assistant message with *content*."""
    [_, message] = request_body(user(Text("Hi")), assistant(*content), dialect=dialect)["contents"]
    parts: list[Any] = message["parts"]
    return parts


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


def test_models_from_gemini_3_on_take_media_inside_the_result() -> None:
    image = Image(data=b"pixels", media_type="image/png", detail="high")
    page, heic = Document(url="gs://rook/a.pdf"), Image(data=b"pixels", media_type="image/heic")
    history = user(Text("Hi")), assistant(ToolUse(id="a", name="look", input={}))
    results = user(ToolResult(tool_use_id="a", content=(Text("seen"), image, heic, page)))

    first, line, other = request_body(*history, results, dialect=NEW)["contents"][2]["parts"]

    assert first["functionResponse"] == {
        "id": "a",
        "name": "look",
        "response": {"output": "seen"},
        "parts": [
            {
                "inlineData": {"mimeType": "image/png", "data": "cGl4ZWxz"},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"},
            },
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://rook/a.pdf"}},
        ],
    }
    assert line["text"] == "From the result of look (a):"
    assert other == {"inlineData": {"mimeType": "image/heic", "data": "cGl4ZWxz"}}


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (ToolResult(tool_use_id="a", structured={"temperature": 7}), {"temperature": 7}),
        (ToolResult(tool_use_id="a", structured={"code": 7}, is_error=True), {"error": {"code": 7}}),
        (ToolResult(tool_use_id="a", structured={"error": "storm"}, is_error=True), {"error": "storm"}),
        (ToolResult(tool_use_id="a", structured={"a": [{"$ref": "#/b"}]}), {"output": '{"a":[{"$ref":"#/b"}]}'}),
        (ToolResult(tool_use_id="a", content=(Text('{"$ref":1}'),)), {"output": '{"$ref":1}'}),
    ],
)
def test_a_structured_result_is_sent_as_it_is_unless_google_would_read_references_in_it(
    result: ToolResult, response: dict[str, Any]
) -> None:
    history = user(Text("Hi")), assistant(ToolUse(id="a", name="fly", input={})), user(result)

    [part] = request_body(*history)["contents"][2]["parts"]

    assert part["functionResponse"]["response"] == response


def test_the_detail_of_an_image_is_its_resolution_from_gemini_3_on() -> None:
    image = Image(url="https://x.example/y.png", detail="ultra_high")

    [new] = request_body(user(image), dialect=NEW)["contents"][0]["parts"]
    [old] = request_body(user(image), dialect=OLD)["contents"][0]["parts"]

    assert new["mediaResolution"] == {"level": "MEDIA_RESOLUTION_ULTRA_HIGH"}
    assert "mediaResolution" not in old


@pytest.mark.parametrize("origin", ["this", "another"])
def test_signed_thinking_and_google_s_own_parts_go_back_only_to_the_model_that_made_them(origin: str) -> None:
    content = (
        Thinking(text="Hm", provider=PROVIDER, signature="dGg="),
        Text("Caw"),
        MARK,
        Opaque(provider=PROVIDER, type="tool_call", json=b'{"toolCall":{"id":"s1"},"thoughtSignature":"YQ=="}'),
        ToolUse(id="a", name="fly", input={}),
        MARK,
    )
    answer = msgspec.structs.replace(assistant(*content), origin=Origin(source=origin))
    dialect = Dialect("gemini-3.8-flash", source="this")

    wire = request_body(user(Text("Hi")), answer, user(ToolResult(tool_use_id="a")), dialect=dialect)

    parts = wire["contents"][1]["parts"]
    assert [next(iter(part)) for part in parts if "thought" not in part] == (
        ["text", "toolCall", "functionCall"] if origin == "this" else ["text", "functionCall"]
    )
    assert [part.get("thoughtSignature") for part in parts] == (
        ["dGg=", "c2ln", "YQ==", "c2ln"] if origin == "this" else [None, "skip_thought_signature_validator"]
    )
    assert violations(wire, model="gemini-3.8-flash") == []


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
