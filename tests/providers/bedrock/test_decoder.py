"""Answers of Converse and ConverseStream, read into deltas."""

import json
from typing import Any

import msgspec
import pytest
from builders.decoding import decode_body
from builders.eventstream import END, EVENT, START, THINKS_AND_CALLS, block_stop, delta, event, exception_frame, frame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayconteur.providers.bedrock.decoder import BedrockReader, answer_decoder
from rayconteur.providers.schema.content import Citation, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.deltas import AnswerEnded, AnswerStarted, Delta
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    IncompleteAnswer,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported


def decode_stream(*pieces: bytes) -> Answer:
    """The answer in a stream that comes in *pieces*."""
    decoder = answer_decoder(BedrockReader("claude", "request-1"))
    draft = Draft("bedrock")
    for piece in pieces:
        draft.add(decoder.feed(piece))
    draft.add(decoder.finish())
    return draft.finish()


def decode_whole(*content: Any, model: str = "claude", **more: Any) -> Answer:
    """The answer with *content* that is not streamed."""
    body = {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn", **more}
    draft = Draft("bedrock")
    draft.add(decode_body(answer_decoder(BedrockReader(model, "request-1")), json.dumps(body).encode()))
    return draft.finish()


def failure(*pieces: bytes) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        decode_stream(*pieces)
    return raised.value


def test_thinking_text_and_a_tool_use_are_decoded() -> None:
    answer = decode_stream(THINKS_AND_CALLS)

    assert (answer.message_id, answer.model, answer.stop_reason) == ("request-1", "claude", StopReason.TOOL_USE)
    assert answer.content == (
        Thinking(text="A raven flies.", provider="bedrock", signature="c2lnbmVk"),
        Text("Let me look."),
        ToolUse(id="tooluse_1", name="look", input={"where": "roof"}),
    )
    assert answer.usage == Usage(input=reported(12), output=reported(34))


def test_an_answer_is_the_same_whole_or_streamed_byte_by_byte() -> None:
    reasoning = {"reasoningText": {"text": "A raven flies.", "signature": "c2lnbmVk"}}
    use = {"toolUseId": "tooluse_1", "name": "look", "input": {"where": "roof"}}

    answer = decode_whole(
        {"reasoningContent": reasoning}, {"text": "Let me look."}, {"toolUse": use}, stopReason="tool_use"
    )

    assert answer.content == decode_stream(*(bytes([byte]) for byte in THINKS_AND_CALLS)).content


def test_cached_tokens_are_part_of_the_input() -> None:
    counts = {"inputTokens": 11, "outputTokens": 2, "cacheReadInputTokens": 1_000, "cacheWriteInputTokens": 28}

    assert decode_whole({"text": "Caw"}, usage=counts).usage == Usage(
        input=reported(1_039), output=reported(2), cache_read=reported(1_000), cache_write=reported(28)
    )


def test_redacted_thinking_in_several_pieces_is_one_block() -> None:
    pieces = [delta(0, reasoningContent={"redactedContent": piece}) for piece in ("YWI=", "Y2Q=")]
    hidden = Thinking(text="", provider="bedrock", signature="YWJjZA==", redacted=True)

    assert decode_stream(START, *pieces, block_stop(0), END).content == (hidden,)
    assert decode_whole({"reasoningContent": {"redactedContent": "YWJjZA=="}}).content == (hidden,)


def original(citation: dict[str, Any]) -> Opaque:
    return Opaque(provider="bedrock", type="citation", json=json.dumps(citation).encode())


def test_text_with_sources_is_text_with_citations() -> None:
    source = {
        "title": "facts",
        "sourceContent": [{"text": "Ravens "}, {"text": "fly."}],
        "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 12}},
    }
    web = {"location": {"web": {"url": "https://x.example", "domain": "x.example"}}}
    cited = Text(
        "They fly.",
        citations=(
            Citation(cited_text="Ravens fly.", title="facts", source="0", original=original(source)),
            Citation(url="https://x.example", original=original(web)),
        ),
    )

    assert decode_stream(
        START, delta(0, citation=source), delta(0, text="They fly."), delta(0, citation=web), block_stop(0), END
    ).content == (cited,)
    assert decode_whole(
        {"citationsContent": {"content": [{"text": "They "}, {"text": "fly."}], "citations": [source, web]}}
    ).content == (cited,)


def test_tools_that_the_provider_runs_are_opaque_blocks() -> None:
    use = {"toolUseId": "t1", "name": "search", "type": "server_tool_use"}
    result = {"toolUseId": "t1", "status": "success", "type": "search_result"}
    content = [{"text": "a"}, {"json": {"b": 1}}]
    blocks = ({"toolUse": {**use, "input": {"q": 1}}}, {"toolResult": {**result, "content": content}})

    answer = decode_stream(
        START,
        event("contentBlockStart", contentBlockIndex=0, start={"toolUse": use}),
        delta(0, toolUse={"input": '{"q":'}),
        delta(0, toolUse={"input": "1}"}),
        block_stop(0),
        event("contentBlockStart", contentBlockIndex=1, start={"toolResult": result}),
        delta(1, toolResult=content[:1]),
        delta(1, toolResult=content[1:]),
        block_stop(1),
        END,
    )

    for decoded in (answer.content, decode_whole(*blocks).content):
        assert [(block.type, msgspec.json.decode(block.json)) for block in decoded if isinstance(block, Opaque)] == [
            ("server_tool_use", blocks[0]),
            ("toolResult", blocks[1]),
        ]


def test_a_tool_use_of_type_tool_use_is_the_caller_s() -> None:
    use = {"toolUseId": "t1", "name": "look", "type": "tool_use"}
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": use})
    expected = (ToolUse(id="t1", name="look", input={}),)

    assert (
        decode_stream(START, start, block_stop(0), END).content
        == decode_whole({"toolUse": {**use, "input": {}}}).content
        == expected
    )


def test_a_truncated_input_of_a_tool_that_the_provider_runs_is_dropped() -> None:
    use = {"toolUseId": "t1", "name": "search", "type": "server_tool_use"}
    start = event("contentBlockStart", contentBlockIndex=0, start={"toolUse": use})

    [block] = decode_stream(START, start, delta(0, toolUse={"input": '{"q'}), block_stop(0), END).content

    assert isinstance(block, Opaque)
    assert msgspec.json.decode(block.json) == {"toolUse": {**use, "input": {}}}


def test_an_image_is_assembled_from_its_pieces() -> None:
    start = event("contentBlockStart", contentBlockIndex=0, start={"image": {"format": "png"}})
    pieces = [delta(0, image={"source": {"bytes": piece}}) for piece in ("YWI=", "Y2Q=")]

    [block] = decode_stream(START, start, *pieces, block_stop(0), END).content

    assert isinstance(block, Opaque)
    assert msgspec.json.decode(block.json) == {"image": {"format": "png", "source": {"bytes": "YWJjZA=="}}}


def test_unknown_events_and_members_are_ignored() -> None:
    answer = decode_stream(
        START,
        event("somethingNew", contentBlockIndex=0),
        event("contentBlockStart", contentBlockIndex=0, start={}),
        event("contentBlockStart", contentBlockIndex=1, start={"hologram": {}}),
        delta(1, hologram={"x": 1}),
        block_stop(1),
        delta(0, text="Caw"),
        END,
    )

    assert answer.content == (Text("Caw"),)
    assert [block.type for block in decode_whole({"hologram": {"x": 1}}).content if isinstance(block, Opaque)] == [
        "hologram"
    ]


def test_members_that_are_null_are_not_the_one_that_is_set() -> None:
    nulls = {"toolUse": None, "image": None, "toolResult": None}
    use = {"toolUseId": "t1", "name": "look"}

    answer = decode_stream(
        START,
        event("contentBlockStart", contentBlockIndex=0, start=nulls),
        delta(0, text="Caw"),
        block_stop(0),
        event("contentBlockStart", contentBlockIndex=1, start=nulls | {"toolUse": use}),
        block_stop(1),
        END,
    )

    expected = (Text("Caw"), ToolUse(id="t1", name="look", input={}))
    assert answer.content == expected
    whole = decode_whole(nulls | {"text": "Caw"}, nulls | {"text": None, "toolUse": use | {"input": {}}})
    assert whole.content == expected


@pytest.mark.parametrize("use", [3, [], "look"])
def test_a_tool_use_that_is_no_object_is_a_malformed_answer(use: object) -> None:
    with pytest.raises(ProtocolError, match="bject"):
        decode_stream(START, event("contentBlockStart", contentBlockIndex=0, start={"toolUse": use}), END)


@pytest.mark.parametrize(
    ("name", "message", "kind"),
    [
        ("internalServerException", "oops", ProviderUnavailable),
        ("modelStreamErrorException", "oops", ProviderUnavailable),
        ("throttlingException", "Too many tokens, please wait", RateLimited),
        ("validationException", "Input is too long for requested model.", ContextOverflow),
        ("accessDeniedException", "no", AuthenticationFailed),
        ("somethingNewException", "huh", ProviderUnavailable),
    ],
)
def test_an_exception_in_the_stream_is_raised_as_the_error_that_it_names(
    name: str, message: str, kind: type[ProviderError]
) -> None:
    error = failure(START, delta(0, text="Caw"), exception_frame(name, message))

    assert type(error) is kind
    assert (error.message, error.vendor_code) == (message, name[:1].upper() + name[1:])


def test_an_error_in_the_headers_of_a_frame_is_raised() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "oops"}

    error = failure(START, frame(headers, b""))

    assert type(error) is ProviderUnavailable
    assert (error.message, error.vendor_code) == ("oops", "InternalFailure")


