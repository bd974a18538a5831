"""Answers of Chat Completions, read into deltas."""

from pathlib import Path

import pytest
from builders.chat import DONE, calls, chunk, read, said

from rayconteur.providers.openai.chat.decoder import decode_answer, stream_decoder
from rayconteur.providers.schema.content import Citation
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    Cited,
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


def test_an_answer_with_text_and_two_calls_gives_their_deltas_in_order(root: Path) -> None:
    decoder = stream_decoder("raven", 7)

    deltas = decoder.feed((root / "tests/samples/chat_calls.sse").read_bytes())

    assert deltas == [
        AnswerStarted("chatcmpl-1", "gpt-5-2025-08-07"),
        TextDelta(0, "Größe? 🐦"),
        TextDelta(0, " Wait."),
        ToolUseStarted(1, "call_a", "measure"),
        ToolInputDelta(1, '{"bird":'),
        ToolUseStarted(2, "call_b", "shell"),
        ToolInputDelta(2, '{"input":"'),
        ToolInputDelta(2, "say "),
        ToolInputDelta(1, ' "raven"}'),
        ToolInputDelta(2, '\\"caw\\"'),
        UsageReported(
            Usage(input=reported(130), output=reported(77), cache_read=reported(100), reasoning=reported(40))
        ),
        ToolInputDelta(2, '"}'),
        AnswerEnded(StopReason.TOOL_USE, "tool_calls"),
    ]
    assert decoder.done
    assert decoder.finish() == []


def test_an_error_in_the_stream_is_raised_after_what_came_before_it(root: Path) -> None:
    decoder = stream_decoder("raven", 7)

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
def test_an_error_in_the_stream_is_told_by_its_code_or_type(error: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read(chunk(), f'{{"error":{error}}}')


def test_a_refusal_is_visible_text_and_the_reason_for_stopping(root: Path) -> None:
    decoder = stream_decoder("raven", 7)

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
def test_every_word_for_stopping_has_ours_beside_it(raw: str, reason: StopReason) -> None:
    assert read(chunk(reason=f'"{raw}"'), DONE)[-1] == AnswerEnded(reason, raw)


def test_what_comes_after_the_end_is_passed_over() -> None:
    assert isinstance(read(chunk(), DONE, chunk('{"content":"x"}'), "not json")[-1], AnswerEnded)


def test_an_answer_may_end_without_a_reason() -> None:
    assert read(chunk(), DONE)[-1] == AnswerEnded(StopReason.OTHER, None)


@pytest.mark.parametrize("reason", ["null", '"stop"'])
def test_an_answer_with_calls_stops_for_them_whatever_it_says(reason: str) -> None:
    call = calls('{"index":0,"id":"a","function":{"name":"f"}}')

    ended = read(call, chunk(reason=reason), DONE)[-1]

    assert isinstance(ended, AnswerEnded)
    assert ended.stop_reason is StopReason.TOOL_USE


def test_an_answer_cut_off_in_a_call_says_that_it_was() -> None:
    ended = read(calls('{"index":0,"id":"a","function":{"name":"f"}}'), chunk(reason='"length"'), DONE)[-1]

    assert ended == AnswerEnded(StopReason.MAX_TOKENS, "length")


@pytest.mark.parametrize("data", [(), (DONE,), (chunk(),), (chunk(reason='"stop"'),)])
def test_an_answer_is_incomplete_without_its_beginning_or_its_end(data: tuple[str, ...]) -> None:
    with pytest.raises(IncompleteAnswer):
        read(*data)


@pytest.mark.parametrize(
    "data",
    ["not json", "[1]", '{"choices":3}', chunk('{"content":3}'), calls('{"index":0,"function":{"arguments":"{"}}')],
)
def test_a_chunk_that_does_not_fit_is_a_protocol_error_that_shows_it(data: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        read(data, DONE)

    assert raised.value.message.endswith(data)


def test_unknown_members_and_other_choices_are_passed_over() -> None:
    other = '{"id":"c1","model":"m","choices":[{"index":1,"delta":{"content":"x"}}],"moderation":{"x":1}}'

    assert said(chunk(), other) == []


def test_pages_that_the_text_names_are_its_citations() -> None:
    named = (
        '{"annotations":[{"type":"url_citation","url_citation":{"url":"https://x.example","title":"Ravens",'
        '"start_index":4,"end_index":9}},{"type":"file","file":{"hash":"h"}}]}'
    )
    cited = Cited(0, Citation(url="https://x.example", title="Ravens", start=4, end=9))

    assert said(chunk(named), chunk('{"content":"Caw."}')) == [TextDelta(0, "Caw."), cited]
    assert said(chunk('{"content":"Caw."}'), chunk(named)) == [TextDelta(0, "Caw."), cited]
    assert said(chunk(named)) == []


def test_a_function_call_of_old_is_a_tool_use() -> None:
    deltas = said(chunk('{"function_call":{"name":"f","arguments":"{"}}'), chunk('{"function_call":{"arguments":"}"}}'))

    assert deltas == [ToolUseStarted(0, "call_7_1", "f"), ToolInputDelta(0, "{"), ToolInputDelta(0, "}")]


def test_a_whole_answer_gives_the_same_deltas_each_whole() -> None:
    body = (
        b'{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"tool_calls",'
        b'"message":{"role":"assistant","content":"Caw.","tool_calls":[{"id":"a","type":"function","function":'
        b'{"name":"fly","arguments":"{}"}},{"id":"b","type":"custom","custom":{"name":"sh","input":"ls"}}]}}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":5}}'
    )

    assert decode_answer("raven", 7, body) == [
        AnswerStarted("c1", "m"),
        TextDelta(0, "Caw."),
        ToolUseStarted(1, "a", "fly"),
        ToolInputDelta(1, "{}"),
        ToolUseStarted(2, "b", "sh"),
        ToolInputDelta(2, '{"input":"'),
        ToolInputDelta(2, "ls"),
        UsageReported(Usage(input=reported(3), output=reported(5))),
        ToolInputDelta(2, '"}'),
        AnswerEnded(StopReason.TOOL_USE, "tool_calls"),
    ]


def test_a_whole_refusal_is_visible_text_and_the_reason_for_stopping() -> None:
    body = (
        b'{"id":"c1","model":"m","choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":null,"refusal":"No."}}]}'
    )

    assert decode_answer("raven", 7, body)[1:] == [TextDelta(0, "No."), AnswerEnded(StopReason.REFUSAL, "stop")]


def test_a_filtered_answer_without_a_message_is_an_empty_one() -> None:
    body = b'{"id":"c1","model":"m","choices":[{"index":0,"finish_reason":"content_filter"}]}'

    assert decode_answer("raven", 7, body)[-1] == AnswerEnded(StopReason.CONTENT_FILTER, "content_filter")


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
def test_a_body_that_is_no_whole_answer_is_an_error(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_answer("raven", 7, body)
