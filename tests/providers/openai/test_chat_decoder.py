"""Decoding answers of Chat Completions."""

from pathlib import Path

import pytest
from builders.chat import DONE, calls_chunk, chunk, content_deltas, decode_stream
from builders.decoding import decode_body

from rayconteur.providers.openai.chat.decoder import answer_decoder
from rayconteur.providers.schema.content import Citation
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    Cited,
    OpaqueReceived,
    TextDelta,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.errors import (
    ContextOverflow,
    IncompleteAnswer,
    ProtocolError,
    ProviderUnavailable,
    RateLimited,
)
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported


def test_text_and_two_calls_become_deltas_in_order(root: Path) -> None:
    decoder = answer_decoder("raven", 7)

    deltas = decoder.feed((root / "tests/samples/chat_calls.sse").read_bytes())

    assert deltas == [
        AnswerStarted("chatcmpl-1", "gpt-5-2025-08-07"),
        TextDelta(0, "Größe? 🐦"),
        TextDelta(0, " Wait."),
        ToolUseStarted(1, "call_a", "measure"),
        ToolInputDelta(1, '{"bird":'),
        OpaqueReceived(2, "tool_call", b'{"custom":true}'),
        ToolUseStarted(3, "call_b", "shell"),
        ToolInputDelta(3, '{"input":"'),
        ToolInputDelta(3, "say "),
        ToolInputDelta(1, ' "raven"}'),
        ToolInputDelta(3, '\\"caw\\"'),
        UsageReported(
            Usage(input=reported(130), output=reported(77), cache_read=reported(100), reasoning=reported(40))
        ),
        ToolInputDelta(3, '"}'),
        AnswerEnded(StopReason.TOOL_USE, "tool_calls"),
    ]
    assert decoder.done
    assert decoder.finish() == []


def test_an_error_in_the_stream_is_raised_after_the_deltas_before_it(root: Path) -> None:
    decoder = answer_decoder("raven", 7)

    deltas = decoder.feed((root / "tests/samples/chat_fails.sse").read_bytes())

    assert deltas[-1] == TextDelta(0, "A raven")
    assert decoder.done
    with pytest.raises(ProviderUnavailable, match="had an error") as raised:
        decoder.finish()
    assert raised.value.vendor_code == "server_error"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ('{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}', RateLimited),
        ('{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}', ContextOverflow),
        ('{"message":"upstream","code":429}', RateLimited),
        ('{"message":"who knows"}', ProviderUnavailable),
        ('"just a text"', ProviderUnavailable),
    ],
)
def test_an_error_in_the_stream_is_mapped_by_its_code_or_type(error: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        decode_stream(chunk(), f'{{"error":{error}}}')


def test_a_refusal_is_visible_text_and_the_stop_reason(root: Path) -> None:
    decoder = answer_decoder("raven", 7)

    deltas = decoder.feed((root / "tests/samples/chat_refuses.sse").read_bytes())

    assert deltas == [
        AnswerStarted("chatcmpl-3", "gpt-4o-2024-08-06"),
        TextDelta(0, "I can't "),
        TextDelta(0, "help with that."),
        AnswerEnded(StopReason.REFUSAL, "stop"),
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", StopReason.END_TURN),
        ("length", StopReason.MAX_TOKENS),
        ("tool_calls", StopReason.TOOL_USE),
        ("function_call", StopReason.TOOL_USE),
        ("content_filter", StopReason.CONTENT_FILTER),
        ("tea_time", StopReason.OTHER),
    ],
)
def test_every_stop_reason_is_mapped_to_ours(raw: str, reason: StopReason) -> None:
    assert decode_stream(chunk(reason=f'"{raw}"'), DONE)[-1] == AnswerEnded(reason, raw)


def test_events_after_the_end_of_the_answer_are_ignored() -> None:
    assert isinstance(decode_stream(chunk(), DONE, chunk('{"content":"x"}'), "not json")[-1], AnswerEnded)


def test_an_answer_may_end_without_a_stop_reason() -> None:
    assert decode_stream(chunk(), DONE)[-1] == AnswerEnded(StopReason.OTHER, None)


@pytest.mark.parametrize("reason", ["null", '"stop"'])
def test_an_answer_with_calls_stops_for_tool_use_whatever_its_reason(reason: str) -> None:
    call = calls_chunk('{"index":0,"id":"a","function":{"name":"f"}}')

    last = decode_stream(call, chunk(reason=reason), DONE)[-1]

    assert isinstance(last, AnswerEnded)
    assert last.stop_reason is StopReason.TOOL_USE


