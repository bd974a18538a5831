"""Requests to Converse and ConverseStream."""

from typing import Any

import msgspec
import pytest
from builders.bedrock import CLAUDE, HI, PLAIN, assistant, blocks, sent, user

from rayconteur.providers.bedrock.content import check_media_counts
from rayconteur.providers.bedrock.requests import Dialect, body, path
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import UnsupportedContent
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Request, Settings, WireMemo


def test_a_plain_request_has_what_the_api_asks_for_and_no_more() -> None:
    assert sent() == {"messages": [{"role": "user", "content": [{"text": "Hello, raven!"}]}]}


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("anthropic.claude-v3:0", "/model/anthropic.claude-v3%3A0/converse"),
        ("arn:aws:bedrock:a:1:profile/x", "/model/arn%3Aaws%3Abedrock%3Aa%3A1%3Aprofile%2Fx/converse"),
    ],
)
def test_any_id_has_its_place_in_the_path(model: str, target: str) -> None:
    assert path(model, streaming=False) == target
    assert path(model, streaming=True) == f"{target}-stream"


def test_media_go_in_base64_or_by_their_place_in_s3() -> None:
    assert blocks(
        Image(data=b"png!", media_type="image/png"),
        Image(url="s3://birds/raven.jpg"),
        HI,
        Document(data=b"pdf!", media_type="application/pdf", name="My/Ravens_2024.pdf", cite=True),
        Document(url="s3://birds/list", media_type="text/csv"),
    ) == [
        {"image": {"format": "png", "source": {"bytes": "cG5nIQ=="}}},
        {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://birds/raven.jpg"}}}},
        {"text": "Hello, raven!"},
        {
            "document": {
                "format": "pdf",
                "name": "Ravens 2024 pdf",
                "source": {"bytes": "cGRmIQ=="},
                "citations": {"enabled": True},
            }
        },
        {"document": {"format": "csv", "name": "document", "source": {"s3Location": {"uri": "s3://birds/list"}}}},
    ]


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (Image(url="https://x.example/raven.png"), "s3://"),
        (Image(url="s3://birds/raven"), "media_type"),
        (Image(data=b"x", media_type="image/bmp"), "not image/bmp"),
        (Image(data=b"x" * 3_750_001, media_type="image/png"), "up to 3,750,000"),
        (Document(data=b"x" * 4_500_001, media_type="application/pdf"), "up to 4,500,000"),
        (Document(data=b"x", media_type="application/zip"), "not application/zip"),
    ],
)
def test_media_that_are_not_taken_are_refused_and_noted_in_a_history(block: Image | Document, says: str) -> None:
    with pytest.raises(UnsupportedContent, match=says):
        CLAUDE.media.check((block,))

    [note] = blocks(block)
    assert says in note["text"]


def test_more_images_or_documents_than_a_message_may_hold_are_refused_and_noted_in_a_history() -> None:
    pages = tuple(Document(data=b"x", media_type="text/plain", name=f"page {number}") for number in range(6))

    with pytest.raises(UnsupportedContent, match="5 documents in a message, not 6"):
        check_media_counts((HI, ToolResult(tool_use_id="a", content=pages)))

    wire = blocks(HI, *pages)
    assert ["document" in block for block in wire] == [False, *[True] * 5, False]
    assert "no more" in wire[-1]["text"]


def test_documents_have_names_of_their_own_in_the_whole_request_and_a_text_beside_them() -> None:
    page = Document(data=b"x", media_type="text/plain", name="page")
    memo = WireMemo()
    first = [user(page), assistant(HI)]
    body(Request(1, first, PLAIN, memo), CLAUDE)
    later = [*first, user(HI, page, page), assistant(HI), user(Document(data=b"x", media_type="text/plain"))]

    wire = msgspec.json.decode(body(Request(2, later, PLAIN, memo), CLAUDE), type=dict[str, Any])

    contents = [message["content"] for message in wire["messages"]]
    names = [block["document"]["name"] for blocks in contents for block in blocks if "document" in block]
    assert names == ["page", "page (2)", "page (3)", "document"]
    assert contents[0][1].keys() == contents[4][1].keys() == {"text"}


