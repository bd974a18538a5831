"""Answers of Google, read from bytes."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.google.decoder import decode_answer, stream_decoder
from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.events import SIGNATURE, STOP_REASONS
from rayconteur.providers.schema.content import Citation, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import IncompleteAnswer, Overloaded, ProtocolError, ProviderError
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import UNAVAILABLE, Usage, reported

SAMPLES = Path(__file__).parents[2] / "samples"


def decoded(body: bytes) -> list[Delta]:
    decoder = stream_decoder(5)
    return decoder.feed(body) + decoder.finish()


def drafted(deltas: list[Delta]) -> Answer:
    draft = Draft(PROVIDER)
    draft.add(deltas)
    return draft.finish()


def sample(name: str) -> Answer:
    return drafted(decoded((SAMPLES / f"google_{name}.sse").read_bytes()))


def answer(*parts: dict[str, Any], stop: str = "STOP", **more: Any) -> Answer:
    """What an answer of *parts*, not streamed, comes to."""
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": stop, **more}
    body = {"candidates": [candidate], "responseId": "raven", "modelVersion": "m"}
    return drafted(decode_answer(5, msgspec.json.encode(body)))


def signature(text: bytes) -> Opaque:
    return Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"thoughtSignature":"' + text + b'"}')


def test_a_stream_has_thoughts_text_signatures_tool_uses_and_what_google_ran_itself() -> None:
    found = sample("thinks_and_calls")

    cited = Citation(title="Oaks", url="https://oak.example", start=11, end=25)
    assert found.content == (
        Thinking(text="**Birds**\n\nWhich of them flies?", provider=PROVIDER),
        Text(text="Ravens fly höher as oaks.", citations=(cited,)),
        Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"text": "", "thoughtSignature": "c2lnbmVk"}'),
        ToolUse(id="call_5_1", name="fly", input={"to": "oak"}),
        signature(b"Zmlyc3Q="),
        ToolUse(id="call_5_2", name="fly", input={"to": "elm"}),
        ToolUse(id="call_5_3", name="rest", input={}),
        *found.content[7:],
    )
    assert [block.type for block in found.content[7:] if isinstance(block, Opaque)] == [
        "executable_code",
        "code_execution_result",
    ]
    assert (found.stop_reason, found.raw_stop_reason) == (StopReason.TOOL_USE, "STOP")
    assert (found.message_id, found.model) == ("raven-1", "gemini-3-flash")


def test_thoughts_count_as_output_and_what_tools_brought_in_as_input() -> None:
    assert sample("thinks_and_calls").usage == Usage(
        input=reported(36), output=reported(62), cache_read=reported(16), reasoning=reported(40)
    )


def test_a_prompt_that_is_blocked_is_an_answer_of_nothing() -> None:
    found = sample("blocked")

    assert (found.content, found.stop_reason) == ((), StopReason.CONTENT_FILTER)
    assert found.raw_stop_reason == "PROHIBITED_CONTENT"
    assert found.usage.output is UNAVAILABLE


def test_a_filter_keeps_what_came_before_it_and_says_where_that_is_from() -> None:
    found = sample("filtered")

    assert found.stop_reason is StopReason.CONTENT_FILTER
    assert found.content == (
        Text(text="Once upon ", citations=(Citation(url="https://tales.example", start=0, end=9),)),
    )


def test_a_fault_in_a_stream_is_an_error_behind_what_came_before_it() -> None:
    decoder = stream_decoder(1)
    deltas = decoder.feed((SAMPLES / "google_fails.sse").read_bytes())

    with pytest.raises(Overloaded, match="The model is overloaded"):
        decoder.finish()
    assert len(deltas) == 3


@pytest.mark.parametrize("array", [True, False])
def test_a_fault_in_place_of_a_stream_is_an_error_in_either_form(array: bool) -> None:
    fault = b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}'

    with pytest.raises(Overloaded, match="busy"):
        decoded(b"[" + fault + b"]" if array else fault)


def test_an_array_means_what_the_events_mean() -> None:
    events = (SAMPLES / "google_thinks_and_calls.sse").read_bytes()
    objects = [line.removeprefix(b"data: ") for line in events.splitlines() if line]

    assert decoded(b"[" + b"\n,\n".join(objects) + b"\n]") == decoded(events)


def test_a_signed_text_is_a_block_of_its_own() -> None:
    found = answer({"text": "a"}, {"text": "b"}, {"text": "c", "thoughtSignature": "eA=="}, {"text": "d"})

    assert found.content == (Text(text="ab"), Text(text="c"), signature(b"eA=="), Text(text="d"))


def test_a_signature_of_nothing_is_a_part_of_its_own() -> None:
    found = answer({"text": "a"}, {"thoughtSignature": "eA=="})

    assert found.content == (
        Text(text="a"),
        Opaque(provider=PROVIDER, type=SIGNATURE, json=b'{"text":"","thoughtSignature":"eA=="}'),
    )


def test_a_signed_thought_is_not_joined_to_another() -> None:
    found = answer({"text": "a", "thought": True}, {"text": "b", "thought": True, "thoughtSignature": "eA=="})

    assert found.content == (
        Thinking(text="a", provider=PROVIDER),
        Thinking(text="b", provider=PROVIDER, signature="eA=="),
    )


def test_google_s_own_id_of_a_tool_use_is_kept() -> None:
    found = answer({"functionCall": {"id": "x7", "name": "fly", "args": {}}}, {"functionCall": {"name": "fly"}})

    assert [block.id for block in found.content if isinstance(block, ToolUse)] == ["x7", "call_5_2"]


@pytest.mark.parametrize(
    ("stop", "calls", "reason"),
    [
        *((word, False, reason) for word, reason in STOP_REASONS.items()),
        ("STOP", True, StopReason.TOOL_USE),
        ("UNEXPECTED_TOOL_CALL", True, StopReason.TOOL_USE),
        ("MAX_TOKENS", True, StopReason.MAX_TOKENS),
        ("NEVERMORE", False, StopReason.OTHER),
    ],
)
def test_why_an_answer_stops(stop: str, calls: bool, reason: StopReason) -> None:
    found = answer({"functionCall": {"name": "fly"}} if calls else {"text": "Caw"}, stop=stop)

    assert (found.stop_reason, found.raw_stop_reason) == (reason, stop)


def test_every_finish_reason_of_the_sdk_is_known() -> None:
    from google.genai.types import FinishReason

    assert {reason.value for reason in FinishReason} == set(STOP_REASONS)


def test_only_the_first_candidate_counts() -> None:
    one = {"index": 0, "content": {"parts": [{"text": "one"}]}, "finishReason": "STOP"}
    two = {"index": 1, "content": {"parts": [{"inlineData": {"data": ""}}]}, "finishReason": "SAFETY"}

    found = drafted(decode_answer(5, msgspec.json.encode({"candidates": [two, one]})))

    assert (found.content, found.message_id) == ((Text(text="one"),), "answer-5")


@pytest.mark.parametrize(
    ("support", "place"),
    [
        ({"segment": {"endIndex": 5, "text": "Räve"}, "groundingChunkIndices": [0]}, (0, 4)),
        ({"segment": {"startIndex": 90, "endIndex": 95, "text": "fly"}, "groundingChunkIndices": [0]}, (None, None)),
        ({"segment": {"startIndex": 1, "endIndex": 4, "text": "fly"}, "groundingChunkIndices": [0]}, (7, 10)),
        ({"groundingChunkIndices": [0]}, (None, None)),
    ],
    ids=["in bytes", "beyond the end", "elsewhere", "nowhere"],
)
def test_a_source_is_cited_where_it_says_if_that_is_there(support: dict[str, Any], place: object) -> None:
    page = {"retrievedContext": {"uri": "https://oak.example", "title": "Oaks", "text": "of ravens"}}
    grounding = {"groundingChunks": [page], "groundingSupports": [support, {"groundingChunkIndices": [9]}]}

    [text] = answer({"text": "Rävens fly"}, groundingMetadata=grounding).content

    assert isinstance(text, Text)
    [cited] = text.citations
    assert (cited.cited_text, cited.title, cited.url) == ("of ravens", "Oaks", "https://oak.example")
    assert (cited.start, cited.end) == place


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
def test_what_is_no_whole_answer_is_an_error(body: bytes, kind: type[ProviderError]) -> None:
    with pytest.raises(kind) as raised:
        decode_answer(1, body)

    assert type(raised.value) is kind


@given(st.binary(max_size=80))
def test_whatever_comes_is_an_error_of_ours_or_an_answer(junk: bytes) -> None:
    whole = (SAMPLES / "google_thinks_and_calls.sse").read_bytes()
    for body in (junk, whole[:400] + junk + whole[400:], b"data: " + junk + b"\n\n", b"[{" + junk + b"}]"):
        with suppress(ProviderError):
            drafted(decoded(body))
