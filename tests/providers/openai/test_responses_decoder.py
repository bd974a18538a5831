"""Decoding answers of OpenAI's Responses API."""

from pathlib import Path

import msgspec
import pytest
from builders.decoding import decode_body

from rayconteur.providers.openai.responses.decoder import answer_decoder
from rayconteur.providers.schema.content import Citation
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    IncompleteAnswer,
    InvalidRequest,
    Overloaded,
    ProtocolError,
    ProviderUnavailable,
    RateLimited,
)
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported

SEALED = '{"id":"rs_1","encrypted_content":"gAAA-whole"}'
COUNTED = Usage(input=reported(130), output=reported(77), cache_read=reported(100), reasoning=reported(40))
SEARCHED = b'{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"ravens"}}'
CREATED = '{"type":"response.created","response":{"id":"r1","model":"m","status":"in_progress"}}'


def decode_stream(*data: str) -> list[Delta]:
    decoder = answer_decoder("raven", 7)
    return decoder.feed("".join(f"data: {event}\n\n" for event in data).encode()) + decoder.finish()


def item_done(item: str, index: int = 0) -> str:
    return f'{{"type":"response.output_item.done","output_index":{index},"item":{item}}}'


def last_event(status: str, more: str = "") -> str:
    return f'{{"type":"response.{status}","response":{{"status":"{status}"{more}}}}}'


def decode_sample(root: Path, name: str) -> list[Delta]:
    decoder = answer_decoder("raven", 7)
    return decoder.feed((root / "tests/samples" / name).read_bytes()) + decoder.finish()


def test_items_become_deltas_in_order(root: Path) -> None:
    assert decode_sample(root, "responses_calls.sse") == [
        AnswerStarted("resp_1", "gpt-5-2025-08-07"),
        ThinkingDelta(0, "**First**\n\n"),
        ThinkingDelta(0, "A raven."),
        ThinkingDelta(0, "\n\n**Then**"),
        ThinkingSigned(0, SEALED),
        BlockEnded(0),
        OpaqueReceived(1, "web_search_call", SEARCHED),
        BlockEnded(1),
        OpaqueReceived(2, "message", b'{"phase":"commentary"}'),
        TextDelta(3, "Größe? 🐦"),
        TextDelta(3, " Wait."),
        Cited(3, Citation(title="Ravens", url="https://x.example/ravens", start=0, end=5)),
        Cited(3, Citation(title="birds.pdf", source="file_1")),
        BlockEnded(2),
        BlockEnded(3),
        ToolUseStarted(4, "call_a", "measure"),
        ToolUseStarted(5, "call_b", "rest"),
        ToolInputDelta(4, '{"bird":'),
        ToolInputDelta(4, ' "raven"}'),
        BlockEnded(4),
        ToolInputDelta(5, "{}"),
        BlockEnded(5),
        OpaqueReceived(6, "tool_call", b'{"custom":true}'),
        ToolUseStarted(7, "call_c", "shell"),
        ToolInputDelta(7, '{"input":"'),
        ToolInputDelta(7, "say "),
        ToolInputDelta(7, '\\"caw\\"'),
        ToolInputDelta(7, '"}'),
        BlockEnded(6),
        BlockEnded(7, rewritten=True),
        UsageReported(COUNTED),
        AnswerEnded(StopReason.TOOL_USE, "completed"),
    ]


def test_an_answer_that_is_not_streamed_equals_its_stream(root: Path) -> None:
    streamed, whole = Draft("raven"), Draft("raven")
    body = msgspec.json.encode(msgspec.json.decode((root / "tests/samples/responses_calls.json").read_bytes()))

    streamed.add(decode_sample(root, "responses_calls.sse"))
    whole.add(decode_body(answer_decoder("raven", 7), body))

    assert whole.finish() == streamed.finish()


def test_a_refusal_is_visible_text_and_the_stop_reason(root: Path) -> None:
    assert decode_sample(root, "responses_refuses.sse")[1:] == [
        TextDelta(0, "I can't "),
        TextDelta(0, "help with that."),
        BlockEnded(0),
        UsageReported(COUNTED),
        AnswerEnded(StopReason.REFUSAL, "completed"),
    ]


