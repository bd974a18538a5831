"""Deviations of servers with OpenAI's API: each case is as some server was seen to behave."""

import pytest
from builders.chat import DONE, calls_chunk, chunk, content_deltas, decode_stream

from rayconteur.providers.schema.deltas import (
    AnswerStarted,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.errors import Overloaded, ProviderUnavailable, RateLimited
from rayconteur.providers.schema.usage import Cost, Provenance, Usage, reported


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_thinking_of_compatible_servers_is_a_thinking_block(member: str) -> None:
    deltas = content_deltas(chunk(f'{{"{member}":"Hm."}}'), chunk('{"content":"Yes."}'), chunk(f'{{"{member}":"!"}}'))

    assert deltas == [ThinkingDelta(0, "Hm."), TextDelta(1, "Yes."), ThinkingDelta(0, "!")]


def test_thinking_sent_under_both_names_is_read_once() -> None:
    assert content_deltas(chunk('{"reasoning":"Hm.","reasoning_content":"Hm."}')) == [ThinkingDelta(0, "Hm.")]


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (chunk(reason='"error"'), ProviderUnavailable),
        (chunk(reason='"insufficient_system_resource"'), Overloaded),
        ('{"choices":[{"index":0,"error":{"code":429,"message":"upstream"},"finish_reason":"error"}]}', RateLimited),
        ('{"error":{"code":502,"message":"upstream"},"choices":[{"delta":{}}]}', ProviderUnavailable),
    ],
)
def test_an_answer_that_a_gateway_marks_as_failed_is_an_error(last: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_stream(chunk('{"content":"Caw."}'), last, DONE)


def test_a_call_in_one_piece_is_complete() -> None:
    whole = '{"id":"call_1","type":"function","function":{"name":"fly","arguments":"{\\"far\\":true}"}}'

    assert content_deltas(calls_chunk(whole)) == [ToolUseStarted(0, "call_1", "fly"), ToolInputDelta(0, '{"far":true}')]


def test_calls_without_an_index_are_distinguished_by_their_ids() -> None:
    deltas = content_deltas(
        calls_chunk('{"id":"a","function":{"name":"f","arguments":"{"}}'),
        calls_chunk('{"function":{"arguments":"}"}}'),
        calls_chunk('{"id":"b","function":{"name":"f","arguments":"{}"}}'),
    )

    assert deltas == [
        ToolUseStarted(0, "a", "f"),
        ToolInputDelta(0, "{"),
        ToolInputDelta(0, "}"),
        ToolUseStarted(1, "b", "f"),
        ToolInputDelta(1, "{}"),
    ]


def test_calls_that_all_have_index_0_are_distinguished_by_their_ids() -> None:
    deltas = content_deltas(
        calls_chunk('{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}'),
        calls_chunk('{"index":0,"id":"b","function":{"name":"f","arguments":"{"}}'),
        calls_chunk('{"index":0,"function":{"arguments":"}"}}'),
    )

    assert deltas == [
        ToolUseStarted(0, "a", "f"),
        ToolInputDelta(0, "{}"),
        ToolUseStarted(1, "b", "f"),
        ToolInputDelta(1, "{"),
        ToolInputDelta(1, "}"),
    ]


def test_an_id_repeated_with_every_piece_is_one_call() -> None:
    deltas = content_deltas(
        calls_chunk('{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}'),
        calls_chunk('{"index":0,"id":"a","function":{"name":"f","arguments":"}"}}'),
    )

    assert deltas == [ToolUseStarted(0, "a", "f"), ToolInputDelta(0, "{"), ToolInputDelta(0, "}")]


def test_missing_ids_are_derived_from_the_request_number() -> None:
    deltas = decode_stream(
        '{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}},{"function":{"name":"g"}}]}}]}',
        DONE,
        number=12,
    )

    assert deltas[:-1] == [
        AnswerStarted("answer-12", ""),
        ToolUseStarted(0, "call_12_1", "f"),
        ToolUseStarted(1, "call_12_2", "g"),
    ]


def test_token_counts_in_every_chunk_are_all_reported() -> None:
    usage = '{"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'

    assert content_deltas(chunk(), usage, usage) == [UsageReported(Usage(input=reported(3), output=reported(4)))] * 2


def test_a_reported_cost_is_the_provider_s_own_figure() -> None:
    usage = '{"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"cost":0.00014}}'

    cost = Cost(usd=0.00014, provenance=Provenance.REPORTED)
    assert content_deltas(chunk(), usage) == [UsageReported(Usage(input=reported(3), output=reported(4), cost=cost))]
