"""Answers of compatible servers whose members have other types, places or words than the documented ones."""

from typing import Any

import msgspec
import pytest
from builders.chat import DONE, chunk, content_deltas, decode_stream
from builders.decoding import decode_body

from rayconteur.providers.openai.chat.decoder import answer_decoder
from rayconteur.providers.schema.content import Text, Thinking, ToolUse
from rayconteur.providers.schema.deltas import AnswerEnded, Delta, TextDelta
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import Overloaded, ProviderError, ProviderUnavailable, RateLimited
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import UNAVAILABLE, Usage, reported

THINKING = Thinking(text="Hm.", provider="raven")
EACH_FORM = pytest.mark.parametrize("member", ["delta", "message"])


def answer(deltas: list[Delta]) -> Answer:
    """The answer that *deltas* make."""
    draft = Draft("raven")
    draft.add(deltas)
    return draft.finish()


def answer_with(piece: Any, member: str) -> Answer:
    """The answer whose only chunk has *piece* as its *member*: as a stream, or whole."""
    body = msgspec.json.encode({"choices": [{member: piece, "finish_reason": "stop"}]})
    if member == "delta":
        return answer(decode_stream(body.decode(), DONE))
    return answer(decode_body(answer_decoder("raven", 7), body))


@EACH_FORM
@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        ([{"type": "text", "text": "Ca"}, {"type": "text", "text": "w"}], (Text("Caw"),)),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, "Caw"], (THINKING, Text("Caw"))),
        ([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Caw"}], (THINKING, Text("Caw"))),
        ([{"type": "reasoning", "summary": [{"text": "Hm."}]}, "Caw"], (THINKING, Text("Caw"))),
        ([{"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "Caw"}], (Text("Caw"),)),
        ({"type": "text", "text": "Caw"}, (Text("Caw"),)),
        ([], ()),
    ],
)
def test_parts_of_content_are_thinking_and_text(content: Any, blocks: tuple[Any, ...], member: str) -> None:
    assert answer_with({"content": content}, member).content == blocks


@EACH_FORM
@pytest.mark.parametrize("arguments", [{}, {"a": {"b": [1, None]}}])
def test_arguments_that_are_an_object_are_the_input(arguments: dict[str, object], member: str) -> None:
    call = {"id": 5, "function": {"name": "fly", "arguments": arguments}}

    assert answer_with({"tool_calls": [call]}, member).content == (ToolUse(id="5", name="fly", input=arguments),)


@EACH_FORM
@pytest.mark.parametrize("empty", ["", False, 0, [], {}])
def test_empty_values_of_any_type_are_nothing(empty: object, member: str) -> None:
    piece = {"content": "Caw", "tool_calls": empty, "function_call": empty, "refusal": empty, "reasoning": empty}

    assert answer_with(piece, member).content == (Text("Caw"),)


@pytest.mark.parametrize("text", ["A raven", " flies"])
def test_a_message_beside_a_delta_is_not_read(text: str) -> None:
    both = '{"choices":[{"delta":{"content":"%s"},"message":{"content":"A raven flies"},"finish_reason":null}]}'

    assert content_deltas(both % text, both % ".") == [TextDelta(0, text), TextDelta(0, ".")]


def test_the_message_of_a_whole_answer_is_read_beside_an_empty_delta() -> None:
    body = b'{"choices":[{"delta":{"content":""},"message":{"content":"Caw"},"finish_reason":"stop"}]}'

    assert answer(decode_body(answer_decoder("raven", 7), body)).content == (Text("Caw"),)


@pytest.mark.parametrize(
    ("members", "input_tokens", "cached"),
    [
        ('"usage":{"prompt_tokens":9,"prompt_cache_hit_tokens":4}', 9, 4),
        ('"usage":{"prompt_tokens":9,"cached_tokens":4}', 9, 4),
        ('"usage":{"prompt_tokens":"9","prompt_tokens_details":{"cached_tokens":4.0}}', 9, 4),
        ('"usage":{"input_tokens":5,"cache_read_input_tokens":4}', 9, 4),
        ('"x_groq":{"id":"r","usage":{"prompt_tokens":9}}', 9, None),
        ('"usage":null,"x_groq":{"usage":{"prompt_tokens":9}}', 9, None),
        ('"usage":{"prompt_tokens":-1,"prompt_tokens_details":{"cached_tokens":-1}}', None, None),
        ('"usage":{"prompt_tokens":-1,"prompt_tokens_details":{"cached_tokens":0},"cached_tokens":-1}', None, 0),
        ('"usage":{"prompt_tokens":"many"}', None, None),
        ('"usage":[]', None, None),
    ],
)
def test_usage_is_read_in_each_gateway_s_words(members: str, input_tokens: int | None, cached: int | None) -> None:
    body = f'{{"choices":[{{"delta":{{"content":"Caw"}},"finish_reason":"stop"}}],{members}}}'

    usage = answer(decode_stream(body, DONE)).usage

    assert (usage.input, usage.cache_read) == (reported(input_tokens), reported(cached))
    assert usage.output == UNAVAILABLE


def test_usage_in_the_choice_is_read() -> None:
    body = '{"choices":[{"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":2}}]}'

    assert answer(decode_stream(body, DONE)).usage == Usage(input=reported(9), output=reported(2))


def test_an_error_in_what_groq_adds_fails() -> None:
    error = '{"choices":[],"x_groq":{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}}'

    with pytest.raises(RateLimited, match="slow down"):
        decode_stream(chunk('{"content":"Caw"}'), error, DONE)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("eos", StopReason.END_TURN),
        ("eos_token", StopReason.END_TURN),
        ("STOP", StopReason.END_TURN),
        ("stop_sequence", StopReason.STOP_SEQUENCE),
        ("MAX_TOKENS", StopReason.MAX_TOKENS),
        ("tool_use", StopReason.TOOL_USE),
        ("model_length", StopReason.CONTEXT_FULL),
        ("SAFETY", StopReason.CONTENT_FILTER),
        ("refusal", StopReason.REFUSAL),
    ],
)
def test_reasons_for_stopping_are_read_in_any_vendor_s_words_and_case(raw: str, reason: StopReason) -> None:
    assert decode_stream(chunk(reason=f'"{raw}"'), DONE)[-1] == AnswerEnded(reason, raw)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [("abort", ProviderUnavailable), ("ERROR", ProviderUnavailable), ("insufficient_system_resource", Overloaded)],
)
def test_a_reason_that_is_a_failure_fails(raw: str, kind: type[ProviderError]) -> None:
    with pytest.raises(kind, match=raw):
        decode_stream(chunk('{"content":"Half"}', reason=f'"{raw}"'), DONE)


def test_events_that_are_null_keep_the_connection_alive() -> None:
    assert content_deltas("null", chunk('{"content":"Caw"}'), " null ") == [TextDelta(0, "Caw")]