@pytest.mark.parametrize(
    "pieces",
    [
        (event("messageStop", stopReason="end_turn"),),
        (START, delta(0, toolUse={"input": "{"})),
        (START, event("contentBlockDelta", delta={"text": ["Caw"]})),
        (START, frame(EVENT | {":event-type": "messageStop"}, b"no json")),
        (START, frame(EVENT | {":event-type": "contentBlockDelta"}, b'{"contentBlockIndex":0,"delta":{"text":1}}')),
        (event("metadata"),),
    ],
)
def test_a_malformed_event_is_a_protocol_error(pieces: tuple[bytes, ...]) -> None:
    assert type(failure(*pieces)) is ProtocolError


def test_a_stream_that_ends_early_is_an_incomplete_answer() -> None:
    stop = THINKS_AND_CALLS.index(b"messageStop")
    for length in range(stop):
        assert type(failure(THINKS_AND_CALLS[:length])) is IncompleteAnswer


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_body_is_an_answer_or_a_provider_error(data: st.DataObject) -> None:
    body = bytearray(
        b'{"output":{"message":{"content":[{"text":"a"},{"toolUse":{"name":"n","toolUseId":"i","input":{}}},'
        b'{"reasoningContent":{"redactedContent":"YQ=="}}]}},"stopReason":"end_turn","usage":{"inputTokens":1}}'
    )
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    deltas: list[Delta] = []
    try:
        deltas = decode_body(answer_decoder(BedrockReader("claude", "1")), bytes(body))
    except ProviderError:
        return
    assert isinstance(deltas[0], AnswerStarted)
    assert isinstance(deltas[-1], AnswerEnded)


def test_an_error_in_place_of_an_answer_is_raised() -> None:
    with pytest.raises(RateLimited):
        decode_body(
            answer_decoder(BedrockReader("claude", "1")),
            b'{"__type":"com.amazon#ThrottlingException","message":"slow down"}',
        )
    with pytest.raises(IncompleteAnswer):
        decode_body(answer_decoder(BedrockReader("claude", "1")), b'{"output":{"message":')
