"""Answers of Cohere's v2 chat, read into deltas."""

from pathlib import Path

import msgspec
import pytest
from builders.cohere import START, call, cited, content, end, read, said
from servers.recordings import Exchange, cases

from rayconteur.providers.cohere.decoder import decode_answer, stream_decoder
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

TEXT = content('{"text":"Caw"}')


def test_a_plan_with_text_and_two_calls_gives_their_deltas_in_order(root: Path) -> None:
    decoder = stream_decoder("command-x")

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


def test_text_names_its_sources_and_thinking_does_not(root: Path) -> None:
    decoder = stream_decoder("command-x")

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


def test_a_citation_may_come_after_its_text_and_without_a_place_or_a_source() -> None:
    over = '{"type":"content-end","index":0}'

    assert said(TEXT, over, cited('{"start":0,"end":3}'))[2:] == [Cited(0, Citation(start=0, end=3))]
    assert said(cited('{"start":0}'))[:1] == [TextDelta(0, "")]


@pytest.mark.parametrize("exchange", cases("cohere", "chat_v2", streaming=False))
def test_each_recorded_citation_is_there_and_stands_where_its_words_are(exchange: Exchange) -> None:
    expected = exchange.expected
    assert expected
    if expected.error:
        return
    draft = Draft("cohere")

    draft.add(decode_answer("any", exchange.data))

    texts = [block for block in draft.finish().content if isinstance(block, Text)]
    found = {(cite.start, text.text[cite.start : cite.end]) for text in texts for cite in text.citations}
    told = msgspec.json.decode(exchange.data)["message"].get("citations") or ()
    assert found == {(cite["start"], cite["text"]) for cite in told}
    assert len(found) == expected.citations


def test_an_error_at_the_end_is_raised_after_what_came_before_it(root: Path) -> None:
    decoder = stream_decoder("command-x")

    deltas = decoder.feed((root / "tests/samples/cohere_fails.sse").read_bytes())

    assert deltas[-1] == ThinkingDelta(0, "I will")
    assert decoder.done
    with pytest.raises(InvalidRequest, match="invalid tool generation") as raised:
        decoder.finish()
    assert raised.value.vendor_code == "INVALID_TOOL_GENERATION"


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (end("ERROR"), ProviderUnavailable),
        (end("TIMEOUT"), ProviderUnavailable),
        (end("ERROR", ',"error":"oops","error_type":"INTERNAL"'), ProviderUnavailable),
        ('{"message":"oops"}', ProviderUnavailable),
        ('{"type":"error","error":{"message":"oops"}}', ProviderUnavailable),
        ('{"error":{"message":"too many tokens: total number of tokens","code":"400"}}', ContextOverflow),
    ],
)
def test_an_error_in_the_stream_is_an_error_however_it_is_told(last: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        read(START, TEXT, last)

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
def test_every_word_for_stopping_has_ours_beside_it(raw: str, reason: StopReason) -> None:
    assert read(START, end(raw))[-1] == AnswerEnded(reason, raw)


def test_what_is_billed_is_not_what_was_used() -> None:
    billed = ',"usage":{"billed_units":{"input_tokens":5,"output_tokens":7}}'

    assert read(START, TEXT, end(more=billed))[-2] == UsageReported(Usage())


def test_what_comes_after_the_end_is_passed_over() -> None:
    assert isinstance(read(START, end(), TEXT, "not json", "[DONE]")[-1], AnswerEnded)


def test_events_and_members_that_are_unknown_are_passed_over() -> None:
    odd = content('{"type":"song","notes":[1]}', kind="start")

    assert said('{"type":"tea-time","index":{}}', odd, TEXT) == [TextDelta(0, "Caw")]


def test_content_that_goes_on_after_its_end_begins_another_block() -> None:
    over = '{"type":"content-end","index":0}'

    assert said(TEXT, over, TEXT, over, over) == [
        TextDelta(0, "Caw"),
        BlockEnded(0),
        TextDelta(1, "Caw"),
        BlockEnded(1),
    ]


def test_a_call_whose_input_comes_at_once_or_without_an_id_is_whole() -> None:
    given = call('{"function":{"name":"fly","arguments":"{}"}}')

    assert said(given) == [ToolUseStarted(0, "call_0", "fly"), ToolInputDelta(0, "{}")]


@pytest.mark.parametrize("data", [(), (START,), (START, TEXT), ("[DONE]",)])
def test_an_answer_is_incomplete_without_its_end(data: tuple[str, ...]) -> None:
    with pytest.raises(IncompleteAnswer if "[DONE]" not in data else ProtocolError):
        read(*data)


@pytest.mark.parametrize(
    "data",
    [
        "not json",
        "[1]",
        "{}",
        "{" * 5_000,
        content('"Caw"'),
        content('{"text":3}'),
        '{"type":"content-delta","index":0}',
        call('{"function":{"arguments":"{}"}}'),
        call('{"function":{"arguments":"{}"}}', kind="delta"),
        end(more=',"usage":{"tokens":{"input_tokens":1e400}}'),
        end(more=',"usage":{"tokens":{"input_tokens":-1}}'),
    ],
)
def test_an_event_that_does_not_fit_is_a_protocol_error_that_shows_it(data: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        read(START, data, end())

    assert data[:20] in raised.value.message


def test_nothing_may_come_before_the_start() -> None:
    with pytest.raises(ProtocolError, match="before message-start"):
        read(TEXT, START, end())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", IncompleteAnswer),
        (b'{"id":"a","message":{"content":[', IncompleteAnswer),
        (b"<html>", ProtocolError),
        (b'{"message":"invalid request"}', ProtocolError),
        (b'{"id":"a","message":{},"finish_reason":"ERROR","error":"oops"}', ProviderUnavailable),
    ],
)
def test_a_whole_answer_that_is_none_is_an_error(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        decode_answer("command-x", body)

    assert raised.type is kind
