"""Requests to Cohere's v2 chat."""

from dataclasses import replace

import pytest
from builders.cohere import DIALECT, request_body, wire_messages
from builders.messages import HI, assistant, user

from rayconteur.providers.cohere.errors import PROVIDER
from rayconteur.providers.cohere.events import PLAN
from rayconteur.providers.cohere.requests import check_settings
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice

FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})
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
    simple = ModelFacts(uses_tools=False, thinks=False, fits_schemas=False, output_limit_tokens=8)

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
