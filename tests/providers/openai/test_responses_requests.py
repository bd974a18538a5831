"""Requests to the Responses API."""

from typing import Any

import msgspec
import pytest
from builders.chat import HI, PLAIN, assistant, user

from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses.requests import body, check_settings
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Reasoning, Request, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice

FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})
OURS = Dialect("raven", "gpt-x", api="responses")
THEIRS = Dialect("raven", "gpt-oss", own=False, api="responses")
SEALED = '{"id":"rs_1","encrypted_content":"gAAA"}'
URL = "https://x.example/raven.pdf"


def sent(
    *messages: Message, settings: Settings = PLAIN, streaming: bool = True, dialect: Dialect = OURS
) -> dict[str, Any]:
    asked = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(asked, dialect, streaming), type=dict[str, Any])


def items(*given: Message, dialect: Dialect = OURS) -> list[Any]:
    """*given* on the wire."""
    return list(sent(*given, dialect=dialect)["input"])


def test_a_plain_request_stores_nothing_and_has_no_more_than_the_api_asks_for() -> None:
    assert sent(streaming=False) == {
        "model": "gpt-x",
        "stream": False,
        "store": False,
        "input": [{"role": "user", "content": "Hello, raven!"}],
    }


def test_every_setting_has_its_place() -> None:
    settings = Settings(
        system="Be brief.",
        max_output_tokens=4_000,
        tools=(FLY,),
        tool_choice=ToolChoice(mode="tool", name="fly", parallel=False),
        temperature=0.5,
        top_p=0.9,
        thinking=Reasoning(effort="low"),
        output_schema={"type": "object"},
    )

    assert sent(settings=settings) == {
        "model": "gpt-x",
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "instructions": "Be brief.",
        "max_output_tokens": 4_000,
        "tools": [
            {
                "type": "function",
                "name": "fly",
                "description": "Fly there.",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            }
        ],
        "tool_choice": {"type": "function", "name": "fly"},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {
            "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": False},
        },
        "input": [{"role": "user", "content": "Hello, raven!"}],
    }


def test_sealed_thinking_is_asked_for_where_the_model_is_known_to_think() -> None:
    thinks = Dialect("raven", "gpt-x", facts=ModelFacts(thinks=True), api="responses")

    assert sent(dialect=thinks)["include"] == ["reasoning.encrypted_content"]
    assert "reasoning" not in sent(dialect=thinks)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings(top_k=5), "top_k"),
        (Settings(frequency_penalty=0.5), "frequency_penalty"),
        (Settings(presence_penalty=0.5), "presence_penalty"),
        (Settings(seed=5), "seed"),
        (Settings(stop_sequences=("END",)), "stop_sequences"),
        (Settings(max_output_tokens=15), "max_output_tokens"),
        (Settings(thinking=Reasoning(budget_tokens=2_000)), "thinking.budget_tokens"),
        (Settings(tools=(Tool(name="fly.away"),)), "tools[0].name"),
        (Settings(tools=(FLY,)), "tools"),
        (Settings(thinking=Reasoning(effort="low")), "thinking"),
        (Settings(output_schema={}), "output_schema"),
    ],
)
def test_what_the_api_or_the_model_has_not_is_refused_by_its_field(settings: Settings, field: str) -> None:
    simple = ModelFacts(uses_tools=False, thinks=False, fits_schemas=False)

    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, Dialect("raven", "gpt-x", facts=simple, api="responses"))

    assert raised.value.field == field


def test_an_answer_goes_back_item_by_item_without_what_another_made() -> None:
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    answer = assistant(
        Thinking(text="Hm.", provider="anthropic", signature="s"),
        Thinking(text="Hm.", provider="crow", signature=SEALED),
        Thinking(text="Hm.", provider="raven", signature=SEALED),
        Opaque(provider="raven", type="web_search_call", json=msgspec.json.encode(searched)),
        Opaque(provider="anthropic", type="server_tool_use", json=b"{}"),
        Opaque(provider="raven", type="message", json=b'{"phase":"commentary"}'),
        Text("Caw."),
        Text("Caw!"),
        ToolUse(id="a", name="fly", input={"far": True}),
        Thinking(text="", provider="raven", signature=SEALED),
        ToolUse(id="b", name="fly", input={"INVALID_JSON": "{far"}, malformed="{far"),
    )

    assert items(user(HI), answer)[1:] == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gAAA"},
        searched,
        {"role": "assistant", "content": "Caw.", "phase": "commentary"},
        {"role": "assistant", "content": "Caw!"},
        {"type": "function_call", "call_id": "a", "name": "fly", "arguments": '{"far":true}'},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
        {"type": "function_call", "call_id": "b", "name": "fly", "arguments": '{"INVALID_JSON":"{far"}'},
    ]


