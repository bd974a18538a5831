"""Settings and content that Chat Completions or a model do not support, and what is sent instead."""

from typing import Any

import pytest
from builders.chat import PLAIN, request_body, wire_messages
from builders.messages import HI, assistant, user

from rayconteur.providers.openai.chat.requests import body, check_settings
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.schema.content import Document, Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Request, Settings, WireMemo
from rayconteur.providers.schema.tools import Tool

FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings(top_k=5), "top_k"),
        (Settings(stop_sequences=("a", "b", "c", "d", "e")), "stop_sequences"),
        (Settings(tools=(FLY, Tool(name="fly.away"))), "tools[1].name"),
        (Settings(tools=(Tool(name="f" * 65),)), "tools[0].name"),
        (Settings(tools=(FLY,)), "tools"),
        (Settings(thinking=Reasoning(effort="low")), "thinking"),
        (Settings(output_schema={"type": "object"}), "output_schema"),
    ],
)
def test_settings_that_the_api_or_the_model_lacks_are_errors_that_name_the_field(
    settings: Settings, field: str
) -> None:
    simple = ModelFacts(uses_tools=False, thinks=False, fits_schemas=False)

    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, Dialect("raven", "gpt-x", facts=simple))

    assert raised.value.field == field


def test_settings_are_not_limited_at_other_servers() -> None:
    check_settings(
        Settings(stop_sequences=("a", "b", "c", "d", "e"), tools=(Tool(name="fly.away"),), output_schema={}),
        Dialect("raven", "llama-x", own=False),
    )


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, False),
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, True),
        ({"type": "object"}, False),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {"b": {}}}}},
                "required": ["a"],
                "additionalProperties": False,
            },
            False,
        ),
        (
            {"type": "object", "properties": {"a": {"oneOf": []}}, "required": ["a"], "additionalProperties": False},
            False,
        ),
        ({"type": "object", "properties": {"a": {}}, "required": [], "additionalProperties": False}, False),
    ],
)
def test_an_output_schema_is_strict_if_the_api_supports_it(schema: dict[str, Any], strict: bool) -> None:
    wire = request_body(settings=Settings(output_schema=schema))["response_format"]

    assert wire == {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}}


@pytest.mark.parametrize(
    ("block", "own", "facts", "problem"),
    [
        (Document(url="https://x.example/raven.pdf"), True, ModelFacts(), "not by URL"),
        (Document(url="https://x.example/raven.pdf"), False, ModelFacts(), "not by URL"),
        (Document(data=b"w", media_type="application/msword"), True, ModelFacts(), "application/pdf"),
        (Document(data=b"x" * 50_000_001, media_type="application/pdf"), True, ModelFacts(), "50,000,000 bytes"),
        (Image(data=b"svg", media_type="image/svg+xml"), True, ModelFacts(), "image/png"),
        (Image(url="https://x.example/raven.png"), True, ModelFacts(takes_images=False), "takes no images"),
        (Document(data=b"p", media_type="application/pdf"), False, ModelFacts(takes_documents=False), "no documents"),
    ],
)
def test_unsupported_media_are_rejected_from_a_driver_and_noted_in_a_history(
    block: Image | Document, own: bool, facts: ModelFacts, problem: str
) -> None:
    dialect = Dialect("raven", "gpt-x", own, facts)

    with pytest.raises(UnsupportedContent, match=problem):
        dialect.media.check((HI, block))
    [message] = request_body(user(block), dialect=dialect)["messages"]

    assert message["role"] == "user"
    assert "left out" in message["content"]
    assert problem in message["content"]


def test_unsupported_media_in_a_result_become_notes_in_it() -> None:
    result = ToolResult(tool_use_id="a", content=(Text("Seen:"), Document(url="https://x.example/raven.pdf")))

    [message] = wire_messages(user(result))

    assert message["role"] == "tool"
    assert message["content"].startswith("Seen:\n[Document left out: raven takes")


def test_other_servers_get_all_media_that_have_a_form() -> None:
    image = Image(data=b"bmp", media_type="image/bmp")
    document = Document(data=b"doc", media_type="application/msword", name="raven.doc")

    Dialect("raven", "llama-x", own=False).media.check((image, document))


def test_a_history_is_encoded_again_for_a_model_that_supports_less() -> None:
    seen = user(Image(url="https://x.example/raven.png"))
    memo = WireMemo()

    def wire(facts: ModelFacts) -> bytes:
        return body(Request(1, (seen,), PLAIN, memo), Dialect("raven", "gpt-x", facts=facts), streaming=True)

    assert b"raven.png" in wire(ModelFacts())
    assert b"left out" in wire(ModelFacts(takes_images=False))


def test_ids_and_names_of_other_providers_are_replaced_and_stay_distinct() -> None:
    long, longer, odd = "tool_" + "x" * 40, "tool_" + "x" * 41, "tool use ü"
    uses = assistant(
        *(ToolUse(id=call_id, name="fly away.now", input={}) for call_id in (long, longer, odd, "call:0.1"))
    )
    results = user(*(ToolResult(tool_use_id=call_id) for call_id in (long, longer, odd, "call:0.1")))

    calls, *answers = wire_messages(user(HI), uses, results)[1:]

    ids = [call["id"] for call in calls["tool_calls"]]
    assert [answer["tool_call_id"] for answer in answers] == ids
    assert len(set(ids)) == 4
    assert all(len(call_id) <= 40 and call_id.isascii() and " " not in call_id for call_id in ids)
    assert ids[3] == "call:0.1"
    assert {call["function"]["name"] for call in calls["tool_calls"]} == {"fly_away_now"}
