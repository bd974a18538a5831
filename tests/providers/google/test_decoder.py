"""Decoding answers of Google's generateContent."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders.decoding import decode_body
from hypothesis import example, given
from hypothesis import strategies as st

from rayconteur.providers.google.decoder import answer_decoder
from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.events import SIGNATURE, STOP_REASONS
from rayconteur.providers.schema.content import Citation, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import (
    IncompleteAnswer,
    Overloaded,
    ProtocolError,
    ProviderError,
    ThinkingRejected,
)
from rayconteur.providers.schema.stop_reasons import StopDetails, StopReason
from rayconteur.providers.schema.usage import UNAVAILABLE, Usage, reported

SAMPLES = Path(__file__).parents[2] / "samples"


def decode_stream(body: bytes) -> list[Delta]:
    decoder = answer_decoder(5)
    return decoder.feed(body) + decoder.finish()


def answer_of(deltas: list[Delta]) -> Answer:
    draft = Draft(PROVIDER)
    draft.add(deltas)
    return draft.finish()


def sample(name: str) -> Answer:
    return answer_of(decode_stream((SAMPLES / f"google_{name}.sse").read_bytes()))


def decode_whole(*parts: dict[str, Any], stop: str = "STOP", **more: Any) -> Answer:
    """An answer of *parts* that is not streamed."""
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": stop, **more}
    body = {"candidates": [candidate], "responseId": "raven", "modelVersion": "m"}
    return answer_of(decode_body(answer_decoder(5), msgspec.json.encode(body)))


def signature(text: bytes) -> Opaque:
    return Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"thoughtSignature":"' + text + b'"}')


def test_thoughts_text_signatures_tool_uses_and_server_tools_are_decoded() -> None:
    answer = sample("thinks_and_calls")

    cited = Citation(title="Oaks", url="https://oak.example", start=11, end=25)
    assert answer.content == (
        Thinking(text="**Birds**\n\nWhich of them flies?", provider=PROVIDER),
        Text(text="Ravens fly höher as oaks.", citations=(cited,)),
        Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"text": "", "thoughtSignature": "c2lnbmVk"}'),
        ToolUse(id="call_5_1", name="fly", input={"to": "oak"}),
        signature(b"Zmlyc3Q="),
        ToolUse(id="call_5_2", name="fly", input={"to": "elm"}),
        ToolUse(id="call_5_3", name="rest", input={}),
        *answer.content[7:],
    )
    assert [block.type for block in answer.content[7:] if isinstance(block, Opaque)] == [
        "executable_code",
        "code_execution_result",
    ]
    assert (answer.stop_reason, answer.raw_stop_reason) == (StopReason.TOOL_USE, "STOP")
    assert (answer.message_id, answer.model) == ("raven-1", "gemini-3-flash")


def test_thoughts_count_as_output_and_results_of_server_tools_as_input() -> None:
    assert sample("thinks_and_calls").usage == Usage(
        input=reported(36), output=reported(62), cache_read=reported(16), reasoning=reported(40)
    )


def test_a_blocked_prompt_is_an_empty_answer() -> None:
    answer = sample("blocked")

    assert (answer.content, answer.stop_reason) == ((), StopReason.CONTENT_FILTER)
    assert answer.raw_stop_reason == "PROHIBITED_CONTENT"
    assert answer.usage.output is UNAVAILABLE


def test_a_filtered_answer_keeps_its_text_and_citations() -> None:
    answer = sample("filtered")

    assert answer.stop_reason is StopReason.CONTENT_FILTER
    assert answer.content == (
        Text(text="Once upon ", citations=(Citation(url="https://tales.example", start=0, end=9),)),
    )


def test_a_blocked_prompt_and_a_filtered_answer_say_why() -> None:
    ratings = [
        {"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"},
        {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True},
    ]
    feedback = {"blockReason": "SAFETY", "blockReasonMessage": "not this", "safetyRatings": ratings}

    blocked = answer_of(decode_body(answer_decoder(5), msgspec.json.encode({"promptFeedback": feedback})))
    filtered = decode_whole({"text": "How to"}, stop="SAFETY", safetyRatings=ratings, finishMessage="no more")

    category = "HARM_CATEGORY_DANGEROUS_CONTENT"
    assert blocked.stop_details == StopDetails(
        category=category,
        explanation="not this",
        vendor={"safetyRatings": ratings, "blockReasonMessage": "not this"},
    )
    assert filtered.stop_details == StopDetails(
        category=category, explanation="no more", vendor={"safetyRatings": ratings, "finishMessage": "no more"}
    )
    assert decode_whole({"text": "Caw"}, safetyRatings=ratings).stop_details is None
    assert decode_whole({"text": "Caw"}, stop="SAFETY", safetyRatings=7).stop_details is None


def test_an_answer_that_ends_for_want_of_a_signature_is_rejected_thinking() -> None:
    chunk = {"candidates": [{"finishReason": "MISSING_THOUGHT_SIGNATURE"}]}

    with pytest.raises(ThinkingRejected) as raised:
        decode_body(answer_decoder(5), msgspec.json.encode(chunk))
    assert raised.value.vendor_code == "MISSING_THOUGHT_SIGNATURE"


def streamed_calls(*calls: dict[str, Any], stop: str = "STOP") -> Answer:
    """The answer to a stream with each of *calls* in a chunk of its own."""
    chunks = [{"candidates": [{"content": {"parts": [{"functionCall": call}]}}]} for call in calls]
    end = {"candidates": [{"finishReason": stop}]}
    return answer_of(decode_stream(b"".join(b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in [*chunks, end])))


def test_streamed_arguments_are_put_together() -> None:
    def piece(path: str, more: bool = False, **value: Any) -> dict[str, Any]:
        return {"jsonPath": path, "willContinue": more, **value}

    answer = streamed_calls(
        {"name": "fly", "id": "f1", "willContinue": True},
        {"partialArgs": [piece("$.to.tree", True, stringValue="o")], "willContinue": True},
        {"partialArgs": [piece("$.to.tree", stringValue="ak"), piece("$.height", numberValue=3)], "willContinue": True},
        {
            "partialArgs": [
                piece("$.with[0]", stringValue="wings"),
                piece("$['by night'][0].ok", boolValue=True),
                piece("$.none", nullValue="NULL_VALUE"),
            ],
            "willContinue": True,
        },
        {},
        {"name": "rest", "id": "r1", "willContinue": True},
        {"name": "sing", "args": {"song": "caw"}},
    )

    assert answer.content == (
        ToolUse(
            id="f1",
            name="fly",
            input={"to": {"tree": "oak"}, "height": 3, "with": ["wings"], "by night": [{"ok": True}], "none": None},
        ),
        ToolUse(id="r1", name="rest", input={}),
        ToolUse(id="call_5_3", name="sing", input={"song": "caw"}),
    )


def test_streamed_arguments_that_are_cut_short_are_malformed_input() -> None:
    piece = {"jsonPath": "$.to", "stringValue": "oa", "willContinue": True}

    [use] = streamed_calls({"name": "fly", "partialArgs": [piece], "willContinue": True}, stop="MAX_TOKENS").content

    assert isinstance(use, ToolUse)
    assert use.malformed == '{"to":"oa"'


@pytest.mark.parametrize(
    "calls",
    [
        [{}],
        [{"name": "fly", "partialArgs": [{"jsonPath": "$..x", "stringValue": "a"}]}],
        [{"name": "fly", "partialArgs": [{"jsonPath": "$.x[7]", "stringValue": "a"}]}],
        [{"name": "fly", "partialArgs": [{"jsonPath": "$[0]", "stringValue": "a"}]}],
        [
            {
                "name": "fly",
                "partialArgs": [{"jsonPath": "$.x", "stringValue": "a"}, {"jsonPath": "$.x.y", "boolValue": True}],
            }
        ],
    ],
    ids=["no name", "many values", "beyond the end", "an index of an object", "a member of a text"],
)
def test_streamed_arguments_that_fit_no_input_are_a_protocol_error(calls: list[dict[str, Any]]) -> None:
    with pytest.raises(ProtocolError):
        streamed_calls(*calls)


def test_an_error_in_the_stream_is_raised_after_the_deltas_before_it() -> None:
    decoder = answer_decoder(1)
    deltas = decoder.feed((SAMPLES / "google_fails.sse").read_bytes())

    with pytest.raises(Overloaded, match="The model is overloaded"):
        decoder.finish()
    assert len(deltas) == 3


@pytest.mark.parametrize("array", [True, False])
def test_an_error_in_place_of_a_stream_is_raised_as_object_or_array(array: bool) -> None:
    error = b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}'

    with pytest.raises(Overloaded, match="busy"):
        decode_stream(b"[" + error + b"]" if array else error)


def test_a_json_array_is_decoded_like_server_sent_events() -> None:
    events = (SAMPLES / "google_thinks_and_calls.sse").read_bytes()
    objects = [line.removeprefix(b"data: ") for line in events.splitlines() if line]

    assert decode_stream(b"[" + b"\n,\n".join(objects) + b"\n]") == decode_stream(events)


def test_a_signed_text_is_a_block_of_its_own() -> None:
    answer = decode_whole({"text": "a"}, {"text": "b"}, {"text": "c", "thoughtSignature": "eA=="}, {"text": "d"})

    assert answer.content == (Text(text="ab"), Text(text="c"), signature(b"eA=="), Text(text="d"))


def test_a_signature_without_content_is_a_block_of_its_own() -> None:
    answer = decode_whole({"text": "a"}, {"thoughtSignature": "eA=="})

    assert answer.content == (
        Text(text="a"),
        Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"text":"","thoughtSignature":"eA=="}'),
    )


def test_a_signed_thought_is_a_block_of_its_own() -> None:
    answer = decode_whole({"text": "a", "thought": True}, {"text": "b", "thought": True, "thoughtSignature": "eA=="})

    assert answer.content == (
        Thinking(text="a", provider=PROVIDER),
        Thinking(text="b", provider=PROVIDER, signature="eA=="),
    )


def test_the_id_that_google_gives_a_tool_use_is_kept() -> None:
    answer = decode_whole({"functionCall": {"id": "x7", "name": "fly", "args": {}}}, {"functionCall": {"name": "fly"}})

    assert [block.id for block in answer.content if isinstance(block, ToolUse)] == ["x7", "call_5_2"]


@pytest.mark.parametrize(
    ("stop", "calls", "reason"),
    [
        *((raw, False, reason) for raw, reason in STOP_REASONS.items()),
        ("STOP", True, StopReason.TOOL_USE),
        ("UNEXPECTED_TOOL_CALL", True, StopReason.TOOL_USE),
        ("MAX_TOKENS", True, StopReason.MAX_TOKENS),
        ("NEVERMORE", False, StopReason.OTHER),
    ],
)
def test_stop_reasons_are_mapped_and_tool_uses_inferred(stop: str, calls: bool, reason: StopReason) -> None:
    answer = decode_whole({"functionCall": {"name": "fly"}} if calls else {"text": "Caw"}, stop=stop)

    assert (answer.stop_reason, answer.raw_stop_reason) == (reason, stop)


def test_every_finish_reason_of_the_sdk_is_mapped() -> None:
    from google.genai.types import FinishReason

    assert {reason.value for reason in FinishReason} == set(STOP_REASONS)


def test_only_the_first_candidate_counts() -> None:
    one = {"index": 0, "content": {"parts": [{"text": "one"}]}, "finishReason": "STOP"}
    two = {"index": 1, "content": {"parts": [{"inlineData": {"data": ""}}]}, "finishReason": "SAFETY"}

    answer = answer_of(decode_body(answer_decoder(5), msgspec.json.encode({"candidates": [two, one]})))

    assert (answer.content, answer.message_id) == ((Text(text="one"),), "answer-5")


@pytest.mark.parametrize(
    ("support", "span"),
    [
        ({"segment": {"endIndex": 5, "text": "Räve"}, "groundingChunkIndices": [0]}, (0, 4)),
        ({"segment": {"startIndex": 90, "endIndex": 95, "text": "fly"}, "groundingChunkIndices": [0]}, (None, None)),
        ({"segment": {"startIndex": 1, "endIndex": 4, "text": "fly"}, "groundingChunkIndices": [0]}, (7, 10)),
        ({"groundingChunkIndices": [0]}, (None, None)),
    ],
    ids=["in bytes", "beyond the end", "elsewhere", "nowhere"],
)
def test_a_citation_covers_its_segment_if_that_is_in_the_text(support: dict[str, Any], span: object) -> None:
    page = {"retrievedContext": {"uri": "https://oak.example", "title": "Oaks", "text": "of ravens"}}
    grounding = {"groundingChunks": [page], "groundingSupports": [support, {"groundingChunkIndices": [9]}]}

    [text] = decode_whole({"text": "Rävens fly"}, groundingMetadata=grounding).content

    assert isinstance(text, Text)
    [cited] = text.citations
    assert (cited.cited_text, cited.title, cited.url) == ("of ravens", "Oaks", "https://oak.example")
    assert (cited.start, cited.end) == span


def test_a_reason_for_stopping_settles_an_answer_unless_text_is_still_to_come() -> None:
    """The rest of the body of a settled answer is read only for a moment."""
    decoder = answer_decoder(5)
    settled: list[bool] = []
    for text, reason in (("", "STOP"), ("A ", None), ("raven", "STOP"), (" flies", None), (".", "MAX_TOKENS")):
        candidate = {"content": {"parts": [{"text": text}]}} | ({"finishReason": reason} if reason else {})
        decoder.feed(b"data: %b\n\n" % msgspec.json.encode({"candidates": [candidate]}))
        settled.append(decoder.settled)

    assert settled == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", IncompleteAnswer),
        (b'{"candidates":[{"content"', IncompleteAnswer),
        (b'{"candidates":[{"content":{"parts":[{"text":"Caw"}]}}]}', IncompleteAnswer),
        (b"{}", ProtocolError),
        (b"<html>", ProtocolError),
        (b'{"candidates":[{"finishReason":1}]}', ProtocolError),
        (b'{"candidates":3}', ProtocolError),
    ],
)
def test_a_body_that_is_not_a_whole_answer_is_an_error(body: bytes, kind: type[ProviderError]) -> None:
    with pytest.raises(kind) as raised:
        decode_body(answer_decoder(1), body)

    assert type(raised.value) is kind


@given(st.binary(max_size=80))
@example(b"[{")
@example(b"[{}, 1]")
def test_any_chunk_is_an_answer_or_a_provider_error(junk: bytes) -> None:
    stream = (SAMPLES / "google_thinks_and_calls.sse").read_bytes()
    for body in (junk, stream[:400] + junk + stream[400:], b"data: " + junk + b"\n\n", b"[{" + junk + b"}]"):
        with suppress(ProviderError):
            answer_of(decode_stream(body))
