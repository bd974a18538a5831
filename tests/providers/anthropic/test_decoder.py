"""Decoding answers of Anthropic's Messages API."""

from pathlib import Path

import msgspec
import pytest
from builders.anthropic import START, STOP, cited, content_deltas, decode_stream
from builders.decoding import decode_body

from rayconteur.providers.anthropic.decoder import answer_decoder
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Cited,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.errors import IncompleteAnswer, Overloaded, ProtocolError, ProviderUnavailable
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported

MODEL = "claude-sonnet-4-5-20250929"


def test_every_kind_of_block_becomes_deltas_in_order(root: Path) -> None:
    decoder = answer_decoder()

    deltas = decoder.feed((root / "tests/samples/anthropic_thinks_and_calls.sse").read_bytes())

    usage = Usage(input=reported(135), output=reported(1), cache_read=reported(100), cache_write=reported(5))
    assert deltas == [
        AnswerStarted("msg_01", MODEL),
        UsageReported(usage),
        ThinkingDelta(0, "Ravens: look "),
        ThinkingDelta(0, "them up."),
        ThinkingSigned(0, "c2lnbmVk"),
        BlockEnded(0),
        ThinkingSigned(1, "aGlkZGVu", redacted=True),
        BlockEnded(1),
        TextDelta(2, "Größe? 🐦"),
        Cited(2, cited(b'{"type":"char_location","cited_text":"big"}', cited_text="big")),
        TextDelta(2, " Wait."),
        BlockEnded(2),
        OpaqueReceived(
            3,
            "server_tool_use",
            b'{"type":"server_tool_use","id":"srvtoolu_01","name":"web_search","input":{"query":"raven"}}',
        ),
        BlockEnded(3),
        ToolUseStarted(4, "toolu_01", "measure"),
        ToolInputDelta(4, '{"bird":'),
        ToolInputDelta(4, ' "raven"}'),
        BlockEnded(4),
        UsageReported(msgspec.structs.replace(usage, output=reported(77))),
        AnswerEnded(StopReason.TOOL_USE, "tool_use"),
    ]
    assert decoder.done
    assert decoder.finish() == []


def test_an_error_in_the_stream_is_raised_after_the_deltas_before_it(root: Path) -> None:
    decoder = answer_decoder()

    deltas = decoder.feed((root / "tests/samples/anthropic_overloaded.sse").read_bytes())

    assert deltas[-1] == TextDelta(0, "A raven")
    assert decoder.done
    with pytest.raises(Overloaded, match="Overloaded") as raised:
        decoder.finish()
    assert (raised.value.status, raised.value.vendor_code) == (None, "overloaded_error")


def test_an_error_of_an_unknown_type_is_retryable() -> None:
    with pytest.raises(ProviderUnavailable, match="moon"):
        decode_stream('{"type":"error","error":{"type":"lunar_error","message":"wrong phase of the moon"}}')


@pytest.mark.parametrize(
    "event",
    [
        '{"type":"new_event","index":0}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"new_delta","text":"x"}}',
        '{"type":"ping","cost":3}',
        '{"no":"type"}',
        "null",
    ],
)
def test_unknown_events_deltas_and_members_are_ignored(event: str) -> None:
    assert content_deltas(event) == []


@pytest.mark.parametrize(
    "event",
    [
        "not json",
        "[]",
        '{"type":"content_block_delta","index":"zero","delta":{"type":"text_delta","text":"x"}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}',
        '{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"{"}}',
        '{"type":"message_delta"}',
        "[" * 100_000,
    ],
)
def test_a_malformed_event_is_a_protocol_error_that_quotes_it(event: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        content_deltas(event)

    assert event[:40] in raised.value.message
    assert len(raised.value.message) < 1_000


@pytest.mark.parametrize("block", ['{"type":"tool_use","id":"a"}', '{"type":"text","text":3}', "{}", "3"])
def test_a_malformed_block_is_a_protocol_error_that_quotes_it(block: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        content_deltas(f'{{"type":"content_block_start","index":0,"content_block":{block}}}')

    assert raised.value.message.endswith(block)


def test_bytes_that_are_not_utf_8_cost_no_answer() -> None:
    decoder = answer_decoder()
    decoder.feed(b"data: %b\n\n" % START.encode())

    deltas = decoder.feed(
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\xff"}}\n\n'
    )

    assert deltas == [TextDelta(0, "a\ufffd")]


@pytest.mark.parametrize(
    "event",
    [
        STOP,
        '{"type":"content_block_stop","index":0}',
        '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
    ],
)
def test_an_event_before_the_start_of_the_answer_is_a_protocol_error(event: str) -> None:
    with pytest.raises(ProtocolError, match="before message_start"):
        decode_stream(event)


def test_events_after_the_end_of_the_answer_are_ignored() -> None:
    assert decode_stream(START, STOP, START, "not json") == decode_stream(START, STOP)


def test_an_empty_block_gives_no_deltas() -> None:
    start = '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
    empty = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}'

    assert content_deltas(start, empty, '{"type":"content_block_stop","index":0}') == []


def test_a_signature_without_text_is_a_thinking_block() -> None:
    start = '{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}'
    signed = '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}'

    deltas = content_deltas(start, signed, '{"type":"content_block_stop","index":0}')

    assert deltas == [ThinkingSigned(0, "s"), BlockEnded(0)]


def test_input_in_the_start_of_a_tool_use_counts_unless_pieces_follow() -> None:
    block = '{"type":"tool_use","id":"","name":"f","input":{"a":1}}'
    start = f'{{"type":"content_block_start","index":0,"content_block":{block}}}'
    piece = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}'
    stop = '{"type":"content_block_stop","index":0}'
    started = ToolUseStarted(0, "msg_1-0", "f")

    assert content_deltas(start, stop) == [
        started,
        ToolInputDelta(0, '{"a":1}'),
        BlockEnded(0, rewritten=True),
    ]
    assert content_deltas(start, piece, stop) == [started, ToolInputDelta(0, "{}"), BlockEnded(0)]