def test_a_content_filter_is_a_stop_reason(root: Path) -> None:
    assert decode_sample(root, "responses_filtered.sse")[-1] == AnswerEnded(StopReason.CONTENT_FILTER, "content_filter")


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("responses_fails.sse", ProviderUnavailable, "server_error"),
        ("responses_breaks.sse", RateLimited, "rate_limit_exceeded"),
    ],
)
def test_a_failed_answer_is_raised_after_the_deltas_before_it(
    root: Path, name: str, error: type[Exception], code: str
) -> None:
    decoder = answer_decoder("raven", 7)

    deltas = decoder.feed((root / "tests/samples" / name).read_bytes())

    assert TextDelta(0, "A raven") in deltas
    assert decoder.done
    with pytest.raises(error) as raised:
        decoder.finish()
    assert getattr(raised.value, "vendor_code", None) == code


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (last_event("failed", ',"error":{"code":"invalid_prompt","message":"no"}'), InvalidRequest),
        (last_event("failed", ',"error":{"code":"image_too_large","message":"no"}'), InvalidRequest),
        (last_event("failed", ',"error":{"code":"context_length_exceeded","message":"no"}'), ContextOverflow),
        (last_event("failed", ',"error":{"code":"authentication_error","message":"no"}'), AuthenticationFailed),
        (last_event("failed", ',"error":{"code":"overloaded_error","message":"no"}'), Overloaded),
        (last_event("failed"), ProviderUnavailable),
        ('{"type":"response.failed","error":{"code":"rate_limit_exceeded","message":"no"}}', RateLimited),
        ('{"type":"InternalServerError","message":"no","code":500}', ProviderUnavailable),
        ('{"type":"response.error","error":{"message":"no","code":429}}', RateLimited),
        (
            '{"type":"error","error":{"type":"invalid_request_error","code":"invalid_api_key","message":"no"}}',
            AuthenticationFailed,
        ),
        ('{"error":{"message":"upstream","code":429}}', RateLimited),
        (last_event("completed").replace('"completed"}', '"cancelled"}'), IncompleteAnswer),
        (last_event("completed").replace('"completed"}', '"queued"}'), ProtocolError),
        ("[DONE]", IncompleteAnswer),
    ],
)
def test_an_answer_with_another_final_status_is_an_error(last: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_stream(CREATED, last)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("max_output_tokens", StopReason.MAX_TOKENS),
        ("content_filter", StopReason.CONTENT_FILTER),
        ("steered", StopReason.PAUSED),
        ("hungry", StopReason.OTHER),
    ],
)
def test_an_incomplete_answer_has_its_stop_reason(reason: str, stop: StopReason) -> None:
    last = last_event("incomplete", f',"incomplete_details":{{"reason":"{reason}"}}')

    assert decode_stream(CREATED, last)[-1] == AnswerEnded(stop, reason)
    assert decode_stream(CREATED, last_event("incomplete"))[-1] == AnswerEnded(StopReason.OTHER, "incomplete")


def test_content_without_pieces_is_read_from_the_finished_items() -> None:
    call = '{"type":"function_call","name":"fly","arguments":"{}"}'
    message = '{"type":"message","content":[{"type":"output_text","text":"Caw."},{"type":"output_video"}]}'

    from_items = decode_stream(CREATED, item_done(message), item_done(call, 1), last_event("completed"))
    from_response = decode_stream(CREATED, last_event("completed", f',"output":[{message},{call}]'))

    assert from_items == from_response
    assert from_items[1:] == [
        TextDelta(0, "Caw."),
        BlockEnded(0),
        ToolUseStarted(1, "call_7_1", "fly"),
        ToolInputDelta(1, "{}"),
        BlockEnded(1),
        AnswerEnded(StopReason.TOOL_USE, "completed"),
    ]


def test_the_thinking_of_open_models_is_thinking() -> None:
    pieces = '{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"Hm."}'
    item = '{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}]}'

    assert decode_stream(CREATED, pieces, item_done(item), last_event("completed"))[1:-1] == [
        ThinkingDelta(0, "Hm."),
        BlockEnded(0),
    ]
    assert decode_stream(CREATED, item_done(item), last_event("completed"))[1:-1] == [
        ThinkingDelta(0, "Hm."),
        BlockEnded(0),
    ]


