"""Answers of compatible servers and gateways, which deviate from the documents of Anthropic's Messages API."""

import msgspec
import pytest
from builders.anthropic import START, STOP, answer_of, content_deltas, decode_stream, events, streamed, whole
from builders.decoding import decode_body
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.anthropic.decoder import answer_decoder
from rayconteur.providers.schema.content import Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.deltas import Delta, OpaqueReceived, TextDelta, UsageReported
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    IncompleteAnswer,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
)
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import UNAVAILABLE, reported

BLOCK_STOP = '{"type":"content_block_stop","index":0}'
END = '{"type":"message_delta","delta":{"stop_reason":"end_turn"}}'


def start(block: str, index: int = 0) -> str:
    return f'{{"type":"content_block_start","index":{index},"content_block":{block}}}'


def piece(kind: str, member: str, value: object, index: int = 0) -> str:
    delta = {"type": kind, member: value}
    return msgspec.json.encode({"type": "content_block_delta", "index": index, "delta": delta}).decode()


def text(value: str, index: int = 0) -> str:
    return piece("text_delta", "text", value, index)


def tool(name: str, index: int = 0) -> str:
    return start(f'{{"type":"tool_use","id":"id_{name}","name":"{name}","input":{{}}}}', index)


def failure(*data: str) -> tuple[list[Delta], ProviderError]:
    decoder = answer_decoder()
    deltas = decoder.feed(events(*data))
    with pytest.raises(ProviderError) as raised:
        decoder.finish()
    return deltas, raised.value


@given(st.lists(st.sampled_from([0, 0, 0, 1, 3]), min_size=1, max_size=6))
def test_blocks_that_share_an_index_are_separate_blocks_in_their_order(indexes: list[int]) -> None:
    data: list[str] = []
    for number, index in enumerate(indexes):
        stop = f'{{"type":"content_block_stop","index":{index}}}'
        data += [tool(f"t{number}", index), piece("input_json_delta", "partial_json", f'{{"n":{number}}}', index), stop]

    content = answer_of(decode_stream(START, *data, END, STOP)).content

    calls = {block.name: block.input for block in content if isinstance(block, ToolUse)}
    assert calls == {f"t{number}": {"n": number} for number in range(len(indexes))}


def test_text_blocks_that_share_an_index_are_separate_blocks() -> None:
    again = [start('{"type":"text","text":""}'), text("a"), text("b"), BLOCK_STOP]

    assert answer_of(decode_stream(START, *again, *again, END, STOP)).content == (Text(text="ab"), Text(text="ab"))


def test_a_tool_use_that_starts_twice_is_called_once() -> None:
    arguments = piece("input_json_delta", "partial_json", '{"a":1}')

    content = answer_of(decode_stream(START, tool("look"), tool("look"), arguments, BLOCK_STOP, END, STOP)).content

    assert content == (ToolUse(id="id_look", name="look", input={"a": 1}),)


def test_thinking_in_a_block_that_began_as_text_is_thinking() -> None:
    thinking = piece("thinking_delta", "thinking", "Hm.")

    block = start('{"type":"text","text":""}')
    content = answer_of(decode_stream(START, block, thinking, text("Caw"), END, STOP)).content

    assert content == (Thinking(text="Hm.", provider="anthropic"), Text(text="Caw"))


def test_blocks_that_never_end_are_complete_at_the_end_of_the_answer() -> None:
    opaque = start('{"type":"song","of":"the sea"}', 1)
    call = start('{"type":"tool_use","id":"t","name":"look","input":{"a":1}}', 2)

    content = answer_of(decode_stream(START, text("Caw"), opaque, call, END, STOP)).content

    assert content == (
        Text(text="Caw"),
        Opaque(provider="anthropic", type="song", json=b'{"type":"song","of":"the sea"}'),
        ToolUse(id="t", name="look", input={"a": 1}),
    )


@pytest.mark.parametrize("spoilt", [b'"\xe6\x80"', b"NaN", b'"\\ud83d"'])
def test_an_opaque_block_that_is_not_quite_json_is_repaired(spoilt: bytes) -> None:
    body = b'{"id":"a","model":"m","stop_reason":"end_turn","content":[{"type":"song","of":%b,"by":"me"}]}' % spoilt

    (opaque,) = (delta for delta in decode_body(answer_decoder(), body) if isinstance(delta, OpaqueReceived))

    assert msgspec.json.decode(opaque.json)["by"] == "me"


def test_text_in_an_opaque_block_is_a_part_of_it() -> None:
    deltas = content_deltas(start('{"type":"song","text":"la"}'), text(" la"), BLOCK_STOP)

    assert deltas[0] == OpaqueReceived(0, "song", b'{"type":"song","text":"la la"}')


