"""Decoding answers of Cohere's v2 chat."""

from pathlib import Path

import msgspec
import pytest
from builders.cohere import START, call_event, citation_event, content_deltas, content_event, decode_stream, end_event
from builders.decoding import decode_body
from servers.recordings import Exchange, cases

from rayconteur.providers.cohere.decoder import answer_decoder
from rayconteur.providers.cohere.events import PLAN
from rayconteur.providers.schema.content import Citation, Text
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Cited,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import (
    ContextOverflow,
    IncompleteAnswer,
    InvalidRequest,
    ProtocolError,
    ProviderUnavailable,
)
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported

TEXT = content_event('{"text":"Caw"}')


def test_a_plan_text_and_two_calls_become_deltas_in_order(root: Path) -> None:
    decoder = answer_decoder("command-x")

    deltas = decoder.feed((root / "tests/samples/cohere_plans_and_calls.sse").read_bytes())

    assert deltas == [
        AnswerStarted("c14c80c3", "command-x"),
        ThinkingSigned(0, PLAN),
        ThinkingDelta(0, "I will look"),
        ThinkingDelta(0, " at the Größe. 🐦"),
        TextDelta(1, "Wait."),
        BlockEnded(1),
        ToolUseStarted(2, "measure_a", "measure"),
        ToolInputDelta(2, '{"bird":'),
        ToolInputDelta(2, ' "raven"}'),
        BlockEnded(2),
        ToolUseStarted(3, "rest_b", "rest"),
        BlockEnded(3),
        UsageReported(Usage(input=reported(906), output=reported(77), cache_read=reported(448))),
        AnswerEnded(StopReason.TOOL_USE, "TOOL_CALL"),
    ]
    assert decoder.done
    assert decoder.finish() == []


def test_text_has_citations_and_thinking_has_none(root: Path) -> None:
    decoder = answer_decoder("command-x")

    deltas = decoder.feed((root / "tests/samples/cohere_thinks_and_cites.sse").read_bytes())

    assert deltas[1:-1] == [
        ThinkingDelta(0, "It says so."),
        BlockEnded(0),
        TextDelta(1, "Ravens "),
        TextDelta(1, "hide food"),
        Cited(1, Citation(title="Ravens", url="https://x.example/ravens", source="doc:0", start=7, end=16)),
        Cited(1, Citation(source="look_a:0", start=7, end=16)),
        TextDelta(1, "."),
        BlockEnded(1),
        UsageReported(
            Usage(input=reported(508), output=reported(86), cache_read=reported(144), reasoning=reported(28))
        ),
    ]


def test_a_citation_may_follow_its_text_and_lack_a_position_or_a_source() -> None:
    end_content = '{"type":"content-end","index":0}'

    assert content_deltas(TEXT, end_content, citation_event('{"start":0,"end":3}'))[2:] == [
        Cited(0, Citation(start=0, end=3))
    ]
    assert content_deltas(citation_event('{"start":0}'))[:1] == [TextDelta(0, "")]


@pytest.mark.parametrize("exchange", cases("cohere", "chat_v2", streaming=False))
def test_each_recorded_citation_is_decoded_and_covers_its_words(exchange: Exchange) -> None:
    expected = exchange.expected
    assert expected
    if expected.error:
        return
    draft = Draft("cohere")

    draft.add(decode_body(answer_decoder("any"), exchange.data))

    texts = [block for block in draft.finish().content if isinstance(block, Text)]
    cited = {(cite.start, text.text[cite.start : cite.end]) for text in texts for cite in text.citations}
    recorded = msgspec.json.decode(exchange.data)["message"].get("citations") or ()
    assert cited == {(cite["start"], cite["text"]) for cite in recorded}
    assert len(cited) == expected.citations