def test_an_unknown_block_is_assembled_from_its_unknown_deltas() -> None:
    start = '{"type":"content_block_start","index":0,"content_block":{"type":"compaction","content":null}}'
    piece = '{"type":"content_block_delta","index":0,"delta":{"type":"compaction_delta","content":"so "}}'

    deltas = content_deltas(start, piece, piece, '{"type":"content_block_stop","index":0}')

    assert deltas == [OpaqueReceived(0, "compaction", b'{"type":"compaction","content":"so so "}'), BlockEnded(0)]


def test_an_unknown_block_whose_input_is_cut_short_keeps_the_input_of_its_start() -> None:
    start = '{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","input":{}}}'
    piece = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"a"}}'

    deltas = content_deltas(start, piece, '{"type":"content_block_stop","index":0}')

    assert deltas[0] == OpaqueReceived(0, "server_tool_use", b'{"type":"server_tool_use","input":{}}')


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", StopReason.END_TURN),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("stop_sequence", StopReason.STOP_SEQUENCE),
        ("refusal", StopReason.REFUSAL),
        ("pause_turn", StopReason.PAUSED),
        ("model_context_window_exceeded", StopReason.CONTEXT_FULL),
        ("tea_time", StopReason.OTHER),
    ],
)
def test_every_stop_reason_is_mapped_to_ours(raw: str, reason: StopReason) -> None:
    deltas = decode_stream(START, f'{{"type":"message_delta","delta":{{"stop_reason":"{raw}"}}}}', STOP)

    assert deltas[-1] == AnswerEnded(reason, raw)


def test_token_counts_at_the_end_replace_those_of_the_start() -> None:
    counts = (
        '{"input_tokens":8,"cache_read_input_tokens":2,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}'
    )

    deltas = content_deltas(f'{{"type":"message_delta","delta":{{"stop_reason":null}},"usage":{counts}}}')

    assert deltas == [
        UsageReported(Usage(input=reported(10), output=reported(9), cache_read=reported(2), reasoning=reported(4)))
    ]


def test_an_answer_that_is_not_streamed_gives_the_same_blocks() -> None:
    body = (
        b'{"id":"msg_1","type":"message","model":"m","content":[{"type":"text","text":"Caw."},'
        b'{"type":"tool_use","id":"toolu_1","name":"fly","input":{"far":true}},{"type":"web_search_tool_result","n":1}],'
        b'"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":5}}'
    )

    assert decode_body(answer_decoder(), body) == [
        AnswerStarted("msg_1", "m"),
        UsageReported(Usage(input=reported(3), output=reported(5))),
        TextDelta(0, "Caw."),
        BlockEnded(0),
        ToolUseStarted(1, "toolu_1", "fly"),
        ToolInputDelta(1, '{"far":true}'),
        BlockEnded(1, rewritten=True),
        OpaqueReceived(2, "web_search_tool_result", b'{"type":"web_search_tool_result","n":1}'),
        BlockEnded(2),
        AnswerEnded(StopReason.TOOL_USE, "tool_use"),
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", IncompleteAnswer),
        (b'{"id":"msg_1","model":"m","content":[{"type":"te', IncompleteAnswer),
        (b'{"id":"msg_1","model":"m"}', ProtocolError),
        (b"<html>", ProtocolError),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', Overloaded),
    ],
)
def test_a_body_that_is_not_a_whole_answer_is_an_error(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_body(answer_decoder(), body)
