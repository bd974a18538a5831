"""The input of a hand-written tool fits its schema, or the model is told what does not."""

import logging
import socket
from typing import Any

import pytest

import rayconteur as rc
from rayconteur.runtime.tools.input_checks import check_input
from rayconteur.runtime.tools.runs import InvalidInput

BIRDS = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 1},
        "kinds": {"type": "array", "items": {"$ref": "#/$defs/kind"}},
    },
    "required": ["count"],
    "$defs": {"kind": {"enum": ["raven", "crow"]}},
}


def use(tool_input: dict[str, Any]) -> rc.ToolUse:
    return rc.ToolUse("use_1", "find_birds", tool_input)


@pytest.mark.parametrize(
    "tool_input", [{"count": 2}, {"count": 1, "kinds": ["raven", "crow"]}, {"count": 3, "more": 0}]
)
def test_input_that_fits_is_accepted(tool_input: dict[str, Any]) -> None:
    check_input(BIRDS, use(tool_input))


@pytest.mark.parametrize(
    ("tool_input", "problem"),
    [
        ({}, "'count' is a required property - at `$`"),
        ({"count": "two"}, "'two' is not of type 'integer' - at `$.count`"),
        ({"count": 0}, "0 is less than the minimum of 1 - at `$.count`"),
        ({"count": 1, "kinds": ["raven", "owl"]}, "'owl' is not one of ['raven', 'crow'] - at `$.kinds[1]`"),
    ],
)
def test_the_error_says_what_does_not_fit_and_where(tool_input: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_input(BIRDS, use(tool_input))

    assert str(caught.value) == problem


def test_a_long_input_is_quoted_in_part() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_input(BIRDS, use({"count": "two" * 10_000}))

    assert len(str(caught.value)) < 600


def test_a_schema_of_an_older_draft_is_read_as_that_draft_says() -> None:
    pairs = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}  # "prefixItems" since 2020-12
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"pair": pairs},
    }

    check_input(schema, use({"pair": ["two", 2]}))
    with pytest.raises(InvalidInput, match=r"at `\$\.pair\[1\]`"):
        check_input(schema, use({"pair": ["two", "ravens"]}))


@pytest.mark.parametrize(
    "broken",
    [{"type": "bird"}, {"type": "string", "pattern": "("}, {"$ref": "#/$defs/missing"}],
)
def test_a_schema_that_cannot_be_evaluated_is_not_enforced_and_a_log_line_says_so(
    broken: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        check_input({"type": "object", "properties": {"name": broken}}, use({"name": "Munin"}))

    (line,) = caplog.messages
    assert line.startswith("the schema of the tool 'find_birds' can't be evaluated (")
    assert "Munin" not in line


def test_a_schema_elsewhere_is_not_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/bird.json"

        check_input({"type": "object", "properties": {"bird": {"$ref": address}}}, use({"bird": "a raven"}))

        with pytest.raises(BlockingIOError):
            server.accept()
