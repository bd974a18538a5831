"""Cache points in requests to Bedrock, and the validity of requests with any history."""

from typing import Any

import msgspec
import pytest
from builders.bedrock import CLAUDE, LLAMA, NOVA, request_body
from builders.messages import HI, assistant, user
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from validators import bedrock, history

from rayconteur.providers.bedrock.dialect import Dialect
from rayconteur.providers.bedrock.model_families import traits_of
from rayconteur.providers.bedrock.requests import body
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Reasoning, Request, Settings, WireMemo
from rayconteur.providers.schema.tools import Tool

MARK = {"cachePoint": {"type": "default"}}
FLY = Tool(name="fly")
USE = ToolUse(id="a", name="fly", input={})
RESULT = ToolResult(tool_use_id="a", content=(HI,))
SIGNED = Thinking(text="Hm.", provider="bedrock", signature="s")


def marked_messages(wire: dict[str, Any]) -> list[int]:
    """The indexes of the messages that end with a cache point."""
    return [index for index, message in enumerate(wire["messages"]) if message["content"][-1] == MARK]


def test_the_system_prompt_the_tools_and_the_history_before_the_turn_are_marked() -> None:
    messages = (user(HI), assistant(HI), user(HI, turn=2))

    wire = request_body(*messages, settings=Settings(system="Be brief.", tools=(FLY,)))

    assert wire["system"][-1] == wire["toolConfig"]["tools"][-1] == MARK
    assert marked_messages(wire) == [1]


def test_the_last_step_of_the_current_turn_is_marked_too() -> None:
    messages = (user(HI), assistant(HI), user(HI, turn=2), assistant(SIGNED, USE, turn=2), user(RESULT, turn=2))

    assert marked_messages(request_body(*messages, settings=Settings())) == [1, 4]


@pytest.mark.parametrize("answer", [assistant(HI, SIGNED), assistant(SIGNED, USE), assistant(SIGNED, HI)])
def test_an_answer_with_thinking_is_not_marked_but_the_message_before_it_is(answer: Message) -> None:
    assert marked_messages(request_body(user(HI), answer, user(HI, turn=2), settings=Settings())) == [0]


@pytest.mark.parametrize(
    "message",
    [
        user(Document(data=b"x", media_type="text/markdown")),
        user(HI, Image(data=b"x", media_type="image/png")),
        user(ToolResult(tool_use_id="a", content=(HI, Document(data=b"x", media_type="text/csv")))),
        user(HI, Text(" ")),
    ],
)
def test_no_mark_follows_a_document_or_an_image(message: Message) -> None:
    assert marked_messages(request_body(message, assistant(SIGNED, HI), user(HI, turn=2), settings=Settings())) == []


@pytest.mark.parametrize(
    ("model", "caches", "tools"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True, True),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0", True, True),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", True, True),
        ("anthropic.claude-3-sonnet-20240229-v1:0", False, False),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", False, False),
        ("anthropic.claude-v2:1", False, False),
        ("us.amazon.nova-micro-v1:0", True, False),
        ("amazon.titan-text-lite-v1", False, False),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", False, False),
    ],
)
def test_only_requests_to_models_that_cache_are_marked(model: str, caches: bool, tools: bool) -> None:
    wire = request_body(settings=Settings(system="Be brief.", tools=(FLY,)), dialect=Dialect(model))

    assert (traits_of(model).caches, traits_of(model).caches_tools) == (caches, tools)
    assert (MARK in wire["system"], MARK in wire["toolConfig"]["tools"]) == (caches, tools)


def test_marks_have_the_time_to_live_that_is_asked_for() -> None:
    wire = request_body(
        user(HI), assistant(HI), user(HI, turn=2), settings=Settings(system="Hi", prompt_cache_ttl="1h")
    )

    long = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert wire["system"][-1] == wire["messages"][1]["content"][-1] == long


@pytest.mark.parametrize(
    ("model", "long"),
    [
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", False),
        ("anthropic.claude-sonnet-4-20250514-v1:0", False),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("global.anthropic.claude-fable-5-1", True),
        ("us.amazon.nova-2-lite-v1:0", False),
    ],
)
def test_claude_since_4_5_keeps_a_cache_for_an_hour(model: str, long: bool) -> None:
    assert traits_of(model).caches_long is long


def test_marks_do_not_enter_the_memo_of_a_message() -> None:
    memo = WireMemo()
    first = [user(HI), assistant(HI), user(HI, turn=2)]
    body(Request(1, first, Settings(), memo), CLAUDE)
    later = [*first, assistant(HI, turn=2), user(HI, turn=3)]

    wire = msgspec.json.decode(body(Request(2, later, Settings(), memo), CLAUDE), type=dict[str, Any])

    assert marked_messages(wire) == [3]


texts = st.sampled_from(["hi", " ", "\n", "a raven"]).map(Text)
names = st.sampled_from([None, "a", "a/b_c", "two  spaces", "ü" * 300])
documents = st.builds(
    Document, data=st.just(b"x"), media_type=st.sampled_from(["text/csv", "application/pdf", "x/y"]), name=names
)
images = st.builds(Image, data=st.just(b"x"), media_type=st.sampled_from(["image/png", "image/tiff"])) | st.builds(
    Image, url=st.sampled_from(["https://x.example/a.png", "s3://birds/a.png", "s3://birds/a"])
)
media = texts | documents | images
providers = st.sampled_from(["bedrock", "anthropic", "google"])
thoughts = st.builds(Thinking, text=st.just("hm"), provider=providers, signature=st.sampled_from([None, "cw=="]))
server_tool_use = b'{"toolUse":{"toolUseId":"s","name":"search","input":{},"type":"server_tool_use"}}'
opaque = st.builds(Opaque, provider=providers, type=st.just("server_tool_use"), json=st.just(server_tool_use))
answer_blocks = st.lists(thoughts | texts | opaque, min_size=1, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Histories with blocks of any provider; the last message is the user's."""
    messages: list[Message] = []
    number = 0
    for turn in range(1, draw(st.integers(1, 4)) + 1):
        messages.append(user(*draw(st.lists(media, min_size=1, max_size=4)), Text("so?"), turn=turn))
        for _ in range(draw(st.integers(0, 2))):
            ids = [f"{draw(st.sampled_from(['call', 'look:', 'x' * 70]))}{number + offset}" for offset in range(2)]
            number += 2
            uses: list[Block] = [
                ToolUse(id=use_id, name=draw(st.sampled_from(["fly", "a.b"])), input={}) for use_id in ids
            ]
            messages.append(assistant(*draw(answer_blocks), *uses, turn=turn))
            results = [
                ToolResult(tool_use_id=use_id, content=tuple(draw(st.lists(media, max_size=2)))) for use_id in ids
            ]
            messages.append(user(*results, turn=turn))
        messages.append(assistant(*draw(answer_blocks), Text("so."), turn=turn))
    return messages[:-1]


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    histories(),
    st.sampled_from([CLAUDE, NOVA, LLAMA, Dialect("x.y", ModelFacts(uses_tools=False, takes_images=False))]),
    st.builds(Settings, tools=st.sampled_from([(), (FLY,)]), system=st.sampled_from([None, " ", "Be brief."])),
    st.booleans(),
)
def test_every_history_makes_a_valid_request(
    messages: list[Message], dialect: Dialect, settings: Settings, thinking: bool
) -> None:
    assert history.violations(messages) == []
    if thinking and dialect is CLAUDE:
        settings = msgspec.structs.replace(settings, thinking=Reasoning(budget_tokens=2_000))

    assert bedrock.violations(request_body(*messages, settings=settings, dialect=dialect), dialect.model) == []