@pytest.mark.parametrize("signature", [None, "", "EpgB-of-another-api", '{"id":"rs_1"}', "\ud83d"])
def test_thinking_that_is_not_sealed_by_this_api_is_left_out(signature: str | None) -> None:
    answer = assistant(Thinking(text="Hm.", provider="raven", signature=signature), Text("Caw."))

    assert items(user(HI), answer)[1:] == [{"role": "assistant", "content": "Caw."}]


def test_other_servers_are_given_the_id_of_a_reasoning_item() -> None:
    answer = assistant(Thinking(text="", provider="raven", signature=SEALED), Text("Caw."))

    assert items(user(HI), answer, dialect=THEIRS)[1]["id"] == "rs_1"


def test_thinking_that_led_to_nothing_is_left_out() -> None:
    thought = Thinking(text="Hm.", provider="raven", signature=SEALED)

    assert items(user(HI), assistant(thought), user(HI)) == items(user(HI), user(HI))
    assert len(items(user(HI), assistant(Text("Caw."), thought, thought))) == 2


def test_media_go_by_url_or_in_data_urls() -> None:
    said = user(
        HI,
        Image(url="https://x.example/raven.png"),
        Image(data=b"png!", media_type="image/png"),
        Document(url=URL, name="raven.pdf"),
        Document(data=b"pdf!", media_type="application/pdf", name="raven.pdf"),
    )

    assert items(said) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Hello, raven!"},
                {"type": "input_image", "image_url": "https://x.example/raven.png"},
                {"type": "input_image", "image_url": "data:image/png;base64,cG5nIQ=="},
                {"type": "input_file", "file_url": URL},
                {"type": "input_file", "filename": "raven.pdf", "file_data": "data:application/pdf;base64,cGRmIQ=="},
            ],
        }
    ]


def test_results_may_hold_images_and_an_error_says_so() -> None:
    picture = Image(url="https://x.example/raven.png")
    shown = {"type": "input_image", "image_url": "https://x.example/raven.png"}
    results = user(
        ToolResult(tool_use_id="a", content=(Text("One."), Text("Two."))),
        ToolResult(tool_use_id="b", content=(Text("Seen:"), picture)),
        ToolResult(tool_use_id="c", content=(Text("Tired."),), is_error=True),
        ToolResult(tool_use_id="d", content=(picture,), is_error=True),
        ToolResult(tool_use_id="e", is_error=True),
        ToolResult(tool_use_id="f"),
        Text("Go on."),
    )

    *outputs, rest = items(results)

    assert [(output["type"], output["call_id"]) for output in outputs] == [
        ("function_call_output", call_id) for call_id in "abcdef"
    ]
    assert [output["output"] for output in outputs] == [
        "One.\nTwo.",
        [{"type": "input_text", "text": "Seen:"}, shown],
        "Error: Tired.",
        [{"type": "input_text", "text": "Error:"}, shown],
        "Error",
        "",
    ]
    assert rest == {"role": "user", "content": "Go on."}


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (Document(data=b"x", media_type="audio/mpeg"), "not audio/mpeg"),
        (Document(data=b"x" * 50_000_001, media_type="application/pdf"), "50,000,000 bytes"),
        (Image(data=b"x", media_type="image/svg+xml"), "not image/svg"),
    ],
)
def test_what_is_not_taken_is_refused_from_a_driver_and_noted_in_a_history(
    block: Image | Document, problem: str
) -> None:
    result = ToolResult(tool_use_id="a", content=(block,))

    with pytest.raises(UnsupportedContent, match=problem):
        OURS.media.check((HI, result))
    assert problem in items(user(result))[0]["output"]
    assert problem in items(user(block))[0]["content"]


def test_ids_and_names_of_other_providers_fit_and_stay_apart() -> None:
    given = ["tool_" + "x" * 70, "tool_" + "x" * 71, "tool use ü", "call_" + "y" * 59]

    uses = assistant(*(ToolUse(id=one, name="fly away.now", input={}) for one in given))
    calls = items(user(HI), uses, user(*(ToolResult(tool_use_id=one) for one in given)))[1:]

    ids = [call["call_id"] for call in calls[:4]]
    assert [output["call_id"] for output in calls[4:]] == ids
    assert len(set(ids)) == 4
    assert all(len(one) <= 64 and one.isascii() for one in ids)
    assert ids[3] == given[3]
    assert {call["name"] for call in calls[:4]} == {"fly_away_now"}


def test_what_is_empty_is_left_out() -> None:
    assert items(user(HI), assistant(Text("")), user(Text(""), Text("Well?"))) == [
        {"role": "user", "content": "Hello, raven!"},
        {"role": "user", "content": "Well?"},
    ]
