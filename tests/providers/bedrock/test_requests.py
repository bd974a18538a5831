"""Requests to Converse and ConverseStream."""

from typing import Any

import msgspec
import pytest
from builders.bedrock import CLAUDE, NOVA, PLAIN, request_body, wire_blocks
from builders.messages import HI, assistant, user

from rayconteur.providers.bedrock.content import check_citations, check_media_counts
from rayconteur.providers.bedrock.dialect import Dialect
from rayconteur.providers.bedrock.requests import body, path
from rayconteur.providers.schema.content import Citation, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import UnsupportedContent
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Origin
from rayconteur.providers.schema.request import Reasoning, Request, Settings, WireMemo


def test_a_plain_request_has_only_the_required_members() -> None:
    assert request_body() == {"messages": [{"role": "user", "content": [{"text": "Hello, raven!"}]}]}


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("anthropic.claude-v3:0", "/model/anthropic.claude-v3%3A0/converse"),
        ("arn:aws:bedrock:a:1:profile/x", "/model/arn%3Aaws%3Abedrock%3Aa%3A1%3Aprofile%2Fx/converse"),
    ],
)
def test_any_model_id_is_escaped_in_the_path(model: str, target: str) -> None:
    assert path(model, streaming=False) == target
    assert path(model, streaming=True) == f"{target}-stream"


def test_media_are_sent_in_base64_or_by_their_s3_url() -> None:
    assert wire_blocks(
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


def test_plain_text_that_is_to_be_cited_is_sent_as_text() -> None:
    text = Document(data="Räven fly.".encode(), media_type="text/plain", name="facts", cite=True)
    broken = Document(data=b"\xff", media_type="text/plain", cite=True)

    assert [block["document"]["source"] for block in wire_blocks(HI, text, broken)[1:]] == [
        {"text": "Räven fly."},
        {"bytes": "/w=="},
    ]


def test_a_model_that_does_not_cite_is_asked_for_no_citations() -> None:
    page = Document(data=b"x", media_type="text/plain", cite=True)

    with pytest.raises(UnsupportedContent, match="does not cite"):
        check_citations((page,), NOVA.model, NOVA.traits)
    check_citations((page,), CLAUDE.model, CLAUDE.traits)

    assert "citations" not in wire_blocks(HI, page, dialect=NOVA)[1]["document"]


def test_cited_text_goes_back_with_its_citations_to_the_model_that_cited() -> None:
    original = Opaque(provider="bedrock", type="citation", json=b'{"title":"facts","location":{}}')
    foreign = Opaque(provider="anthropic", type="citation", json=b"{}")
    cited = Text("They fly.", citations=(Citation(title="facts", original=original), Citation(original=foreign)))
    message = msgspec.structs.replace(assistant(cited), origin=Origin(source="s1"))

    def sent_to(source: str) -> Any:
        return request_body(user(HI), message, dialect=Dialect(CLAUDE.model, source=source))["messages"][1]["content"]

    assert sent_to("s1") == [
        {
            "citationsContent": {
                "content": [{"text": "They fly."}],
                "citations": [{"title": "facts", "location": {}}],
            }
        }
    ]
    assert sent_to("s2") == [{"text": "They fly."}]


def test_thinking_and_opaque_blocks_go_back_only_to_the_model_and_endpoint_that_made_them() -> None:
    content = (
        Thinking(text="", provider="bedrock", signature="s"),
        Opaque(provider="bedrock", type="server_tool_use", json=b'{"toolUse":{"name":"x","toolUseId":"a"}}'),
        Text("So."),
    )
    message = msgspec.structs.replace(assistant(*content), origin=Origin(source="s1"))

    def sent_to(source: str) -> list[str]:
        wire = request_body(user(HI), message, user(HI, turn=2), dialect=Dialect(CLAUDE.model, source=source))
        return [next(iter(block)) for block in wire["messages"][1]["content"]]

    assert sent_to("s1") == ["reasoningContent", "toolUse", "text"]
    assert sent_to("s2") == ["text"]


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (Image(url="https://x.example/raven.png"), "s3://"),
        (Image(url="s3://birds/raven"), "media_type"),
        (Image(data=b"x", media_type="image/bmp"), "not image/bmp"),
        (Image(data=b"x" * 3_750_001, media_type="image/png"), "up to 3,750,000"),
        (Document(data=b"x" * 4_500_001, media_type="application/pdf"), "up to 4,500,000"),
        (Document(data=b"x", media_type="application/zip"), "not application/zip"),
    ],
)
def test_unsupported_media_are_rejected_from_a_driver_and_noted_in_a_history(
    block: Image | Document, problem: str
) -> None:
    with pytest.raises(UnsupportedContent, match=problem):
        CLAUDE.media.check((block,))

    [note] = wire_blocks(block)
    assert problem in note["text"]


