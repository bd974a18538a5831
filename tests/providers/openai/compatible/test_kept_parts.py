"""What compatible servers want back with their answers: it goes back as it came, and only to them."""

from typing import Any

import msgspec
import pytest
from builders.chat import DIALECT, DONE, calls_chunk, chunk, decode_stream, request_body
from builders.messages import assistant, user

from rayconteur.providers.anthropic.content import MEDIA, wire_blocks
from rayconteur.providers.openai.chat.decoder import answer_decoder
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses.requests import body as responses_body
from rayconteur.providers.schema.content import Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.messages import UNREADABLE, Message, Origin, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.runtime.core.history import worth_keeping

Json = dict[str, Any]
SOURCE = "model at endpoint"
SERVER = Dialect("raven", "gpt-x", own=False, source=SOURCE)
CALL = '{"index":0,"id":"a","function":{"name":"fly","arguments":"{}"}}'
SIGNED = {"google": {"thought_signature": "c2ln"}}


def streamed(*chunks: str) -> Answer:
    """The answer that the stream of *chunks* is."""
    draft = Draft("raven")
    draft.add(decode_stream(*chunks, DONE))
    return draft.finish()


def whole(message: Json) -> Answer:
    """The answer that is not streamed and has *message*."""
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    decoder, draft = answer_decoder("raven", 1), Draft("raven")
    draft.add(decoder.feed(msgspec.json.encode(body)) + decoder.finish())
    return draft.finish()


def sent_back(answer: Answer, dialect: Dialect = SERVER, origin: Origin | None = None) -> Json:
    """*answer*, with the results of its tools, in the next request."""
    content = worth_keeping(answer.content, frozenset())
    message = Message(role=Role.ASSISTANT, content=content, turn=1, origin=origin or Origin(source=SOURCE))
    results = (ToolResult(use.id, (Text("ok"),)) for use in content if isinstance(use, ToolUse))
    messages = (user(Text("Fly!")), message, user(*results, Text("And?")))
    sent: Json = request_body(*messages, dialect=dialect)["messages"][1]
    return sent


def details(*pieces: Json) -> str:
    """A chunk with the reasoning details *pieces*."""
    return chunk(msgspec.json.encode({"reasoning_details": pieces}).decode())


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_thinking_goes_back_with_tool_calls_under_the_name_under_which_it_came(member: str) -> None:
    answer = streamed(chunk(f'{{"{member}":"Hm"}}'), chunk(f'{{"{member}":"."}}'), calls_chunk(CALL))

    sent = sent_back(answer)

    assert sent[member] == "Hm."
    assert sent.keys() == {"role", "content", "tool_calls", member}
    assert sent_back(whole({"content": None, member: "Hm.", "tool_calls": [msgspec.json.decode(CALL)]})) == sent


def test_an_empty_reasoning_content_goes_back_with_tool_calls_and_an_empty_reasoning_does_not() -> None:
    first = '{"role":"assistant","content":null,"%s":""}'

    assert sent_back(streamed(chunk(first % "reasoning_content"), calls_chunk(CALL)))["reasoning_content"] == ""
    assert "reasoning" not in sent_back(streamed(chunk(first % "reasoning"), calls_chunk(CALL)))


def test_thinking_does_not_go_back_without_tool_calls() -> None:
    answer = streamed(chunk('{"reasoning_content":"Hm."}'), chunk('{"content":"Caw."}'))

    assert answer.content == (Thinking(text="Hm.", provider="raven"), Text("Caw."))
    assert sent_back(answer) == {"role": "assistant", "content": "Caw."}


def test_the_signature_of_a_call_goes_back_with_that_call() -> None:
    signed = f'{{"index":1,"id":"b","function":{{"name":"sit","arguments":"{{}}"}},"extra_content":{_json(SIGNED)}}}'

    calls = sent_back(streamed(calls_chunk(CALL), calls_chunk(signed)))["tool_calls"]

    assert [call.get("extra_content") for call in calls] == [None, SIGNED]
    assert [call["id"] for call in calls] == ["a", "b"]


def test_the_signature_of_a_call_stays_with_it_when_its_id_is_taken() -> None:
    answer = streamed(calls_chunk(CALL[:-1] + f',"extra_content":{_json(SIGNED)}}}'))
    content = worth_keeping(answer.content, {"a"})

    sent = request_body(user(Text("Hi")), assistant(*content), dialect=SERVER)["messages"][1]

    assert sent["tool_calls"][0]["id"] == "a-2"
    assert sent["tool_calls"][0]["extra_content"] == SIGNED


def test_the_signature_of_a_message_goes_back_with_the_message() -> None:
    thought = '{"content":"Hm","extra_content":{"google":{"thought":true}}}'
    last = f'{{"content":"Caw.","extra_content":{_json(SIGNED)}}}'

    assert sent_back(streamed(chunk(thought), chunk(last))) == {
        "role": "assistant",
        "content": "HmCaw.",
        "extra_content": SIGNED,
    }


def test_thinking_that_only_the_details_have_is_shown() -> None:
    summary = {"type": "reasoning.summary", "summary": "Hm", "index": 0}
    text = {"type": "reasoning.text", "text": ", so.", "signature": "s", "index": 1}
    hidden = {"type": "reasoning.encrypted", "data": "x", "index": 2}

    answer = streamed(details(summary), details(text, hidden), chunk('{"content":"Caw."}'))

    assert answer.content[:2] == (Thinking(text="Hm, so.", provider="raven"), Text("Caw."))
    assert sent_back(answer)["reasoning_details"] == [summary, text, hidden]


