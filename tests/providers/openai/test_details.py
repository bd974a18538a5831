"""What OpenAI and Azure say about content that they reject or stop."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders.decoding import decode_body
from fixtures.clients import REQUEST, azure, client_and_server, responses
from servers.loopback import answers

from rayconteur.providers.openai.chat.decoder import answer_decoder
from rayconteur.providers.openai.responses.decoder import answer_decoder as responses_decoder
from rayconteur.providers.schema.deltas import AnswerEnded
from rayconteur.providers.schema.errors import InvalidRequest, ProviderError, ThinkingRejected
from rayconteur.providers.schema.stop_reasons import StopDetails, StopReason

VIOLENT = {"filtered": True, "severity": "medium"}
SAFE = {"filtered": False, "severity": "safe"}
JAILBREAK = {"filtered": False, "detected": True}
MISALIGNED = {
    "error_type": "potentially_unintended_data_transfer",
    "detailed_explanation": "The call sends the file away.",
    "review_target": "call_1",
    "steer": {"message": "Ask the user first."},
}


def error_of(config: Any, status: int, **error: Any) -> ProviderError:
    """The error for a response with *status* and *error* in its body."""
    body = msgspec.json.encode({"error": {"message": "no", "type": "invalid_request_error", **error}})

    async def main() -> None:
        async with client_and_server(config, answers(body, status)) as (client, _):
            await client.complete(REQUEST)

    with pytest.raises(ProviderError) as raised:
        asyncio.run(main())
    return raised.value


def test_azure_says_which_filters_a_prompt_triggered() -> None:
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": VIOLENT, "hate": SAFE, "jailbreak": JAILBREAK},
    }

    error = error_of(azure, 400, code="content_filter", param="prompt", innererror=inner)

    assert type(error) is InvalidRequest
    assert error.vendor_code == "content_filter"
    assert error.details == StopDetails(category="violence, jailbreak", vendor=inner)


def test_an_error_inside_an_error_that_no_filter_caused_tells_nothing_about_content() -> None:
    error = error_of(azure, 400, code="BadRequest", innererror={"code": "InvalidApiVersion", "message": "no"})

    assert error.details is None


def test_an_action_that_monitoring_stops_is_no_problem_of_the_key() -> None:
    error = error_of(responses, 403, code="misalignment_policy_violation", misalignment=MISALIGNED)

    assert type(error) is InvalidRequest
    assert error.details == StopDetails(
        category="potentially_unintended_data_transfer",
        explanation="The call sends the file away.\n\nAsk the user first.",
        vendor=MISALIGNED,
    )


@pytest.mark.parametrize("misalignment", [None, "odd", {"steer": None}, {"steer": "odd", "error_type": 3}])
def test_details_that_are_missing_or_odd_cost_nothing(misalignment: object) -> None:
    error = error_of(responses, 403, code="misalignment_policy_violation", misalignment=misalignment)

    assert type(error) is InvalidRequest
    assert error.details is None or error.details.category is None


@pytest.mark.parametrize("item", ["item rs_1", "item cmp_1"])
def test_encrypted_content_that_can_not_be_read_is_told_by_its_code(item: str) -> None:
    message = f"The content of {item} could not be verified."

    error = error_of(responses, 400, message=message, code="invalid_encrypted_content")

    assert type(error) is ThinkingRejected


def test_a_filtered_answer_says_what_was_found(root: Path) -> None:
    decoder = answer_decoder("azureopenai", 1)

    deltas = decoder.feed((root / "tests/samples/chat_filtered_azure.sse").read_bytes()) + decoder.finish()

    details = StopDetails(category="violence", vendor={"violence": VIOLENT})
    assert deltas[-1] == AnswerEnded(StopReason.CONTENT_FILTER, "content_filter", details)


def test_an_answer_that_no_filter_has_seen_says_so() -> None:
    failed = {"error": {"code": "content_filter_error", "message": "timed out"}}
    choice = {"finish_reason": "stop", "message": {"content": "Caw."}, "content_filter_results": failed}

    deltas = decode_body(answer_decoder("azureopenai", 1), msgspec.json.encode({"id": "c1", "choices": [choice]}))

    assert deltas[-1] == AnswerEnded(StopReason.END_TURN, "stop", StopDetails(vendor=failed))


def test_a_filtered_response_says_what_was_found_in_the_prompt_or_in_the_answer() -> None:
    response = {
        "status": "incomplete",
        "incomplete_details": {"reason": "content_filter"},
        "content_filters": [
            {"source_type": "prompt", "content_filter_results": {"jailbreak": JAILBREAK, "violence": SAFE}},
            {"source_type": "completion", "content_filter_results": {"jailbreak": SAFE, "violence": VIOLENT}},
        ],
    }

    deltas = decode_body(responses_decoder("azureopenai", 1), msgspec.json.encode(response))

    found = {"jailbreak": JAILBREAK, "violence": VIOLENT}
    details = StopDetails(category="violence, jailbreak", vendor=found)
    assert isinstance(deltas[-1], AnswerEnded)
    assert deltas[-1].stop_reason is StopReason.CONTENT_FILTER
    assert deltas[-1].details is not None
    assert deltas[-1].details.vendor == details.vendor
    assert set((deltas[-1].details.category or "").split(", ")) == {"violence", "jailbreak"}


@pytest.mark.parametrize("reason", ["max_messages", "steered"])
def test_a_response_that_ends_at_a_boundary_is_paused(reason: str) -> None:
    response = {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": None}

    deltas = decode_body(responses_decoder("openai", 1), msgspec.json.encode(response))

    assert deltas[-1] == AnswerEnded(StopReason.PAUSED, reason)
