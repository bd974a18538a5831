"""Requests to Chat Completions."""

import pytest
from builders.chat import DIALECT, request_body, wire_messages
from builders.messages import HI, assistant, user

from rayconteur.providers.openai.chat.requests import check_settings
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice

FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})


def test_a_plain_request_has_only_the_required_members() -> None:
    assert request_body() == {
        "model": "gpt-x",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Hello, raven!"}],
    }
    assert request_body(streaming=False) == {
        "model": "gpt-x",
        "stream": False,
        "messages": [{"role": "user", "content": "Hello, raven!"}],
    }


def test_every_setting_is_sent_as_the_api_names_it() -> None:
    settings = Settings(
        system="Be brief.",
        max_output_tokens=4_000,
        tools=(FLY, Tool(name="rest")),
        tool_choice=ToolChoice(mode="required", parallel=False),
        temperature=0.5,
        thinking=Reasoning(effort="low"),
        stop_sequences=("END",),
    )

    assert request_body(settings=settings) == {
        "model": "gpt-x",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 4_000,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "fly",
                    "description": "Fly there.",
                    "parameters": {"type": "object", "properties": {}},
                },
            },
            {"type": "function", "function": {"name": "rest", "parameters": {"type": "object", "properties": {}}}},
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "stop": ["END"],
        "reasoning_effort": "low",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello, raven!"}],
    }


def test_the_rarer_settings_are_sent_as_the_api_names_them() -> None:
    wire = request_body(settings=Settings(top_p=0.9, frequency_penalty=0.1, presence_penalty=-0.1, seed=7))

    assert (wire["top_p"], wire["frequency_penalty"], wire["presence_penalty"], wire["seed"]) == (0.9, 0.1, -0.1, 7)


def test_the_output_limit_has_the_name_that_the_server_knows() -> None:
    old = Dialect("raven", "llama-x", own=False)

    assert request_body(settings=Settings(max_output_tokens=5), dialect=old)["max_tokens"] == 5


def test_a_required_tool_is_named() -> None:
    wire = request_body(settings=Settings(tools=(FLY,), tool_choice=ToolChoice(mode="tool", name="fly")))

    assert wire["tool_choice"] == {"type": "function", "function": {"name": "fly"}}
    assert "parallel_tool_calls" not in wire


def test_a_tool_choice_without_tools_which_the_api_rejects_is_omitted() -> None:
    assert "tool_choice" not in request_body(settings=Settings(tool_choice=ToolChoice()))


def test_a_thinking_budget_is_an_error_that_names_the_field() -> None:
    with pytest.raises(InvalidConfig) as raised:
        check_settings(Settings(thinking=Reasoning(budget_tokens=2_000)), DIALECT)

    assert raised.value.field == "thinking.budget_tokens"
    check_settings(Settings(thinking=Reasoning(effort="high")), DIALECT)


def test_media_are_sent_by_url_or_in_data_urls() -> None:
    assert wire_messages(
        user(
            HI,
            Image(url="https://x.example/raven.png"),
            Image(data=b"png!", media_type="image/png"),
            Document(data=b"pdf!", media_type="application/pdf", name="raven.pdf"),
        )
    ) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Hello, raven!"},
                {"type": "image_url", "image_url": {"url": "https://x.example/raven.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5nIQ=="}},
                {
                    "type": "file",
                    "file": {"filename": "raven.pdf", "file_data": "data:application/pdf;base64,cGRmIQ=="},
                },
            ],
        }
    ]


def test_an_answer_of_another_provider_is_sent_without_its_opaque_parts() -> None:
    assert wire_messages(
        user(HI),
        assistant(
            Thinking(text="Hm.", provider="anthropic", signature="s"),
            Thinking(text="Hm.", provider="raven"),
            Opaque(provider="anthropic", type="server_tool_use", json=b"{}"),
            Text("Caw. "),
            Text("Caw!"),
            ToolUse(id="a", name="fly", input={"far": True}),
            ToolUse(id="b", name="fly", input={"INVALID_JSON": "{far"}, malformed="{far"),
        ),
    )[1:] == [
        {
            "role": "assistant",
            "content": "Caw. Caw!",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "fly", "arguments": '{"far":true}'}},
                {"id": "b", "type": "function", "function": {"name": "fly", "arguments": '{"INVALID_JSON":"{far"}'}},
            ],
        }
    ]


def test_calls_without_text_have_null_content_and_empty_messages_are_omitted() -> None:
    thought = Thinking(text="Hm.", provider="anthropic", signature="s")

    assert wire_messages(user(HI), assistant(thought), user(Text(""), Text("Well?"))) == [
        {"role": "user", "content": "Hello, raven!"},
        {"role": "user", "content": "Well?"},
    ]
    assert wire_messages(assistant(ToolUse(id="a", name="fly", input={})))[0]["content"] is None


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
        {"role": "tool", "tool_call_id": "d", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "From the result of b:"},
                {"type": "image_url", "image_url": {"url": "https://x.example/raven.png"}},
                {"type": "text", "text": "Go on."},
            ],
        },
    ]
