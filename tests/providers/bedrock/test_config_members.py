"""What the config adds to each request to Bedrock: a guardrail, further members and headers."""

from typing import Any

import msgspec
import pytest
from fixtures.aws.bedrock_requests import MODEL, bedrock, sent_request
from fixtures.aws.signatures import assert_signed
from fixtures.clients import HI, REQUEST

from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.bedrock.dialect import Dialect
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.request import Reasoning, Request, Settings


def test_the_guardrail_and_the_latency_of_the_config_are_in_each_request() -> None:
    request = sent_request(
        guardrail_id="abc123",
        guardrail_version="1",
        guardrail_trace="enabled",
        guardrail_streaming="async",
        latency="optimized",
    )

    assert msgspec.json.decode(request.body, type=dict[str, Any]) | {"messages": []} == {
        "messages": [],
        "guardrailConfig": {"guardrailIdentifier": "abc123", "guardrailVersion": "1", "trace": "enabled"},
        "performanceConfig": {"latency": "optimized"},
    }


def test_only_a_streamed_request_says_when_the_guardrail_checks() -> None:
    dialect = Dialect.of(Bedrock(model=MODEL, guardrail_id="abc123", guardrail_streaming="async"))

    streamed, whole = (dialect.fixed_members(streaming)["guardrailConfig"] for streaming in (True, False))

    assert streamed == whole | {"streamProcessingMode": "async"}
    assert "streamProcessingMode" not in whole


def test_extra_members_and_headers_are_sent_and_signed() -> None:
    extra: dict[str, Any] = {
        "additionalModelResponseFieldPaths": ["/stop_details"],
        "additionalModelRequestFields": {"reasoning_config": {"type": "enabled", "budget_tokens": 1_024}},
    }
    with_top_k = msgspec.structs.replace(REQUEST.settings, top_k=5)

    request = sent_request(
        to_send=Request(1, REQUEST.messages, with_top_k), extra_body=extra, extra_headers={"X-Trace": "t1"}
    )

    body = msgspec.json.decode(request.body, type=dict[str, Any])
    assert body["additionalModelResponseFieldPaths"] == ["/stop_details"]
    assert body["additionalModelRequestFields"] == {**extra["additionalModelRequestFields"], "top_k": 5}
    assert request.headers["x-trace"] == "t1"
    assert_signed(request, "bedrock")


def test_a_member_of_thinking_that_is_not_our_own_may_be_extra() -> None:
    binding = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}

    request = sent_request(
        to_send=Request(1, (HI,), Settings(thinking=Reasoning(effort="low"))),
        model="global.anthropic.claude-opus-5-5",
        extra_body={"additionalModelRequestFields": {"thinking": binding}},
    )

    fields = msgspec.json.decode(request.body, type=dict[str, Any])["additionalModelRequestFields"]
    assert fields["thinking"] == {"type": "adaptive", "display": "summarized", **binding}


def test_betas_of_the_config_are_added_to_our_own() -> None:
    settings = Settings(thinking=Reasoning(effort="low"))

    request = sent_request(
        to_send=Request(1, (HI,), settings),
        model="us.anthropic.claude-opus-4-5-20251101-v1:0",
        extra_body={"additionalModelRequestFields": {"anthropic_beta": ["context-1m-2025-08-07"]}},
    )

    fields = msgspec.json.decode(request.body, type=dict[str, Any])["additionalModelRequestFields"]
    assert fields["anthropic_beta"] == ["effort-2025-11-24", "context-1m-2025-08-07"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"extra_body": {"messages": []}}, "provider.extra_body.messages"),
        ({"extra_body": {"inferenceConfig": {"maxTokens": 5}}}, "provider.extra_body.inferenceConfig.maxTokens"),
        ({"extra_body": {"guardrailConfig": {}}}, "provider.extra_body.guardrailConfig"),
        (
            {"extra_body": {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}}},
            "provider.extra_body.additionalModelRequestFields.thinking.type",
        ),
        (
            {"extra_body": {"additionalModelRequestFields": {"anthropic_beta": None}}},
            "provider.extra_body.additionalModelRequestFields.anthropic_beta",
        ),
        ({"extra_headers": {"Authorization": "x"}}, "provider.extra_headers['Authorization']"),
        ({"extra_headers": {"X-Amz-Meta": "x"}}, "provider.extra_headers['X-Amz-Meta']"),
        ({"guardrail_id": "A B"}, "provider.guardrail_id"),
        ({"guardrail_id": "abc", "guardrail_version": "0"}, "provider.guardrail_version"),
        ({"guardrail_trace": "enabled"}, "provider.guardrail_trace"),
        ({"guardrail_streaming": "sync"}, "provider.guardrail_streaming"),
    ],
)
def test_a_config_that_makes_no_valid_request_is_rejected_and_the_field_named(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(bedrock("https://x.example", **more))

    assert raised.value.field == field