def test_an_error_at_the_end_is_raised_after_the_deltas_before_it(root: Path) -> None:
    decoder = answer_decoder("command-x")

    deltas = decoder.feed((root / "tests/samples/cohere_fails.sse").read_bytes())

    assert deltas[-1] == ThinkingDelta(0, "I will")
    assert decoder.done
    with pytest.raises(InvalidRequest, match="invalid tool generation") as raised:
        decoder.finish()
    assert raised.value.vendor_code == "INVALID_TOOL_GENERATION"


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (end_event("ERROR"), ProviderUnavailable),
        (end_event("TIMEOUT"), ProviderUnavailable),
        (end_event("ERROR", ',"error":"oops","error_type":"INTERNAL"'), ProviderUnavailable),
        ('{"message":"oops"}', ProviderUnavailable),
        ('{"type":"error","error":{"message":"oops"}}', ProviderUnavailable),
        ('{"error":{"message":"too many tokens: total number of tokens","code":"400"}}', ContextOverflow),
    ],
)
def test_an_error_in_the_stream_is_raised_in_every_form(last: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        decode_stream(START, TEXT, last)

    assert raised.type is kind


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("COMPLETE", StopReason.END_TURN),
        ("STOP_SEQUENCE", StopReason.STOP_SEQUENCE),
        ("MAX_TOKENS", StopReason.MAX_TOKENS),
        ("TOOL_CALL", StopReason.TOOL_USE),
        ("ERROR_TOXIC", StopReason.CONTENT_FILTER),
        ("ERROR_LIMIT", StopReason.CONTEXT_FULL),
        ("TEA_TIME", StopReason.OTHER),
    ],
)
def test_every_stop_reason_is_mapped_to_ours(raw: str, reason: StopReason) -> None:
    assert decode_stream(START, end_event(raw))[-1] == AnswerEnded(reason, raw)


def test_usage_is_the_tokens_used_not_the_tokens_billed() -> None:
    billed = ',"usage":{"billed_units":{"input_tokens":5,"output_tokens":7}}'

    assert decode_stream(START, TEXT, end_event(more=billed))[-2] == UsageReported(Usage())


def test_events_after_the_end_of_the_answer_are_ignored() -> None:
    assert isinstance(decode_stream(START, end_event(), TEXT, "not json", "[DONE]")[-1], AnswerEnded)


def test_unknown_events_and_members_are_ignored() -> None:
    unknown = content_event('{"type":"song","notes":[1]}', kind="start")

    assert content_deltas('{"type":"tea-time","index":{}}', unknown, TEXT) == [TextDelta(0, "Caw")]


def test_content_that_continues_after_its_end_is_a_new_block() -> None:
    end_content = '{"type":"content-end","index":0}'

    assert content_deltas(TEXT, end_content, TEXT, end_content, end_content) == [
        TextDelta(0, "Caw"),
        BlockEnded(0),
        TextDelta(1, "Caw"),
        BlockEnded(1),
    ]


def test_a_call_with_its_input_in_the_start_or_without_an_id_is_complete() -> None:
    start = call_event('{"function":{"name":"fly","arguments":"{}"}}')

    assert content_deltas(start) == [ToolUseStarted(0, "call_0", "fly"), ToolInputDelta(0, "{}")]


@pytest.mark.parametrize("data", [(), (START,), (START, TEXT), ("[DONE]",)])
def test_a_stream_without_its_end_is_an_incomplete_answer(data: tuple[str, ...]) -> None:
    with pytest.raises(IncompleteAnswer):
        decode_stream(*data)


@pytest.mark.parametrize(
    "data",
    [
        "not json",
        "[1]",
        "{" * 5_000,
        content_event('{"text":3}'),
        '{"type":"content-delta","index":0}',
        call_event('{"function":{"arguments":"{}"}}'),
        call_event('{"function":{"arguments":"{}"}}', kind="delta"),
    ],
)
def test_a_malformed_event_is_a_protocol_error_that_quotes_it(data: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        decode_stream(START, data, end_event())

    assert data[:20] in raised.value.message


def test_an_event_before_the_start_of_the_answer_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="before message-start"):
        decode_stream(end_event(), START, TEXT)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", IncompleteAnswer),
        (b'{"id":"a","message":{"content":[', IncompleteAnswer),
        (b"<html>", ProtocolError),
        (b'{"message":"invalid request"}', ProviderUnavailable),
        (b'{"id":"a","message":{},"finish_reason":"ERROR","error":"oops"}', ProviderUnavailable),
    ],
)
def test_a_body_that_is_not_a_whole_answer_is_an_error(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        decode_body(answer_decoder("command-x"), body)

    assert raised.type is kind


def test_a_cited_tool_output_has_its_title_and_address() -> None:
    output = '{"title":"Ravens","url":"https://x.example/ravens"}'
    sources = f'[{{"type":"tool","id":"t1:0","tool_output":{output}}}]'
    citation = f'{{"start":0,"end":3,"text":"Caw","sources":{sources},"type":"TEXT_CONTENT"}}'

    deltas = content_deltas(content_event('{"text":"Caw"}'), citation_event(citation))

    [cited] = [delta.citation for delta in deltas if isinstance(delta, Cited)]
    assert cited == Citation(title="Ravens", url="https://x.example/ravens", source="t1:0", start=0, end=3)
