"""Requests to Chat Completions."""

from typing import Any

import msgspec
import pytest

from rayconteur.providers.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers.facts import ModelFacts
from rayconteur.providers.messages import Message, Role
from rayconteur.providers.request import Reasoning, Request, Settings, WireMemo
from rayconteur.providers.tools import Tool, ToolChoice
from rayconteur.providers.wire.chat_requests import body, check
from rayconteur.providers.wire.openai_dialect import Dialect

HI = Text("Hello, raven!")
FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})
DIALECT = Dialect("raven", "gpt-x")


def user(*content: Block) -> Message:
    return Message(role=Role.USER, content=content, turn=1)


def assistant(*content: Block) -> Message:
    return Message(role=Role.ASSISTANT, content=content, turn=1)


PLAIN = Settings()


def sent(
    *messages: Message, settings: Settings = PLAIN, streaming: bool = True, dialect: Dialect = DIALECT
) -> dict[str, Any]:
    asked = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(asked, dialect, streaming), type=dict[str, Any])


def messages(*given: Message) -> list[Any]:
    """*given* on the wire."""
    return list(sent(*given)["messages"])


def test_a_plain_request_has_what_the_api_asks_for_and_no_more() -> None:
    assert sent() == {
        "model": "gpt-x",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Hello, raven!"}],
    }
    assert sent(streaming=False) == {
        "model": "gpt-x",
        "stream": False,
        "messages": [{"role": "user", "content": "Hello, raven!"}],
    }


def test_every_setting_has_its_place() -> None:
    settings = Settings(
        system="Be brief.",
        max_output_tokens=4_000,
        tools=(FLY, Tool(name="rest")),
        tool_choice=ToolChoice(mode="required", parallel=False),
        temperature=0.5,
        top_p=0.9,
        frequency_penalty=0.1,
        presence_penalty=-0.1,
        seed=7,
        output_schema={"type": "object"},
        thinking=Reasoning(effort="low"),
        stop_sequences=("END",),
    )

    assert sent(settings=settings) == {
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
        "top_p": 0.9,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.1,
        "seed": 7,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": False},
        },
        "stop": ["END"],
        "reasoning_effort": "low",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello, raven!"}],
    }


def test_the_limit_of_an_answer_has_the_name_that_the_server_knows() -> None:
    old = Dialect("raven", "llama-x", own=False)

    assert sent(settings=Settings(max_output_tokens=5), dialect=old)["max_tokens"] == 5


def test_one_tool_is_asked_for_by_its_name() -> None:
    wire = sent(settings=Settings(tools=(FLY,), tool_choice=ToolChoice(mode="tool", name="fly")))

    assert wire["tool_choice"] == {"type": "function", "function": {"name": "fly"}}
    assert "parallel_tool_calls" not in wire


def test_a_tool_choice_without_tools_is_left_out_for_the_api_refuses_it() -> None:
    assert "tool_choice" not in sent(settings=Settings(tool_choice=ToolChoice()))


def test_a_thinking_budget_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidConfig) as raised:
        check(Settings(thinking=Reasoning(budget_tokens=2_000)), DIALECT)

    assert raised.value.field == "thinking.budget_tokens"
    check(Settings(thinking=Reasoning(effort="high")), DIALECT)


def test_media_go_by_url_or_in_data_urls() -> None:
    assert messages(
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
def test_what_the_api_or_the_model_has_not_is_refused_by_its_field(settings: Settings, field: str) -> None:
    simple = ModelFacts(uses_tools=False, thinks=False, fits_schemas=False)

    with pytest.raises(InvalidConfig) as raised:
        check(settings, Dialect("raven", "gpt-x", facts=simple))

    assert raised.value.field == field


def test_of_other_servers_nothing_is_known() -> None:
    check(
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
def test_a_schema_is_held_to_strictly_where_the_api_can(schema: dict[str, Any], strict: bool) -> None:
    wire = sent(settings=Settings(output_schema=schema))["response_format"]

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
def test_what_is_not_taken_is_refused_from_a_driver_and_noted_in_a_history(
    block: Image | Document, own: bool, facts: ModelFacts, problem: str
) -> None:
    dialect = Dialect("raven", "gpt-x", own, facts)

    with pytest.raises(UnsupportedContent, match=problem):
        dialect.media.check((HI, block))
    [message] = sent(user(block), dialect=dialect)["messages"]

    assert message["role"] == "user"
    assert "left out" in message["content"]
    assert problem in message["content"]


def test_what_is_not_taken_in_a_result_is_noted_in_it() -> None:
    result = ToolResult(tool_use_id="a", content=(Text("Seen:"), Document(url="https://x.example/raven.pdf")))

    [message] = messages(user(result))

    assert message["role"] == "tool"
    assert message["content"].startswith("Seen:\n[Document left out: raven takes")


def test_other_servers_take_whatever_has_a_form() -> None:
    image = Image(data=b"bmp", media_type="image/bmp")
    document = Document(data=b"doc", media_type="application/msword", name="raven.doc")

    Dialect("raven", "llama-x", own=False).media.check((image, document))


def test_a_history_goes_to_a_model_that_takes_less_in_another_form() -> None:
    seen = user(Image(url="https://x.example/raven.png"))
    memo = WireMemo()

    def wire(facts: ModelFacts) -> bytes:
        return body(Request(1, (seen,), PLAIN, memo), Dialect("raven", "gpt-x", facts=facts), streaming=True)

    assert b"raven.png" in wire(ModelFacts())
    assert b"left out" in wire(ModelFacts(takes_images=False))


def test_ids_and_names_of_other_providers_fit_and_stay_apart() -> None:
    long, longer, odd = "tool_" + "x" * 40, "tool_" + "x" * 41, "tool use ü"
    uses = assistant(*(ToolUse(id=given, name="fly away.now", input={}) for given in (long, longer, odd, "call:0.1")))
    results = user(*(ToolResult(tool_use_id=given) for given in (long, longer, odd, "call:0.1")))

    calls, *answers = messages(user(HI), uses, results)[1:]

    ids = [call["id"] for call in calls["tool_calls"]]
    assert [answer["tool_call_id"] for answer in answers] == ids
    assert len(set(ids)) == 4
    assert all(len(given) <= 40 and given.isascii() and " " not in given for given in ids)
    assert ids[3] == "call:0.1"
    assert {call["function"]["name"] for call in calls["tool_calls"]} == {"fly_away_now"}


def test_an_answer_goes_back_without_what_only_its_provider_understands() -> None:
    assert messages(
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


def test_calls_without_text_have_no_content_and_an_empty_message_is_left_out() -> None:
    thought = Thinking(text="Hm.", provider="anthropic", signature="s")

    assert messages(user(HI), assistant(thought), user(Text(""), Text("Well?"))) == [
        {"role": "user", "content": "Hello, raven!"},
        {"role": "user", "content": "Well?"},
    ]
    assert messages(assistant(ToolUse(id="a", name="fly", input={})))[0]["content"] is None


def test_results_follow_their_calls_in_order_and_their_images_come_after_them() -> None:
    results = user(
        ToolResult(tool_use_id="a", content=(Text("One."), Text("Two."))),
        ToolResult(tool_use_id="b", content=(Text("Seen:"), Image(url="https://x.example/raven.png"))),
        ToolResult(tool_use_id="c", content=(Text("Tired."),), is_error=True),
        ToolResult(tool_use_id="d"),
        Text("Go on."),
    )

    assert messages(results) == [
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