def test_an_answer_cut_off_in_a_call_stops_for_max_tokens() -> None:
    call = calls_chunk('{"index":0,"id":"a","function":{"name":"f"}}')

    deltas = decode_stream(call, chunk(reason='"length"'), DONE)

    assert deltas[-1] == AnswerEnded(StopReason.MAX_TOKENS, "length")


@pytest.mark.parametrize("data", [(), (DONE,), (chunk(),)])
def test_a_stream_without_its_start_or_its_end_is_an_incomplete_answer(data: tuple[str, ...]) -> None:
    with pytest.raises(IncompleteAnswer):
        decode_stream(*data)


@pytest.mark.parametrize(
    "data",
    [
        "not json",
        "[1]",
        '{"choices":3}',
        chunk('{"content":3}'),
        calls_chunk('{"index":0,"function":{"arguments":"{"}}'),
    ],
)
def test_a_malformed_chunk_is_a_protocol_error_that_quotes_it(data: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        decode_stream(data, DONE)

    assert raised.value.message.endswith(data)


def test_unknown_members_and_other_choices_are_ignored() -> None:
    other = '{"id":"c1","model":"m","choices":[{"index":1,"delta":{"content":"x"}}],"moderation":{"x":1}}'

    assert content_deltas(chunk(), other) == []


def test_url_citations_are_citations_of_the_text() -> None:
    annotated = (
        '{"annotations":[{"type":"url_citation","url_citation":{"url":"https://x.example","title":"Ravens",'
        '"start_index":4,"end_index":9}},{"type":"file","file":{"hash":"h"}}]}'
    )
    cited = Cited(0, Citation(url="https://x.example", title="Ravens", start=4, end=9))

    assert content_deltas(chunk(annotated), chunk('{"content":"Caw."}')) == [TextDelta(0, "Caw."), cited]
    assert content_deltas(chunk('{"content":"Caw."}'), chunk(annotated)) == [TextDelta(0, "Caw."), cited]
    assert content_deltas(chunk(annotated)) == []


def test_a_legacy_function_call_is_a_tool_use() -> None:
    deltas = content_deltas(
        chunk('{"function_call":{"name":"f","arguments":"{"}}'), chunk('{"function_call":{"arguments":"}"}}')
    )

    assert deltas == [ToolUseStarted(0, "call_7_1", "f"), ToolInputDelta(0, "{"), ToolInputDelta(0, "}")]


def test_an_answer_that_is_not_streamed_gives_the_same_blocks() -> None:
    body = (
        b'{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"tool_calls",'
        b'"message":{"role":"assistant","content":"Caw.","tool_calls":[{"id":"a","type":"function","function":'
        b'{"name":"fly","arguments":"{}"}},{"id":"b","type":"custom","custom":{"name":"sh","input":"ls"}}]}}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":5}}'
    )

    assert decode_body(answer_decoder("raven", 7), body) == [
        AnswerStarted("c1", "m"),
        TextDelta(0, "Caw."),
        ToolUseStarted(1, "a", "fly"),
        ToolInputDelta(1, "{}"),
        OpaqueReceived(2, "tool_call", b'{"custom":true}'),
        ToolUseStarted(3, "b", "sh"),
        ToolInputDelta(3, '{"input":"'),
        ToolInputDelta(3, "ls"),
        UsageReported(Usage(input=reported(3), output=reported(5))),
        ToolInputDelta(3, '"}'),
        AnswerEnded(StopReason.TOOL_USE, "tool_calls"),
    ]


def test_a_refusal_that_is_not_streamed_is_visible_text_and_the_stop_reason() -> None:
    body = (
        b'{"id":"c1","model":"m","choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":null,"refusal":"No."}}]}'
    )

    assert decode_body(answer_decoder("raven", 7), body)[1:] == [
        TextDelta(0, "No."),
        AnswerEnded(StopReason.REFUSAL, "stop"),
    ]


def test_a_filtered_answer_without_a_message_is_an_empty_one() -> None:
    body = b'{"id":"c1","model":"m","choices":[{"index":0,"finish_reason":"content_filter"}]}'

    assert decode_body(answer_decoder("raven", 7), body)[-1] == AnswerEnded(StopReason.CONTENT_FILTER, "content_filter")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", IncompleteAnswer),
        (b'{"id":"c1","choices":[{"index":0,"mess', IncompleteAnswer),
        (b'{"id":"c1","choices":[]}', ProtocolError),
        (b"<html>", ProtocolError),
        (b'{"error":{"message":"busy","type":"server_error"}}', ProviderUnavailable),
    ],
)
def test_a_body_that_is_not_a_whole_answer_is_an_error(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_body(answer_decoder("raven", 7), body)
