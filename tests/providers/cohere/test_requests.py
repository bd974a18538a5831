"""Requests to Cohere's v2 chat."""

from dataclasses import replace
from typing import Any

import pytest
from builders.cohere import DIALECT, request_body, wire_messages
from builders.messages import HI, assistant, user
from msgspec.structs import replace as replaced
from validators.cohere import violations

from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.cohere.errors import PROVIDER
from rayconteur.providers.cohere.events import PLAN
from rayconteur.providers.cohere.requests import OWN_MEMBERS, config_members
from rayconteur.providers.cohere.rules import Dialect, check_settings
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})
STRICT = Tool(name="fly", strict=True, input_schema={"properties": {"to": {}}, "required": ["to"]})
FLOWN = {"id": "a", "type": "function", "function": {"name": "fly", "arguments": '{"far":true}'}}
USE = ToolUse(id="a", name="fly", input={"far": True})


def test_a_plain_request_has_only_the_required_members() -> None:
    hello = [{"role": "user", "content": "Hello, raven!"}]

    assert request_body() == {"model": "command-x", "stream": True, "messages": hello}
    assert request_body(streaming=False) == {"model": "command-x", "stream": False, "messages": hello}


def test_every_setting_is_sent_as_the_api_names_it() -> None:
    settings = Settings(
        system="Be brief.",
        max_output_tokens=4_000,
        tools=(FLY,),
        tool_choice=ToolChoice(mode="required"),
        temperature=0.5,
        top_p=0.9,
        top_k=50,
        frequency_penalty=0.1,
        seed=7,
        thinking=Reasoning(budget_tokens=2_000),
        stop_sequences=("END",),
    )

    assert request_body(settings=settings) == {
        "model": "command-x",
        "stream": True,
        "max_tokens": 4_000,
        "tools": [
            {
                "type": "function",
                "function": {"name": "fly", "description": "Fly there.", "parameters": FLY.input_schema},
            }
        ],
        "tool_choice": "REQUIRED",
        "temperature": 0.5,
        "p": 0.9,
        "k": 50,
        "frequency_penalty": 0.1,
        "seed": 7,
        "thinking": {"type": "enabled", "token_budget": 2_000},
        "stop_sequences": ["END"],
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello, raven!"}],
    }


def test_an_output_schema_and_thinking_without_a_budget_are_sent_in_cohere_s_form() -> None:
    wire = request_body(settings=Settings(output_schema={"type": "object"}, thinking=Reasoning()))

    assert wire["response_format"] == {"type": "json_object", "json_schema": {"type": "object"}}
    assert wire["thinking"] == {"type": "enabled"}


@pytest.mark.parametrize(
    ("model", "thinking", "sent"),
    [
        ("command-a-plus-05-2026", Reasoning(), {"type": "enabled"}),
        ("command-a-plus-05-2026", Reasoning(effort="high"), {"type": "enabled"}),
        ("command-a-plus-05-2026", Reasoning(effort="none"), {"type": "disabled"}),
        ("command-a-plus-05-2026", Reasoning(budget_tokens=9), {"type": "enabled", "token_budget": 9}),
        ("command-a-03-2025", Reasoning(effort="none"), None),
        ("my-model", Reasoning(effort="none"), {"type": "disabled"}),
    ],
)
def test_thinking_is_turned_on_and_off_where_the_model_thinks(model: str, thinking: Reasoning, sent: object) -> None:
    settings, dialect = Settings(thinking=thinking), Dialect(model)
    check_settings(settings, dialect)

    assert request_body(settings=settings, dialect=dialect).get("thinking") == sent


def test_strict_tools_are_a_switch_of_the_request() -> None:
    settings = Settings(tools=(STRICT,))
    check_settings(settings, DIALECT)

    assert request_body(settings=settings)["strict_tools"] is True
    assert "strict_tools" not in request_body(settings=Settings(tools=(FLY,)))


def test_members_of_the_config_are_sent_with_each_request() -> None:
    documents = [{"id": "d1", "data": {"text": "Ravens play."}}]
    config = Cohere(
        model="command-a-plus-05-2026",
        citation_mode="accurate",
        safety_mode="strict",
        priority=3,
        extra_body={"documents": documents, "citation_options": {"type": "x"}},
    )

    wire = request_body(dialect=Dialect(config.model, members=config_members(config)))

    assert wire["citation_options"] == {"mode": "ACCURATE", "type": "x"}
    assert (wire["safety_mode"], wire["priority"], wire["documents"]) == ("STRICT", 3, documents)


