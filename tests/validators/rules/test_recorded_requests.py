"""The validators, applied to recorded requests that real providers accepted, and to what is sent here for these."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from recorded_requests.outcomes import Outcome, outcomes
from servers.recordings import exchanges
from validators import anthropic, bedrock, chat, cohere, google, responses

# The errors for members and types of blocks that our requests never use.
UNKNOWN = ("Object contains unknown field", "Invalid value", "Invalid enum value")

APIS = ("messages", "chat_completions", "converse", "generate_content", "chat_v2", "responses")

# Invalid, but accepted: an answer recorded for another tool use id, a single space as text, a bare URL as an image, and
# an assistant message with empty text.
LENIENT = {
    "anthropic/dd-trace-py/anthropic_completion_tools_call_with_tool_result_stream#0",
    "anthropic/dd-trace-py/anthropic_completion_tools_call_with_tool_result_stream_helper#0",
    "anthropic/llm-anthropic/test_anthropic__test_tools#1",
    "openai_chat/dd-trace-py/v1__chat_completion_image_input#0",
    "openai_responses/pydantic-ai/test_openai_responses__test_native_output#1",
    "openai_responses/pydantic-ai/test_openai_responses__test_openai_responses_model_retry#1",
    "openai_responses/pydantic-ai/test_openai_responses__test_prompted_output_multiple#1",
    "openai_responses/pydantic-ai/test_openai_responses__test_tool_output#1",
}

# Not recorded but written by hand: Claude 3 has no structured output.
MADE_UP = {
    "bedrock/dd-trace-py/bedrock__bedrock_converse_categorical#0",
    "bedrock/dd-trace-py/bedrock__bedrock_converse_score#0",
}

# They continue a conversation that is stored at the provider, of which the validators know nothing.
STORED = {
    "openai_responses/pydantic-ai/test_openai_responses__test_openai_conversation_id_tool_call_continuation#2",
}


@pytest.fixture
def recordings(root: Path) -> Path:
    """The folder of recorded exchanges."""
    folder = Path(os.environ.get("RAYCONTEUR_WIRE", root.parent / "shared" / "wire"))
    if not folder.is_dir():
        pytest.skip(f"no recorded exchanges in {folder}: set RAYCONTEUR_WIRE to their folder")
    return folder


def accepted_requests(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ids and bodies of the requests in *file* that are complete and were answered with status 200."""
    for line in file.read_text().splitlines():
        record = json.loads(line)
        if record["status"] == 200 and record["request"] and record["api"] in APIS:
            yield record["id"], record["request"]


def violations(provider: str, body: dict[str, Any]) -> list[str]:
    match provider:
        case "anthropic":
            return anthropic.violations(body)
        case "gemini" | "vertex":
            return google.violations(body)
        case "bedrock":
            return bedrock.violations(body)
        case "cohere":
            return cohere.violations(body)
        case _ if "input" in body:
            return responses.violations(body)
        case _:
            return chat.violations(body, model_in_path=True)


@pytest.mark.parametrize(
    ("provider", "at_least"),
    [
        ("anthropic", 90),
        ("openai_chat", 140),
        ("openai_responses", 140),
        ("azure", 46),
        ("bedrock", 84),
        ("gemini", 96),
        ("vertex", 87),
        ("cohere", 64),
    ],
)
def test_requests_that_a_provider_accepted_are_valid(recordings: Path, provider: str, at_least: int) -> None:
    requests = {key: body for key, body in accepted_requests(recordings / f"{provider}.jsonl") if key not in LENIENT}

    problems = {key: violations(provider, body) for key, body in requests.items()}

    assert [key for key, broken in problems.items() if broken and not broken[0].startswith(UNKNOWN)] == []
    assert sum(not broken for broken in problems.values()) >= at_least


@pytest.mark.usefixtures("recordings")
def test_requests_that_bedrock_accepted_are_valid_for_their_models() -> None:
    accepted = [exchange for exchange in exchanges("bedrock", "converse") if exchange.record["status"] == 200]

    problems = {
        exchange.id: bedrock.violations(exchange.record["request"], unquote(exchange.record["path"].split("/")[2]))
        for exchange in accepted
        if exchange.id not in MADE_UP
    }

    assert {key: broken for key, broken in problems.items() if broken} == {}
    assert len(problems) >= 82


@pytest.mark.usefixtures("recordings")
def test_what_is_sent_for_an_accepted_request_is_valid() -> None:
    accepted = [one for key, one in outcomes().items() if one.recorded.status == 200 and key not in LENIENT | STORED]

    problems = {one.recorded.id: violations(one.recorded.file, own_members(one)) for one in accepted if one.sent}

    assert {key: broken for key, broken in problems.items() if broken} == {}


def own_members(outcome: Outcome) -> dict[str, Any]:
    """The body that is sent, without the members of ``extra_body``, of which the validators know nothing."""
    assert outcome.expression
    assert outcome.sent
    extra = outcome.expression.config.extra_body or {}
    return {name: value for name, value in outcome.sent.body.items() if extra.get(name) != value}
