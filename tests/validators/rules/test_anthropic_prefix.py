"""The check of what precedes thinking, in the validator of requests to Anthropic."""

from typing import Any

import pytest
from validators.anthropic_prefix import PrefixCheck

Json = dict[str, Any]
TOOLS: list[Json] = [{"name": "fly", "input_schema": {}}, {"name": "sit", "input_schema": {}}]


def body(*messages: Json, **more: Any) -> Json:
    return {"model": "opus", "system": "Be brief.", "tools": TOOLS, "messages": [*messages], **more}


def user(text: str, **more: Any) -> Json:
    return {"role": "user", "content": [{"type": "text", "text": text, **more}]}


def answer(signature: str | None, text: str = "Caw.") -> Json:
    thinking = [{"type": "thinking", "thinking": "", "signature": signature}] if signature else []
    return {"role": "assistant", "content": [*thinking, {"type": "text", "text": text}]}


FIRST = (user("One."),)
SECOND = (*FIRST, answer("s1"), user("Two."))
THIRD = (*SECOND, answer("s2"), user("Three."))
BARE_SECOND = (*FIRST, answer(None), user("Two."))


@pytest.fixture
def check() -> PrefixCheck:
    """The check after two answers with thinking."""
    check = PrefixCheck()
    check.answered(body(*FIRST), "s1")
    check.answered(body(*SECOND), "s2")
    return check


@pytest.mark.parametrize(
    "unchanged",
    [
        body(*THIRD),
        body(*THIRD, max_tokens=5),
        body(*THIRD, tools=TOOLS[::-1]),
        body(*THIRD, system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]),
        body(user("One. ", cache_control={"type": "ephemeral"}), *THIRD[1:]),
        body({"role": "user", "content": "One."}, *THIRD[1:]),
        body(*BARE_SECOND, answer("s2"), user("Three.")),
        body(*SECOND, answer(None), user("Three.")),
        body(*THIRD, tools=[*TOOLS, {"name": "caw", "defer_loading": True}]),
    ],
)
def test_what_the_api_ignores_is_no_violation(check: PrefixCheck, unchanged: Json) -> None:
    assert check.violations(unchanged) == []


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        (body(*THIRD, system="Be a raven."), 2),
        (body(*THIRD, tools=TOOLS[:1]), 2),
        (body(user("Another."), *THIRD[1:]), 2),
        (body(*FIRST, answer("s1", "Another."), *THIRD[2:]), 1),
        (body(*THIRD[2:]), 1),
        (body(*THIRD, model="sonnet"), 2),
    ],
)
def test_a_changed_prefix_is_a_violation(check: PrefixCheck, changed: Json, problems: int) -> None:
    assert len(check.violations(changed)) == problems


def test_a_gap_in_the_thinking_is_a_violation(check: PrefixCheck) -> None:
    check.answered(body(*THIRD), "s3")
    gap = (*SECOND, answer(None), user("Three."), answer("s3"), user("Four."))

    assert check.violations(body(*gap)) == ["messages.5: the thinking before 's3' is not the one that preceded it"]


def test_valid_thinking_that_is_missing_is_reported(check: PrefixCheck) -> None:
    complete = body(*THIRD)

    assert check.needlessly_omitted(complete, complete) == []
    assert check.needlessly_omitted(body(*SECOND, answer(None), user("Three.")), complete) == ["s2"]
    assert check.needlessly_omitted(body(*BARE_SECOND, answer("s2"), user("Three.")), complete) == ["s1"]


def test_thinking_that_can_not_be_valid_is_not_reported_as_missing(check: PrefixCheck) -> None:
    bare = (*BARE_SECOND, answer(None), user("Three."))

    assert check.needlessly_omitted(body(*bare, system="Another."), body(*THIRD, system="Another.")) == []