@pytest.mark.parametrize("value", ["null", '""', "{}"])
def test_a_tool_input_that_is_empty_in_another_form_is_empty(value: str) -> None:
    block = f'{{"type":"tool_use","id":7,"name":"look","input":{value}}}'

    assert streamed(block).content == whole(block).content == (ToolUse(id="7", name="look", input={}),)


def test_a_tool_input_in_a_text_that_is_cut_off_is_malformed_and_not_guessed() -> None:
    (call,) = whole('{"type":"tool_use","id":"a","name":"look","input":"{\\"where\\":"}').content

    assert isinstance(call, ToolUse)
    assert call.malformed


def test_a_later_count_without_a_reason_does_not_erase_the_stop_reason() -> None:
    counts = '{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":5}}'

    answer = answer_of(decode_stream(START, text("Caw"), END, counts))

    assert (answer.stop_reason, answer.usage.output) == (StopReason.END_TURN, reported(5))


@pytest.mark.parametrize("ends", [(END,), (END, "[DONE]"), (END, STOP)])
def test_a_stop_reason_and_the_end_of_the_body_complete_an_answer(ends: tuple[str, ...]) -> None:
    assert answer_of(decode_stream(START, text("Caw"), *ends)).content == (Text(text="Caw"),)


@pytest.mark.parametrize("ends", [(), ("[DONE]",)])
def test_without_a_stop_reason_an_answer_stays_incomplete(ends: tuple[str, ...]) -> None:
    assert type(failure(START, text("Caw"), *ends)[1]) is IncompleteAnswer


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ('{"error":{"code":"invalid_api_key","message":"moon"}}', AuthenticationFailed),
        ('{"object":"error","type":"InternalServerError","message":"moon","code":500}', ProviderUnavailable),
        ('{"type":"about:blank","detail":"moon","status":503}', ProviderError),
        ('{"detail":"moon"}', ProviderUnavailable),
        ('{"type":"message_delta","delta":{"stop_reason":"end_turn"},"error":{"message":"moon"}}', ProviderUnavailable),
        ('{"type":"message_stop","error":{"message":"moon"}}', ProviderUnavailable),
    ],
)
def test_an_error_of_any_shape_in_a_stream_fails_and_keeps_the_text_before(
    event: str, kind: type[ProviderError]
) -> None:
    deltas, error = failure(START, text("Caw"), event, END, STOP)

    assert TextDelta(0, "Caw") in deltas
    assert isinstance(error, kind)
    assert "moon" in error.message


def test_a_stream_of_another_api_is_a_protocol_error_that_quotes_it() -> None:
    error = failure('{"object":"chat.completion.chunk","choices":[]}', "[DONE]")[1]

    assert isinstance(error, ProtocolError)
    assert not error.retryable
    assert "chat.completion.chunk" in error.message


def test_the_content_that_a_stream_has_only_in_its_start_is_read() -> None:
    first = '{"type":"message_start","message":{"id":"a","model":"m","content":[{"type":"text","text":"Caw"}]}}'

    assert answer_of(decode_stream(first, END, STOP)).content == (Text(text="Caw"),)


def test_answers_without_an_id_have_tool_uses_with_ids_of_their_own() -> None:
    first = '{"type":"message_start","message":{"id":null}}'
    call = start('{"type":"tool_use","id":"","name":"look"}')

    one, other = (answer_of(decode_stream(first, call, END, STOP)).content[0] for _ in range(2))

    assert isinstance(one, ToolUse)
    assert isinstance(other, ToolUse)
    assert one.id != other.id


def test_a_negative_count_is_unavailable() -> None:
    counts = '{"type":"message_delta","delta":{},"usage":{"output_tokens":4,"cache_read_input_tokens":-1}}'

    (report,) = (delta for delta in content_deltas(counts) if isinstance(delta, UsageReported))

    assert (report.usage.output, report.usage.cache_read) == (reported(4), UNAVAILABLE)


def test_an_end_of_turn_with_tool_uses_calls_them() -> None:
    assert whole('{"type":"tool_use","id":"a","name":"look","input":{}}').stop_reason is StopReason.TOOL_USE


@pytest.mark.parametrize("number", ['"index":2,', ""])
def test_a_piece_without_an_index_belongs_to_the_block_begun_last_and_one_with_any_to_a_block_without(
    number: str,
) -> None:
    other = '"index":5,' if not number else ""
    begin = f'{{"type":"content_block_start",{number}"content_block":{{"type":"tool_use","id":"a","name":"look"}}}}'
    delta = '{"type":"input_json_delta","partial_json":"{\\"a\\":1}"}'
    arguments = f'{{"type":"content_block_delta",{other}"delta":{delta}}}'

    content = answer_of(decode_stream(START, text("Caw"), BLOCK_STOP, begin, arguments, END, STOP)).content

    assert content == (Text(text="Caw"), ToolUse(id="a", name="look", input={"a": 1}))