def test_every_member_that_settings_and_config_may_set_is_refused_as_an_extra_member() -> None:
    settings = Settings(
        max_output_tokens=50,
        tools=(STRICT,),
        tool_choice=ToolChoice(mode="required"),
        temperature=0.5,
        top_p=0.9,
        top_k=50,
        frequency_penalty=0.1,
        presence_penalty=0.1,
        seed=7,
        thinking=Reasoning(),
        stop_sequences=("END",),
        output_schema={"type": "object"},
    )
    config = Cohere(model="m", citation_mode="off", safety_mode="strict", priority=3)

    wire = request_body(settings=settings, dialect=Dialect("m", members=config_members(config)))

    assert {name.partition(".")[0] for name in OWN_MEMBERS} == wire.keys()


@pytest.mark.parametrize(("mode", "sent"), [("none", "NONE"), ("required", "REQUIRED"), ("auto", None)])
def test_tool_choices_are_sent_in_the_form_of_the_api_and_only_with_tools(mode: str, sent: str | None) -> None:
    choice = ToolChoice(mode=mode)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    assert request_body(settings=Settings(tools=(FLY,), tool_choice=choice)).get("tool_choice") == sent
    assert "tool_choice" not in request_body(settings=Settings(tool_choice=choice))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings(tools=(FLY,), tool_choice=ToolChoice(mode="tool", name="fly")), "tool_choice.mode"),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(parallel=False)), "tool_choice.parallel"),
        (Settings(thinking=Reasoning(effort="low")), "thinking.effort"),
        (Settings(thinking=Reasoning(effort="high", budget_tokens=9)), "thinking"),
        (Settings(thinking=Reasoning(show=False)), "thinking.show"),
        (Settings(tools=(STRICT, replaced(STRICT, name="sit", strict=False))), "tools[1].strict"),
        (Settings(tools=(replaced(FLY, strict=True),)), "tools[0].strict"),
        (Settings(tools=(replaced(FLY, deferred=True),)), "tools[0].deferred"),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(allowed=("fly",))), "tool_choice.allowed"),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(mode="validated")), "tool_choice.mode"),
        (Settings(tools=(ProviderTool(provider="cohere", definition={"type": "search"}),)), "tools[0]"),
        (Settings(service_tier="flex"), "service_tier"),
        (Settings(user="u1"), "user"),
        (Settings(stop_sequences=("a", "b", "c", "d", "e", "f")), "stop_sequences"),
        (Settings(top_p=0.0), "top_p"),
        (Settings(top_p=1.0), "top_p"),
        (Settings(top_k=501), "top_k"),
        (Settings(seed=-1), "seed"),
        (Settings(frequency_penalty=-0.1), "frequency_penalty"),
        (Settings(presence_penalty=1.1), "presence_penalty"),
        (Settings(frequency_penalty=0.1, presence_penalty=0.1), "presence_penalty"),
        (Settings(tools=(FLY,), output_schema={"type": "object"}), "output_schema"),
        (Settings(tools=(FLY,)), "tools"),
        (Settings(thinking=Reasoning()), "thinking"),
        (Settings(output_schema={"type": "object"}), "output_schema"),
        (Settings(max_output_tokens=9), "max_output_tokens"),
    ],
)
def test_settings_that_the_api_or_the_model_lacks_are_errors_that_name_the_field(
    settings: Settings, field: str
) -> None:
    able = field.startswith("tools[")
    simple = ModelFacts(uses_tools=able, thinks=False, fits_schemas=False, output_limit_tokens=8)

    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, replace(DIALECT, facts=simple))

    assert raised.value.field == field


def test_settings_in_range_are_accepted() -> None:
    check_settings(
        Settings(top_p=0.01, top_k=500, seed=0, presence_penalty=1.0, stop_sequences=tuple("abcde")), DIALECT
    )
    check_settings(Settings(top_p=0.99, frequency_penalty=0.0, presence_penalty=0.5, thinking=Reasoning()), DIALECT)


def test_a_plan_is_sent_back_as_a_plan_and_other_thinking_as_content() -> None:
    plan = Thinking(text="I will fly.", provider=PROVIDER, signature=PLAN)
    thought = Thinking(text="Hm.", provider=PROVIDER)

    assert wire_messages(user(HI), assistant(plan, thought, Text("Off I go."), USE))[1] == {
        "role": "assistant",
        "tool_calls": [FLOWN],
        "tool_plan": "I will fly.",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Off I go."}],
    }
    assert wire_messages(user(HI), assistant(plan, Text("Or not.")))[1]["content"][0] == {
        "type": "thinking",
        "thinking": "I will fly.",
    }