def test_details_that_repeat_the_thinking_are_not_shown_again() -> None:
    blocks = '{"thinking_blocks":[{"type":"thinking","thinking":"Hm.","signature":"s"}]}'
    both = '{"reasoning":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"Hm."}],"content":"Caw."}'

    for chunks in ([chunk('{"reasoning_content":"Hm."}'), chunk(blocks), chunk('{"content":"Caw."}')], [chunk(both)]):
        assert streamed(*chunks).content[:2] == (Thinking(text="Hm.", provider="raven"), Text("Caw."))


def test_streamed_reasoning_details_are_joined_by_type_and_index() -> None:
    text = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
    encrypted = {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "index": 0}
    answer = streamed(
        details(),
        details(text | {"text": "", "signature": ""}),
        details(text | {"text": "Let me "}),
        details(text | {"text": "see."}),
        details(text | {"signature": "c2ln"}),
        details(text | {"text": "More."}),
        details({"type": "reasoning.summary", "summary": "**Fly", "index": 1}),
        details({"type": "reasoning.summary", "summary": "ing**", "index": 1}, encrypted),
        details(encrypted | {"id": "rs_2"}),
        calls_chunk(CALL),
    )

    assert sent_back(answer)["reasoning_details"] == [
        text | {"text": "Let me see.", "signature": "c2ln"},
        text | {"text": "More."},
        {"type": "reasoning.summary", "summary": "**Flying**", "index": 1},
        encrypted,
        encrypted | {"id": "rs_2"},
    ]


@pytest.mark.parametrize("member", ["reasoning_details", "thinking_blocks"])
def test_the_details_of_a_whole_answer_go_back_unchanged(member: str) -> None:
    blocks = [{"type": "t", "text": "a", "x": None}, {"type": "t", "text": "b", "signature": None}, {"type": "e"}]

    sent = sent_back(whole({"content": "Caw.", "reasoning": "ab", member: blocks}))

    assert sent == {"role": "assistant", "content": "Caw.", member: blocks}


def test_streamed_thinking_blocks_are_joined() -> None:
    pieces = [{"type": "thinking", "thinking": "Let "}, {"type": "thinking", "thinking": "me."}, {"signature": "c2ln"}]
    chunks = [chunk(_json({"thinking_blocks": [{"type": "thinking"} | piece]})) for piece in pieces]

    sent = sent_back(streamed(*chunks, calls_chunk(CALL)))

    assert sent["thinking_blocks"] == [{"type": "thinking", "thinking": "Let me.", "signature": "c2ln"}]


@pytest.mark.parametrize(
    "delta",
    [
        '{"content":"Caw.","extra_content":[1],"reasoning_details":{"a":1},"thinking_blocks":"x"}',
        '{"content":"Caw.","extra_content":{"google":null},"reasoning_details":[null,3],"thinking_blocks":null}',
        '{"content":"Caw.","extra_content":{"google":{"thought":true}},"reasoning_details":[]}',
    ],
)
def test_what_is_not_in_the_documented_form_costs_no_answer_and_is_not_kept(delta: str) -> None:
    assert streamed(chunk(delta)).content == (Text("Caw."),)


def kept_answer() -> Answer:
    call = CALL[:-1] + f',"extra_content":{_json(SIGNED)}}}'
    return streamed(chunk('{"reasoning_content":"Hm."}'), details({"type": "t", "text": "a"}), calls_chunk(call))


def test_other_servers_models_and_accounts_are_sent_nothing_of_it() -> None:
    plain = sent_back(streamed(calls_chunk(CALL)))

    assert sent_back(kept_answer(), origin=Origin(source="another")) == plain
    assert sent_back(kept_answer(), Dialect("crow", "gpt-x", own=False, source=SOURCE)) == plain
    assert sent_back(kept_answer(), origin=UNREADABLE) == plain
    assert sent_back(kept_answer()) != plain


def test_other_apis_are_sent_nothing_of_it() -> None:
    message = assistant(*kept_answer().content)
    dialect = Dialect("raven", "gpt-x", own=False, api="responses", source=SOURCE)

    items = msgspec.json.decode(responses_body(Request(1, (user(Text("Hi")), message), Settings()), dialect, False))

    assert [item.get("type") for item in items["input"]] == [None, "function_call"]
    assert [block["type"] for block in wire_blocks(message, MEDIA, SOURCE)] == ["tool_use"]


def test_an_answer_of_only_thinking_keeps_nothing() -> None:
    answer = streamed(details({"type": "t", "text": "a"}), chunk('{"reasoning":"a"}'))

    assert not any(isinstance(block, Opaque) for block in answer.content)
    assert worth_keeping(answer.content, frozenset()) == ()


def test_the_ids_of_calls_go_back_unchanged_to_compatible_servers_and_shortened_to_openai() -> None:
    use_id = "call_1__thought__" + "c2lnbmF0dXJl" * 40
    messages = (assistant(ToolUse(use_id, "fly", {})), user(ToolResult(use_id, (Text("ok"),))))

    call, result = request_body(*messages, dialect=SERVER)["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == use_id
    call, result = request_body(*messages, dialect=DIALECT)["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert len(result["tool_call_id"]) <= 40


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