def test_too_many_images_or_documents_are_rejected_from_a_driver_and_noted_in_a_history() -> None:
    pages = tuple(Document(data=b"x", media_type="text/plain", name=f"page {number}") for number in range(6))

    with pytest.raises(UnsupportedContent, match="5 documents in a message, not 6"):
        check_media_counts((HI, ToolResult(tool_use_id="a", content=pages)))

    wire = wire_blocks(HI, *pages)
    assert ["document" in block for block in wire] == [False, *[True] * 5, False]
    assert "no more" in wire[-1]["text"]


def test_documents_have_unique_names_in_the_request_and_a_text_beside_them() -> None:
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


def test_signed_thinking_and_opaque_blocks_are_sent_back_unchanged() -> None:
    server_tool_use = b'{"toolUse":{"name":"search","toolUseId":"a","type":"server_tool_use","input":{}}}'

    assert request_body(
        user(HI),
        assistant(
            Thinking(text="Hm.", provider="bedrock", signature="s"),
            Thinking(text="", provider="bedrock", signature="aGlkZGVu", redacted=True),
            Opaque(provider="bedrock", type="server_tool_use", json=server_tool_use),
            Opaque(provider="bedrock", type="image", json=b'{"image":{}}'),
        ),
    )["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "aGlkZGVu"}},
        msgspec.json.decode(server_tool_use),
    ]


def test_blocks_of_other_providers_are_omitted() -> None:
    assert wire_blocks(
        Thinking(text="Hm.", provider="anthropic", signature="s"),
        Thinking(text="Not signed.", provider="bedrock"),
        Opaque(provider="google", type="grounding", json=b"{}"),
        Text(" \n"),
        Text("Said."),
    ) == [{"text": "Said."}]


def test_a_tool_use_and_its_result_keep_matching_ids_in_any_provider_s_form() -> None:
    ids = ["x" * 65, "x" * 66, "functions.fly:0", ""]
    uses = [ToolUse(id=use_id, name="fly/far", input={"far": True}) for use_id in ids]
    results = [ToolResult(tool_use_id=use_id, content=(Image(data=b"x", media_type="image/png"),)) for use_id in ids]

    _, calls, results_message = request_body(user(HI), assistant(*uses), user(*results))["messages"]

    sent_ids = [block["toolUse"]["toolUseId"] for block in calls["content"]]
    assert sent_ids == [block["toolResult"]["toolUseId"] for block in results_message["content"]]
    assert len(set(sent_ids)) == 4
    assert results_message["content"][0]["toolResult"]["content"] == [
        {"image": {"format": "png", "source": {"bytes": "eA=="}}}
    ]


def test_a_result_has_its_error_status_and_is_never_empty() -> None:
    assert wire_blocks(
        ToolResult(tool_use_id="a", content=(Text("Tired."),), is_error=True), ToolResult(tool_use_id="b")
    ) == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "Tired."}], "status": "error"}},
        {"toolResult": {"toolUseId": "b", "content": [{"text": "(nothing)"}]}},
    ]