def test_an_answer_of_another_provider_is_sent_without_its_opaque_parts() -> None:
    foreign = (
        Thinking(text="Hm.", provider="anthropic", signature="s"),
        Opaque(provider="anthropic", type="server_tool_use", json=b"{}"),
    )

    assert wire_messages(user(HI), assistant(*foreign, Text("Caw."), USE))[1] == {
        "role": "assistant",
        "tool_calls": [FLOWN],
        "content": [{"type": "text", "text": "Caw."}],
    }
    assert len(wire_messages(user(HI), assistant(*foreign), user(HI))) == 2


def test_blank_text_is_omitted() -> None:
    assert wire_messages(user(Text(" \n")), assistant(Text("")), user(Text(""), Text("Well?"))) == [
        {"role": "user", "content": "Well?"}
    ]


def test_tool_results_follow_their_calls_in_order_and_their_images_follow_them() -> None:
    results = user(
        ToolResult(tool_use_id="a", content=(Text("One."), Text("Two."))),
        ToolResult(tool_use_id="b", content=(Text("Seen:"), Image(url="https://x.example/raven.png"))),
        ToolResult(tool_use_id="c", content=(Text("Tired."),), is_error=True),
        ToolResult(tool_use_id="d"),
        Text("Go on."),
    )

    assert wire_messages(results) == [
        {"role": "tool", "tool_call_id": "a", "content": "One.\nTwo."},
        {"role": "tool", "tool_call_id": "b", "content": "Seen:"},
        {"role": "tool", "tool_call_id": "c", "content": "Error: Tired."},
        {"role": "tool", "tool_call_id": "d", "content": "(no output)"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "From the result of b:"},
                {"type": "image_url", "image_url": {"url": "https://x.example/raven.png"}},
                {"type": "text", "text": "Go on."},
            ],
        },
    ]


STRUCTURED: list[tuple[dict[str, Any], bool, list[Any]]] = [
    ({"height": 7}, False, [{"data": {"height": 7}}]),
    ({"code": 7}, True, [{"data": {"error": {"code": 7}}}]),
    ({"error": "storm"}, True, [{"data": {"error": "storm"}}]),
    (
        {"documents": [{"id": "a", "data": {"text": "One."}}, {"data": {"text": "Two."}}]},
        False,
        [{"id": "a", "data": {"text": "One."}}, {"data": {"text": "Two."}}],
    ),
    ({"documents": ["One."]}, False, [{"data": {"documents": ["One."]}}]),
    ({"documents": [{"id": "", "data": {}}]}, False, [{"data": {"documents": [{"id": "", "data": {}}]}}]),
    ({"documents": []}, False, [{"data": {"documents": []}}]),
]


@pytest.mark.parametrize(("structured", "is_error", "documents"), STRUCTURED)
def test_a_structured_result_is_sent_as_documents_that_can_be_cited(
    structured: dict[str, Any], is_error: bool, documents: list[Any]
) -> None:
    history = (
        user(HI),
        assistant(USE),
        user(ToolResult(tool_use_id="a", structured=structured, is_error=is_error)),
    )

    wire = request_body(*history)

    assert wire["messages"][2]["content"] == [{"type": "document", "document": document} for document in documents]
    assert violations(wire) == []


@pytest.mark.parametrize(("detail", "sent"), [("low", "low"), ("auto", "auto"), ("ultra_high", None), (None, None)])
def test_an_image_has_the_details_that_cohere_knows(detail: Any, sent: str | None) -> None:
    [part] = wire_messages(user(Image(url="https://x.example/y.png", detail=detail)))[0]["content"]

    assert part["image_url"].get("detail") == sent


def test_images_are_sent_by_url_or_in_data_urls() -> None:
    assert wire_messages(user(Image(data=b"png!", media_type="image/png"), HI))[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5nIQ=="}},
        {"type": "text", "text": "Hello, raven!"},
    ]


@pytest.mark.parametrize(
    ("block", "facts", "problem"),
    [
        (Document(data=b"p", media_type="application/pdf", name="raven.pdf"), ModelFacts(), "no documents"),
        (Image(data=b"svg", media_type="image/svg+xml"), ModelFacts(), "image/png"),
        (Image(data=b"x" * 20_000_001, media_type="image/png"), ModelFacts(), "20,000,000 bytes"),
        (Image(url="https://x.example/raven.png"), ModelFacts(takes_images=False), "takes no images"),
    ],
)
def test_unsupported_media_are_rejected_from_a_driver_and_noted_in_a_history(
    block: Image | Document, facts: ModelFacts, problem: str
) -> None:
    dialect = replace(DIALECT, facts=facts)

    with pytest.raises(UnsupportedContent, match=problem):
        dialect.media.check((HI, block))
    [message] = request_body(user(block), dialect=dialect)["messages"]

    assert "left out" in message["content"]
    assert problem in message["content"]
