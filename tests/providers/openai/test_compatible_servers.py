"""Chat Completions of servers that speak like OpenAI, and where they speak otherwise: each way as one was seen to."""

import pytest
from builders.chat import DONE, calls, chunk, read, said

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


@pytest.mark.parametrize("word", ["reasoning_content", "reasoning"])
def test_thinking_of_compatible_servers_is_a_block_of_its_own(word: str) -> None:
    deltas = said(chunk(f'{{"{word}":"Hm."}}'), chunk('{"content":"Yes."}'), chunk(f'{{"{word}":"!"}}'))

    assert deltas == [ThinkingDelta(0, "Hm."), TextDelta(1, "Yes."), ThinkingDelta(0, "!")]


def test_thinking_that_comes_under_both_names_is_said_once() -> None:
    assert said(chunk('{"reasoning":"Hm.","reasoning_content":"Hm."}')) == [ThinkingDelta(0, "Hm.")]


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (chunk(reason='"error"'), ProviderUnavailable),
        (chunk(reason='"insufficient_system_resource"'), Overloaded),
        ('{"choices":[{"index":0,"error":{"code":429,"message":"upstream"},"finish_reason":"error"}]}', RateLimited),
        ('{"error":{"code":502,"message":"upstream"},"choices":[{"delta":{}}]}', ProviderUnavailable),
    ],
)
def test_an_answer_that_gateways_call_failed_is_none(last: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(chunk('{"content":"Caw."}'), last, DONE)


def test_a_call_that_comes_in_one_piece_is_whole() -> None:
    whole = '{"id":"call_1","type":"function","function":{"name":"fly","arguments":"{\\"far\\":true}"}}'

    assert said(calls(whole)) == [ToolUseStarted(0, "call_1", "fly"), ToolInputDelta(0, '{"far":true}')]


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    deltas = said(
        calls('{"id":"a","function":{"name":"f","arguments":"{"}}'),
        calls('{"function":{"arguments":"}"}}'),
        calls('{"id":"b","function":{"name":"f","arguments":"{}"}}'),
    )

    assert deltas == [
        ToolUseStarted(0, "a", "f"),
        ToolInputDelta(0, "{"),
        ToolInputDelta(0, "}"),
        ToolUseStarted(1, "b", "f"),
        ToolInputDelta(1, "{}"),
    ]


def test_calls_that_all_have_index_0_are_told_apart_by_their_ids() -> None:
    deltas = said(
        calls('{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}'),
        calls('{"index":0,"id":"b","function":{"name":"f","arguments":"{"}}'),
        calls('{"index":0,"function":{"arguments":"}"}}'),
    )

    assert deltas == [
        ToolUseStarted(0, "a", "f"),
        ToolInputDelta(0, "{}"),
        ToolUseStarted(1, "b", "f"),
        ToolInputDelta(1, "{"),
        ToolInputDelta(1, "}"),
    ]


def test_an_id_repeated_with_every_piece_is_one_call() -> None:
    deltas = said(
        calls('{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}'),
        calls('{"index":0,"id":"a","function":{"name":"f","arguments":"}"}}'),
    )

    assert deltas == [ToolUseStarted(0, "a", "f"), ToolInputDelta(0, "{"), ToolInputDelta(0, "}")]


def test_missing_ids_are_made_from_the_number_of_the_request() -> None:
    deltas = read(
        '{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}},{"function":{"name":"g"}}]}}]}',
        DONE,
        number=12,
    )

    assert deltas[:-1] == [
        AnswerStarted("answer-12", ""),
        ToolUseStarted(0, "call_12_1", "f"),
        ToolUseStarted(1, "call_12_2", "g"),
    ]


def test_counts_that_come_with_every_chunk_are_all_told() -> None:
    counted = '{"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'

    assert said(chunk(), counted, counted) == [UsageReported(Usage(input=reported(3), output=reported(4)))] * 2


def test_a_cost_that_is_told_is_the_provider_s_own_figure() -> None:
    counted = '{"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"cost":0.00014}}'

    cost = Cost(usd=0.00014, provenance=Provenance.REPORTED)
    assert said(chunk(), counted) == [UsageReported(Usage(input=reported(3), output=reported(4), cost=cost))]
