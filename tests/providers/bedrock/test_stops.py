"""Why an answer of Bedrock ended, and what is known about it."""

import json
from typing import Any

import pytest
from builders.decoding import decode_body
from builders.eventstream import START, delta, event

from rayconteur.providers.bedrock.decoder import BedrockReader, answer_decoder
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.stop_reasons import StopDetails, StopReason
from rayconteur.providers.schema.usage import UNAVAILABLE, reported

CLAUDE, NOVA = "global.anthropic.claude-opus-5-5", "us.amazon.nova-2-lite-v1:0"
USAGE = {"inputTokens": 12, "outputTokens": 34, "totalTokens": 46}
BLOCKED = {"type": "VIOLENCE", "confidence": "HIGH", "action": "BLOCKED"}
TRACE = {
    "guardrail": {
        "actionReason": "Guardrail blocked.",
        "inputAssessment": {"abc": {"contentPolicy": {"filters": [{"type": "HATE", "action": "NONE"}, BLOCKED]}}},
    }
}
REFUSED = {"type": "refusal", "category": "cyber", "explanation": "No exploits."}


def streamed(reason: str, model: str = CLAUDE, trace: object = None, fields: object = None) -> Answer:
    stop = {"stopReason": reason, "additionalModelResponseFields": fields}
    stream = START + delta(0, text="Caw") + event("messageStop", **stop) + event("metadata", usage=USAGE, trace=trace)
    decoder, draft = answer_decoder(BedrockReader(model, "request-1")), Draft("bedrock")
    draft.add(decoder.feed(stream))
    draft.add(decoder.finish())
    return draft.finish()


def whole(reason: str, model: str = CLAUDE, trace: object = None, fields: object = None) -> Answer:
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": "Caw"}]}},
        "stopReason": reason,
        "usage": USAGE,
        "trace": trace,
        "additionalModelResponseFields": fields,
    }
    draft = Draft("bedrock")
    draft.add(decode_body(answer_decoder(BedrockReader(model, "request-1")), json.dumps(body).encode()))
    return draft.finish()


EITHER_WAY = pytest.mark.parametrize("answer", [streamed, whole])


@EITHER_WAY
def test_a_refusal_of_claude_is_told_from_a_filtered_answer_of_others(answer: Any) -> None:
    assert answer("content_filtered").stop_reason is StopReason.REFUSAL
    assert answer("content_filtered", model=NOVA).stop_reason is StopReason.CONTENT_FILTER
    assert answer("guardrail_intervened").stop_reason is StopReason.CONTENT_FILTER


@EITHER_WAY
def test_what_a_guardrail_found_is_in_the_stop_details(answer: Any) -> None:
    assert answer("guardrail_intervened", trace=TRACE).stop_details == StopDetails(
        category="VIOLENCE", explanation="Guardrail blocked.", vendor=TRACE["guardrail"]
    )


@EITHER_WAY
@pytest.mark.parametrize("trace", [None, {}, {"promptRouter": {}}, {"guardrail": "?"}, 7])
def test_an_answer_without_a_trace_has_no_stop_details(answer: Any, trace: object) -> None:
    assert answer("guardrail_intervened", trace=trace).stop_details is None


@EITHER_WAY
def test_a_trace_of_an_answer_that_was_not_stopped_is_no_stop_detail(answer: Any) -> None:
    assert answer("end_turn", trace=TRACE).stop_details is None


@EITHER_WAY
def test_claude_s_own_details_of_a_refusal_are_read_where_the_request_asks_for_them(answer: Any) -> None:
    assert answer("content_filtered", fields={"stop_details": REFUSED}).stop_details == StopDetails(
        category="cyber", explanation="No exploits.", vendor=REFUSED
    )


@EITHER_WAY
@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"usage": {"output_tokens_details": {"thinking_tokens": 20}}}, reported(20)),
        ({"usage": {"output_tokens_details": {"thinking_tokens": "?"}}}, UNAVAILABLE),
        ({"usage": []}, UNAVAILABLE),
        ([], UNAVAILABLE),
        (None, UNAVAILABLE),
    ],
)
def test_thinking_tokens_are_read_where_the_request_asks_for_them(answer: Any, fields: object, tokens: object) -> None:
    assert answer("end_turn", fields=fields).usage.reasoning == tokens