def test_a_structured_result_is_sent_as_json_with_its_media() -> None:
    picture = Image(data=b"x", media_type="image/png")
    result = ToolResult(tool_use_id="a", content=(Text("in words"), picture), structured={"sky": "clear"})

    assert wire_blocks(result)[0]["toolResult"]["content"] == [
        {"json": {"sky": "clear"}},
        {"image": {"format": "png", "source": {"bytes": "eA=="}}},
    ]


def test_palmyra_gets_no_status_of_a_result() -> None:
    result = ToolResult(tool_use_id="a", content=(Text("Tired."),), is_error=True)

    assert "status" not in wire_blocks(result, dialect=Dialect("us.writer.palmyra-x5-v1:0"))[0]["toolResult"]


def test_tools_used_in_the_history_are_declared_if_the_settings_have_none() -> None:
    history = (user(HI), assistant(ToolUse(id="a", name="fly", input={})), user(ToolResult(tool_use_id="a")))

    [tool] = request_body(*history)["toolConfig"]["tools"]

    assert tool["toolSpec"]["name"] == "fly"


def test_a_tool_that_the_provider_ran_is_declared_by_name() -> None:
    server_tool_use = b'{"toolUse":{"name":"nova_grounding","toolUseId":"a","type":"server_tool_use","input":{}}}'
    answer = assistant(Opaque(provider="bedrock", type="server_tool_use", json=server_tool_use), Text("So."))

    assert request_body(user(HI), answer, user(HI))["toolConfig"] == {
        "tools": [{"systemTool": {"name": "nova_grounding"}}]
    }


def test_a_tool_that_another_model_ran_is_not_declared() -> None:
    server_tool_use = b'{"toolUse":{"name":"nova_grounding","toolUseId":"a","type":"server_tool_use","input":{}}}'
    answer = assistant(Opaque(provider="bedrock", type="server_tool_use", json=server_tool_use), Text("So."))
    history = (user(HI), msgspec.structs.replace(answer, origin=Origin(source="nova")), user(HI, turn=2))

    wire = request_body(*history, dialect=Dialect(CLAUDE.model, source="claude"))

    assert "toolConfig" not in wire
    assert wire["messages"][1]["content"] == [{"text": "So."}]


def test_tool_uses_become_text_for_a_model_without_tools() -> None:
    dialect = Dialect("x.y", ModelFacts(uses_tools=False))
    history = (
        user(HI),
        assistant(ToolUse(id="a", name="fly", input={"far": True})),
        user(ToolResult(tool_use_id="a", content=(Text("There."),))),
    )

    wire = request_body(*history, dialect=dialect)

    assert "toolConfig" not in wire
    assert [block for message in wire["messages"][1:] for block in message["content"]] == [
        {"text": '[Asked for fly with {"far":true}]'},
        {"text": "[This came back:]"},
        {"text": "There."},
    ]


@pytest.mark.parametrize(("provider", "thinks"), [("bedrock", True), ("anthropic", False)])
def test_thinking_continues_after_tool_results_only_if_the_answer_started_with_it(provider: str, thinks: bool) -> None:
    thinking = Thinking(text="Hm.", provider=provider, signature="s")
    use = ToolUse(id="a", name="fly", input={})

    wire = request_body(
        user(HI),
        assistant(thinking, use),
        user(ToolResult(tool_use_id="a")),
        settings=Settings(thinking=Reasoning(budget_tokens=2_000)),
    )

    assert ("thinking" in wire["additionalModelRequestFields"]) is thinks


def test_consecutive_messages_of_one_role_are_merged_and_empty_ones_omitted() -> None:
    foreign = Thinking(text="Hm.", provider="openai", signature="s")

    assert request_body(user(Text("One.")), user(Text("Two.")), assistant(foreign), user(Text("Three.")))[
        "messages"
    ] == [{"role": "user", "content": [{"text": text} for text in ("One.", "Two.", "Three.")]}]
