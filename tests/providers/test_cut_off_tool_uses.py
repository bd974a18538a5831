"""Tool uses that the output limit cut off: with every provider, wherever it happened, none gets input that it lacks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from builders import anthropic, chat, cohere, eventstream
from builders.decoding import decode_body

from rayconteur.providers.anthropic.decoder import answer_decoder as anthropic_decoder
from rayconteur.providers.bedrock.decoder import BedrockReader
from rayconteur.providers.bedrock.decoder import answer_decoder as bedrock_decoder
from rayconteur.providers.cohere.decoder import answer_decoder as cohere_decoder
from rayconteur.providers.google.decoder import answer_decoder as google_decoder
from rayconteur.providers.openai.chat.decoder import answer_decoder as chat_decoder
from rayconteur.providers.openai.responses.decoder import answer_decoder as responses_decoder
from rayconteur.providers.schema.content import ToolUse
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.stop_reasons import StopReason

INPUT = '{"path": "raven.txt", "text": "It hides food."}'
Cut = Callable[[str], list[Delta]]
"""The deltas of an answer that the output limit ended after so much of the input of its only tool use."""


def anthropic_stream(text: str) -> list[Delta]:
    use = '{"type":"tool_use","id":"a","name":"write","input":{}}'
    piece = json.dumps({"type": "input_json_delta", "partial_json": text})
    return anthropic.decode_stream(
        anthropic.START,
        f'{{"type":"content_block_start","index":0,"content_block":{use}}}',
        f'{{"type":"content_block_delta","index":0,"delta":{piece}}}',
        '{"type":"content_block_stop","index":0}',
        '{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":9}}',
        anthropic.STOP,
    )


def bedrock_stream(text: str) -> list[Delta]:
    start = {"toolUse": {"toolUseId": "a", "name": "write"}}
    frames = [
        eventstream.event("messageStart", role="assistant"),
        eventstream.event("contentBlockStart", contentBlockIndex=0, start=start),
        *([eventstream.delta(0, toolUse={"input": text})] if text else []),
        eventstream.block_stop(0),
        eventstream.event("messageStop", stopReason="max_tokens"),
        eventstream.event("metadata", usage={"inputTokens": 1, "outputTokens": 1}),
    ]
    return decode_body(bedrock_decoder(BedrockReader("claude", "request-1")), b"".join(frames))


def chat_stream(text: str) -> list[Delta]:
    begin = chat.calls_chunk('{"index":0,"id":"a","function":{"name":"write","arguments":""}}')
    piece = chat.calls_chunk(json.dumps({"index": 0, "function": {"arguments": text}}))
    return chat.decode_stream(begin, *([piece] if text else []), chat.chunk(reason='"length"'), chat.DONE)


def chat_custom(text: str) -> list[Delta]:
    begin = chat.calls_chunk('{"index":0,"id":"a","type":"custom","custom":{"name":"write","input":""}}')
    piece = chat.calls_chunk(json.dumps({"index": 0, "custom": {"input": text}}))
    return chat.decode_stream(begin, *([piece] if text else []), chat.chunk(reason='"length"'), chat.DONE)


def chat_whole(text: str) -> list[Delta]:
    call = {"id": "a", "type": "function", "function": {"name": "write", "arguments": text}}
    choice = {"index": 0, "message": {"content": None, "tool_calls": [call]}, "finish_reason": "length"}
    return decode_body(chat_decoder("raven", 7), json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode())


def cohere_stream(text: str) -> list[Delta]:
    begin = cohere.call_event('{"id":"a","type":"function","function":{"name":"write","arguments":""}}')
    piece = cohere.call_event(json.dumps({"function": {"arguments": text}}), kind="delta")
    end = '{"type":"tool-call-end","index":0}'
    return cohere.decode_stream(cohere.START, begin, piece, end, cohere.end_event("MAX_TOKENS"))


def cohere_whole(text: str) -> list[Delta]:
    call = {"id": "a", "type": "function", "function": {"name": "write", "arguments": text}}
    answer = {"id": "c", "finish_reason": "MAX_TOKENS", "message": {"role": "assistant", "tool_calls": [call]}}
    return decode_body(cohere_decoder("command-x"), json.dumps(answer).encode())


def google_stream(text: str) -> list[Delta]:
    """Vertex AI sends the value of each argument in pieces."""
    pieces: list[Any] = [{"jsonPath": "$.text", "stringValue": text}] if text else []
    part: Any = {"functionCall": {"name": "write", "partialArgs": pieces, "willContinue": True}}
    candidates: list[Any] = [{"content": {"parts": [part]}}, {"content": {"parts": []}, "finishReason": "MAX_TOKENS"}]
    chunks = [{"candidates": [candidate], "responseId": "r", "modelVersion": "m"} for candidate in candidates]
    return decode_body(google_decoder(5), b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks))


def responses_stream(text: str, kind: str = "function_call", member: str = "arguments") -> list[Delta]:
    item = {"id": "i", "type": kind, "call_id": "a", "name": "write", member: ""}
    event = "custom_tool_call_input" if kind == "custom_tool_call" else "function_call_arguments"
    events = [
        {"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": f"response.{event}.delta", "item_id": "i", "output_index": 0, "delta": text},
        {"type": "response.output_item.done", "output_index": 0, "item": item | {member: text, "status": "incomplete"}},
        {
            "type": "response.incomplete",
            "response": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        },
    ]
    body = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events)
    return decode_body(responses_decoder("raven", 7), body)


def responses_custom(text: str) -> list[Delta]:
    return responses_stream(text, "custom_tool_call", "input")


JSON_TEXT: dict[str, Cut] = {
    "Anthropic": anthropic_stream,
    "Bedrock": bedrock_stream,
    "Chat Completions": chat_stream,
    "Chat Completions, whole": chat_whole,
    "Cohere": cohere_stream,
    "Cohere, whole": cohere_whole,
    "Responses": responses_stream,
}
"""Where the input arrives as the model writes it."""

OTHER_FORMS: dict[str, Cut] = {
    "custom tools of Chat Completions": chat_custom,
    "custom tools of Responses": responses_custom,
    "Google": google_stream,
}
"""Where it is put into JSON by others, so that its text is valid JSON however much of it is there."""


def tool_use(deltas: list[Delta]) -> ToolUse:
    draft = Draft("raven")
    draft.add(deltas)
    [use] = (block for block in draft.finish().content if isinstance(block, ToolUse))
    return use


@pytest.mark.parametrize("provider", [*JSON_TEXT, *OTHER_FORMS])
def test_a_tool_use_that_the_output_limit_cut_off_at_any_byte_has_no_input(provider: str) -> None:
    answer = (JSON_TEXT | OTHER_FORMS)[provider]

    uses = [tool_use(answer(INPUT[:length])) for length in range(len(INPUT))]

    assert {use.cut_off for use in uses} == {StopReason.MAX_TOKENS}
    assert all(use.malformed is not None and use.input == {"INVALID_JSON": use.malformed} for use in uses)


@pytest.mark.parametrize("provider", JSON_TEXT)
def test_a_tool_use_that_was_complete_when_the_limit_was_reached_keeps_its_input(provider: str) -> None:
    use = tool_use(JSON_TEXT[provider](INPUT))

    assert (use.input, use.malformed, use.cut_off) == (json.loads(INPUT), None, None)


@pytest.mark.parametrize("tool_input", [{}, {"path": "raven.txt"}])
def test_an_object_that_a_provider_made_of_the_input_does_not_show_that_it_is_complete(
    tool_input: dict[str, str],
) -> None:
    """Anthropic: a tool use at the end of an answer that stopped at max_tokens is incomplete.

    https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons#max-tokens
    """
    block = {"type": "tool_use", "id": "a", "name": "write", "input": tool_input}
    message = {"id": "m", "model": "m", "type": "message", "content": [block], "stop_reason": "max_tokens"}
    content = [{"toolUse": {"toolUseId": "a", "name": "write", "input": tool_input}}]
    converse = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "max_tokens"}

    uses = [
        tool_use(decode_body(anthropic_decoder(), json.dumps(message).encode())),
        tool_use(decode_body(bedrock_decoder(BedrockReader("claude", "1")), json.dumps(converse).encode())),
    ]

    assert [use.cut_off for use in uses] == [StopReason.MAX_TOKENS] * 2


def test_a_call_that_google_made_without_arguments_before_the_limit_is_cut_off() -> None:
    part: Any = {"functionCall": {"name": "write", "args": {}}}
    candidate = {"content": {"parts": [part]}, "finishReason": "MAX_TOKENS"}
    body = {"candidates": [candidate], "responseId": "r", "modelVersion": "m"}

    assert tool_use(decode_body(google_decoder(5), json.dumps(body).encode())).cut_off is StopReason.MAX_TOKENS