def test_thinking_whose_part_ends_with_an_event_of_its_own_is_read_once() -> None:
    piece = '{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"Hm."}'
    part = '{"type":"reasoning_text","text":"Hm."}'
    end = f'{{"type":"response.content_part.done","output_index":0,"content_index":0,"part":{part}}}'
    item = f'{{"type":"reasoning","content":[{part}]}}'

    deltas = decode_stream(CREATED, piece, end, item_done(item), last_event("completed"))

    assert deltas[1:-1] == [ThinkingDelta(0, "Hm."), BlockEnded(0)]


def test_unknown_events_are_ignored() -> None:
    unknown = '{"type":"response.audio.delta","delta":"x"}'

    assert decode_stream('{"type":"response.queued"}', CREATED, unknown, last_event("completed"))[1:] == [
        AnswerEnded(StopReason.END_TURN, "completed")
    ]


@pytest.mark.parametrize(
    "data",
    [
        "not json",
        "[1]",
        "{}",
        '{"type":"response.output_text.delta","delta":3}',
        '{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{"}',
        item_done('{"type":"function_call"}'),
        item_done('{"type":"message","content":[{"type":"output_text","text":3}]}'),
        item_done("3"),
    ],
)
def test_a_malformed_event_is_a_protocol_error_that_quotes_it(data: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        decode_stream(CREATED, data, last_event("completed"))

    assert raised.value.message.rsplit(": ", 1)[1] in data


def test_an_answer_that_is_not_announced_starts_with_its_first_event() -> None:
    item = item_done('{"type":"message","content":[{"type":"output_text","text":"Caw"}]}')

    assert decode_stream(item, last_event("completed"))[:2] == [AnswerStarted("answer-7", ""), TextDelta(0, "Caw")]
    with pytest.raises(IncompleteAnswer):
        decode_stream(item)


def test_a_second_end_of_an_item_is_a_protocol_error() -> None:
    item = item_done('{"type":"message","content":[]}')

    with pytest.raises(ProtocolError, match="ended before"):
        decode_stream(CREATED, item, item)


def test_text_in_parts_that_are_not_counted_is_read_once() -> None:
    pieces = [f'{{"type":"response.output_text.delta","delta":"{text}"}}' for text in ("Caw", ".")]
    message = '{"type":"message","content":[{"type":"output_text","text":"Caw"},{"type":"output_text","text":"."}]}'
    last = last_event("completed", f',"output":[{message}]')

    assert decode_stream(CREATED, *pieces, item_done(message), last)[1:-1] == [
        TextDelta(0, "Caw"),
        TextDelta(0, "."),
        BlockEnded(0),
    ]


def test_what_is_encrypted_only_in_the_last_event_is_kept() -> None:
    item = '{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}]}'
    sealed = item.replace("]}", '],"encrypted_content":"gAAA-whole"}')

    deltas = decode_stream(CREATED, item_done(item), last_event("completed", f',"output":[{sealed}]'))

    assert deltas[1:-1] == [ThinkingDelta(0, "Hm."), BlockEnded(0), ThinkingSigned(1, SEALED)]


def test_input_that_neither_the_pieces_nor_the_end_of_the_item_have_is_that_of_the_last_event() -> None:
    call = '{"type":"function_call","call_id":"c1","name":"fly","arguments":""}'
    last = last_event("completed", f',"output":[{call}]'.replace('""', '"{\\"to\\":1}"'))

    assert decode_stream(CREATED, item_done(call), last)[1:-1] == [
        ToolUseStarted(0, "c1", "fly"),
        ToolInputDelta(0, '{"to":1}'),
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", IncompleteAnswer),
        (b'{"id":"r1","status":"completed","outp', IncompleteAnswer),
        (b"<html>", ProtocolError),
        (b"{}", ProtocolError),
        (b'{"status":"queued","output":[]}', ProtocolError),
        (b'{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"}}', RateLimited),
        (b'{"error":{"message":"busy","type":"server_error"}}', ProviderUnavailable),
    ],
)
def test_a_body_that_is_not_a_whole_answer_is_an_error(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_body(answer_decoder("raven", 7), body)