def test_signed_thinking_and_opaque_blocks_go_back_to_bedrock_as_they_came() -> None:
    served = b'{"toolUse":{"name":"search","toolUseId":"a","type":"server_tool_use","input":{}}}'

    assert sent(
        user(HI),
        assistant(
            Thinking(text="Hm.", provider="bedrock", signature="s"),
            Thinking(text="", provider="bedrock", signature="aGlkZGVu", redacted=True),
            Opaque(provider="bedrock", type="server_tool_use", json=served),
            Opaque(provider="bedrock", type="image", json=b'{"image":{}}'),
        ),
    )["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "aGlkZGVu"}},
        msgspec.json.decode(served),
    ]


def test_what_means_nothing_to_bedrock_is_left_out() -> None:
    assert blocks(
        Thinking(text="Hm.", provider="anthropic", signature="s"),
        Thinking(text="Not signed.", provider="bedrock"),
        Opaque(provider="google", type="grounding", json=b"{}"),
        Text(" \n"),
        Text("Said."),
    ) == [{"text": "Said."}]


def test_a_tool_use_and_its_result_keep_together_whoever_made_the_id() -> None:
    ids = ["x" * 65, "x" * 66, "functions.fly:0", ""]
    uses = [ToolUse(id=made, name="fly/far", input={"far": True}) for made in ids]
    results = [ToolResult(tool_use_id=made, content=(Image(data=b"x", media_type="image/png"),)) for made in ids]

    _, asked, answered = sent(user(HI), assistant(*uses), user(*results))["messages"]

    made = [block["toolUse"]["toolUseId"] for block in asked["content"]]
    assert made == [block["toolResult"]["toolUseId"] for block in answered["content"]]
    assert len(set(made)) == 4
    assert answered["content"][0]["toolResult"]["content"] == [
        {"image": {"format": "png", "source": {"bytes": "eA=="}}}
    ]


def test_a_result_says_that_it_is_an_error_and_is_never_empty() -> None:
    assert blocks(
        ToolResult(tool_use_id="a", content=(Text("Tired."),), is_error=True), ToolResult(tool_use_id="b")
    ) == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "Tired."}], "status": "error"}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": "(nothing)"}]}},
    ]


def test_tools_that_were_used_are_told_though_none_are_offered_now() -> None:
    history = (user(HI), assistant(ToolUse(id="a", name="fly", input={})), user(ToolResult(tool_use_id="a")))

    [tool] = sent(*history)["toolConfig"]["tools"]

    assert tool["toolSpec"]["name"] == "fly"


def test_a_tool_that_the_provider_ran_is_told_by_its_name() -> None:
    served = b'{"toolUse":{"name":"nova_grounding","toolUseId":"a","type":"server_tool_use","input":{}}}'
    answered = assistant(Opaque(provider="bedrock", type="server_tool_use", json=served), Text("So."))

    assert sent(user(HI), answered, user(HI))["toolConfig"] == {"tools": [{"systemTool": {"name": "nova_grounding"}}]}


def test_a_model_without_tools_is_told_in_words_what_they_did() -> None:
    dialect = Dialect("x.y", ModelFacts(uses_tools=False))
    history = (
        user(HI),
        assistant(ToolUse(id="a", name="fly", input={"far": True})),
        user(ToolResult(tool_use_id="a", content=(Text("There."),))),
    )

    wire = sent(*history, dialect=dialect)

    assert "toolConfig" not in wire
    assert [block for message in wire["messages"][1:] for block in message["content"]] == [
        {"text": '[Asked for fly with {"far":true}]'},
        {"text": "[This came back:]"},
        {"text": "There."},
    ]


@pytest.mark.parametrize(("thought", "asked"), [("bedrock", True), ("anthropic", False)])
def test_an_answer_goes_on_thinking_after_a_tool_only_if_it_began_so(thought: str, asked: bool) -> None:
    thinking = Thinking(text="Hm.", provider=thought, signature="s")
    use = ToolUse(id="a", name="fly", input={})

    wire = sent(
        user(HI),
        assistant(thinking, use),
        user(ToolResult(tool_use_id="a")),
        settings=Settings(thinking=Reasoning(budget_tokens=2_000)),
    )

    assert ("thinking" in wire["additionalModelRequestFields"]) is asked


def test_neighbours_of_one_role_are_one_message_and_none_is_empty() -> None:
    foreign = Thinking(text="Hm.", provider="openai", signature="s")

    assert sent(user(Text("One.")), user(Text("Two.")), assistant(foreign), user(Text("Three.")))["messages"] == [
        {"role": "user", "content": [{"text": said} for said in ("One.", "Two.", "Three.")]}
    ]
