"""Recorded requests of other programs: how many of them this package can make.

Each is read back into a config, settings and messages, checked and sent by the real client, and compared with what was
recorded. Only harmless differences are accepted: ``recorded_requests.harmless`` lists them with their reasons.
"""

import tomllib
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import pytest
from recorded_requests.harmless import RULES, Rule, common_form
from recorded_requests.json_values import scalars
from recorded_requests.outcomes import Outcome, outcomes, with_model
from servers.recordings import FOLDER

AT_LEAST = 0.95
"""The share of all recorded requests that can be made."""

AT_LEAST_OF = {
    ("anthropic", "messages"): 0.96,
    ("azure", "chat_completions"): 0.96,
    ("azure", "responses"): 1.0,
    ("bedrock", "converse"): 0.96,
    ("cohere", "chat_v2"): 0.96,
    ("gemini", "generate_content"): 0.98,
    ("openai_chat", "chat_completions"): 0.98,
    ("openai_responses", "responses"): 0.93,
    ("vertex", "generate_content"): 0.89,
}
"""The share of each file and API."""

OWN = {"messages", "contents", "input", "system", "systemInstruction", "instructions", "tools", "toolConfig.tools"}
"""Members that ``extra_body`` must not be used for: the history, the system prompt and the tools."""

IGNORED = {
    "chat_completions.stream_options.include_usage",
    "generate_content.contents[].parts[].functionCall.id",
    "generate_content.contents[].parts[].functionResponse.id",
    "generate_content.contents[].parts[].function_call.id",
    "generate_content.contents[].parts[].function_response.id",
    "generate_content.systemInstruction.role",
    "messages.messages[].content[].cache_control.type",
    "messages.system[].cache_control.type",
    "responses.input[].id",
    "responses.input[].status",
    "responses.store",
}
"""The values that may be others."""


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, Outcome]:
    """The outcome of each recorded request, by its id."""
    found = outcomes()
    if not found:
        pytest.skip(f"no recorded exchanges in {FOLDER}: set RAYCONTEUR_WIRE to their folder")
    return found


@pytest.fixture(scope="module")
def reasons(recorded: Mapping[str, Outcome]) -> Mapping[str, str]:
    """Why a recorded request cannot be made, by its id."""
    return {key: reason for key, outcome in recorded.items() if (reason := outcome.reason())}


def test_nearly_all_recorded_requests_can_be_made(recorded: Mapping[str, Outcome], reasons: Mapping[str, str]) -> None:
    counts = Counter((outcome.recorded.file, outcome.recorded.api) for outcome in recorded.values())
    made = counts - Counter((recorded[key].recorded.file, recorded[key].recorded.api) for key in reasons)

    assert made.total() >= AT_LEAST * counts.total(), "\n".join(f"{key}: {why}" for key, why in reasons.items())
    assert {api: made[api] for api, share in AT_LEAST_OF.items() if made[api] < share * counts[api]} == {}


def test_the_requests_that_cannot_be_made_are_listed_with_a_reason(
    root: Path, recorded: Mapping[str, Outcome], reasons: Mapping[str, str]
) -> None:
    table: dict[str, list[str]] = tomllib.loads((root / "tests/recorded_requests/not_expressed.toml").read_text())
    listed = Counter(key for keys in table.values() for key in keys)

    assert [key for key, count in listed.items() if count > 1] == []
    assert {key: reason for key, reason in reasons.items() if key not in listed} == {}
    assert [key for key in listed if key not in reasons] == [], "these can be made now: remove them from the list"
    assert {recorded[key].recorded.status for key in next(iter(table.values()))} == {400}


def test_no_request_passes_its_history_or_tools_as_extra_members(recorded: Mapping[str, Outcome]) -> None:
    extra = {
        name
        for outcome in recorded.values()
        if outcome.expression
        for name in outcome.expression.config.extra_body or {}
    }

    assert extra & OWN == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_harmless_difference_occurs(recorded: Mapping[str, Outcome], rule: Rule) -> None:
    affected = (outcome for outcome in recorded.values() if outcome.recorded.api in RULES[rule])

    assert any(outcome.reason(without=[rule]) and not outcome.reason() for outcome in affected)


def test_every_value_is_compared_except_those_of_harmless_differences(
    recorded: Mapping[str, Outcome], reasons: Mapping[str, str]
) -> None:
    """One value of each kind is changed in a recorded request. Unless it is harmless, the request is another one."""
    ignored: dict[str, bool] = {}
    for outcome in (outcome for key, outcome in recorded.items() if key not in reasons):
        api, body = outcome.recorded.api, with_model(deepcopy(outcome.recorded.body), outcome.recorded.path)
        form = common_form(body, api)
        for path, container, key in scalars(body, api):
            if path not in ignored:
                container[key], kept = changed(container[key]), container[key]
                ignored[path] = common_form(body, api) == form
                container[key] = kept

    assert {path for path, is_ignored in ignored.items() if is_ignored} == IGNORED


def changed(value: str | float | bool) -> str | float | bool:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case str():
            return f'{{"changed": {len(value)}}}' if value.startswith("{") else f"{value}!"
        case _:
            return value + 1
