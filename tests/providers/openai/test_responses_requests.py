"""Requests to OpenAI's Responses API."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from builders.chat import PLAIN
from builders.messages import HI, assistant, user

from rayconteur.providers.openai.config import ReasoningOptions
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses.requests import body, check_settings
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.request import Reasoning, Request, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice

FLY = Tool(name="fly", description="Fly there.", input_schema={"type": "object", "properties": {}})
OURS = Dialect("raven", "gpt-x", api="responses")
THEIRS = Dialect("raven", "gpt-oss", own=False, api="responses")
SEALED = '{"id":"rs_1","encrypted_content":"gAAA"}'
URL = "https://x.example/raven.pdf"


def request_body(
    *messages: Message, settings: Settings = PLAIN, streaming: bool = True, dialect: Dialect = OURS
) -> dict[str, Any]:
    request = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(request, dialect, streaming), type=dict[str, Any])


def wire_items(*messages: Message, dialect: Dialect = OURS) -> list[Any]:
    """*messages* as they are in the body of a request."""
    return list(request_body(*messages, dialect=dialect)["input"])


def test_a_plain_request_has_only_the_required_members_and_stores_nothing() -> None:
    assert request_body(streaming=False) == {
        "model": "gpt-x",
        "stream": False,
        "store": False,
        "input": [{"role": "user", "content": "Hello, raven!"}],
    }


def test_every_setting_is_sent_as_the_api_names_it() -> None:
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

    assert request_body(settings=settings) == {
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


def test_encrypted_thinking_is_requested_from_models_known_to_think() -> None:
    thinks = Dialect("raven", "gpt-x", facts=ModelFacts(thinks=True), api="responses")

    assert request_body(dialect=thinks)["include"] == ["reasoning.encrypted_content"]
    assert "reasoning" not in request_body(dialect=thinks)


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
def test_settings_that_the_api_or_the_model_lacks_are_errors_that_name_the_field(
    settings: Settings, field: str
) -> None:
    simple = ModelFacts(uses_tools=False, thinks=False, fits_schemas=False)

    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, Dialect("raven", "gpt-x", facts=simple, api="responses"))

    assert raised.value.field == field


def test_an_answer_is_sent_back_item_by_item_without_blocks_of_other_providers() -> None:
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

    assert wire_items(user(HI), answer)[1:] == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "gAAA"},
        searched,
        {"role": "assistant", "content": "Caw.", "phase": "commentary"},
        {"role": "assistant", "content": "Caw!"},
        {"type": "function_call", "call_id": "a", "name": "fly", "arguments": '{"far":true}'},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
        {"type": "function_call", "call_id": "b", "name": "fly", "arguments": '{"INVALID_JSON":"{far"}'},
    ]


@pytest.mark.parametrize("signature", [None, "", "EpgB-of-another-api", '{"id":"rs_1"}', "\ud83d"])
def test_thinking_that_this_api_did_not_encrypt_is_omitted(signature: str | None) -> None:
    answer = assistant(Thinking(text="Hm.", provider="raven", signature=signature), Text("Caw."))

    assert wire_items(user(HI), answer)[1:] == [{"role": "assistant", "content": "Caw."}]


def test_thinking_and_opaque_items_of_another_source_are_omitted() -> None:
    content = (
        Thinking(text="Hm.", provider="raven", signature=SEALED),
        Opaque(provider="raven", type="compaction", json=b'{"type":"compaction","encrypted_content":"gAAA"}'),
        Opaque(provider="raven", type="message", json=b'{"phase":"final_answer"}'),
        Text("Caw."),
    )
    ours, other = (
        msgspec.structs.replace(assistant(*content), origin=Origin(source=source)) for source in ("here", "there")
    )
    dialect = replace(OURS, source="here")

    assert [item.get("type") for item in wire_items(user(HI), ours, dialect=dialect)[1:]] == [
        "reasoning",
        "compaction",
        None,
    ]
    assert wire_items(user(HI), other, dialect=dialect)[1:] == [
        {"role": "assistant", "content": "Caw.", "phase": "final_answer"}
    ]


@pytest.mark.parametrize(
    ("thinking", "options", "reasoning"),
    [
        (Reasoning(effort="low"), ReasoningOptions(), {"effort": "low", "summary": "auto"}),
        (Reasoning(effort="low", show=False), ReasoningOptions(), {"effort": "low"}),
        (Reasoning(effort="none"), ReasoningOptions(), {"effort": "none"}),
        (Reasoning(), ReasoningOptions(summary="detailed"), {"summary": "detailed"}),
        (None, ReasoningOptions(summary="concise"), {"summary": "concise"}),
        (None, ReasoningOptions(context="all_turns", mode="pro"), {"context": "all_turns", "mode": "pro"}),
        (None, ReasoningOptions(), None),
    ],
)
def test_thinking_is_requested_and_shown_as_asked(
    thinking: Reasoning | None, options: ReasoningOptions, reasoning: dict[str, str] | None
) -> None:
    dialect = replace(OURS, model="gpt-6-luna", reasoning=options)

    assert request_body(settings=Settings(thinking=thinking), dialect=dialect).get("reasoning") == reasoning


def test_a_model_that_does_not_think_is_sent_no_effort_and_asked_for_no_thinking() -> None:
    wire = request_body(settings=Settings(thinking=Reasoning(effort="none")), dialect=replace(OURS, model="gpt-4o"))

    assert "reasoning" not in wire
    assert "include" not in wire


def test_other_servers_get_the_ids_of_reasoning_items() -> None:
    answer = assistant(Thinking(text="", provider="raven", signature=SEALED), Text("Caw."))

    assert wire_items(user(HI), answer, dialect=THEIRS)[1]["id"] == "rs_1"


def test_thinking_at_the_end_of_an_answer_is_omitted() -> None:
    thought = Thinking(text="Hm.", provider="raven", signature=SEALED)

    assert wire_items(user(HI), assistant(thought), user(HI)) == wire_items(user(HI), user(HI))
    assert len(wire_items(user(HI), assistant(Text("Caw."), thought, thought))) == 2


def test_media_are_sent_by_url_or_in_data_urls() -> None:
    message = user(
        HI,
        Image(url="https://x.example/raven.png"),
        Image(data=b"png!", media_type="image/png"),
        Document(url=URL, name="raven.pdf"),
        Document(data=b"pdf!", media_type="application/pdf", name="raven.pdf"),
    )

    assert wire_items(message) == [
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


def test_results_may_have_images_and_errors_say_so_in_their_text() -> None:
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

    *outputs, rest = wire_items(results)

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
def test_unsupported_media_are_rejected_from_a_driver_and_noted_in_a_history(
    block: Image | Document, problem: str
) -> None:
    result = ToolResult(tool_use_id="a", content=(block,))

    with pytest.raises(UnsupportedContent, match=problem):
        OURS.media.check((HI, result))
    assert problem in wire_items(user(result))[0]["output"]
    assert problem in wire_items(user(block))[0]["content"]


def test_ids_and_names_of_other_providers_are_replaced_and_stay_distinct() -> None:
    foreign_ids = ["tool_" + "x" * 70, "tool_" + "x" * 71, "tool use ü", "call_" + "y" * 59]

    uses = assistant(*(ToolUse(id=call_id, name="fly away.now", input={}) for call_id in foreign_ids))
    calls = wire_items(user(HI), uses, user(*(ToolResult(tool_use_id=call_id) for call_id in foreign_ids)))[1:]

    ids = [call["call_id"] for call in calls[:4]]
    assert [output["call_id"] for output in calls[4:]] == ids
    assert len(set(ids)) == 4
    assert all(len(one) <= 64 and one.isascii() for one in ids)
    assert ids[3] == foreign_ids[3]
    assert {call["name"] for call in calls[:4]} == {"fly_away_now"}


def test_empty_messages_are_omitted() -> None:
    assert wire_items(user(HI), assistant(Text("")), user(Text(""), Text("Well?"))) == [
        {"role": "user", "content": "Hello, raven!"},
        {"role": "user", "content": "Well?"},
    ]
