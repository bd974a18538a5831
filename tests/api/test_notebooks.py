"""What a notebook displays of sessions and answers: short, with everything escaped, and without a call."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, cast

import pytest

import rayconteur as rc
from rayconteur import blocking
from rayconteur.providers import StopReason
from rayconteur.providers.schema.usage import Cost, Count, Provenance, estimated, reported
from rayconteur.runtime import FinalAnswer, SessionList, SessionStatus, State, TypedAnswer

HOSTILE = "<script>alert('x')</script> & </div></table>"


class Reader(HTMLParser):
    """Reads the tags and the *text* of HTML. Every tag must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def displayed(value: object) -> Reader:
    """What IPython displays for *value*: it looks for this method."""
    return Reader(cast(Any, value)._repr_html_())


def status(session_id: str = "raven-7", model: str = "m") -> SessionStatus:
    return SessionStatus(
        id=session_id,
        state=State.STREAMING,
        provider="anthropic",
        model=model,
        created_at=0.0,
        turns=3,
        turn=3,
        messages=1_205,
        waiting=2,
        open_tool_use_ids=(),
        requests=4,
        usage=rc.Usage(
            input=reported(1_234), output=estimated(56), cost=Cost(usd=0.5, provenance=Provenance.ESTIMATED)
        ),
        context_tokens=Count(tokens=500, provenance=Provenance.REPORTED),
        context_limit_tokens=2_000,
        last_seq=9,
    )


def status_list(number: int) -> SessionList:
    statuses = SessionList()
    statuses += [status(f"raven-{each}") for each in range(number)]
    return statuses


def answer(text: str, thinking: str = "") -> FinalAnswer:
    return FinalAnswer(
        text=text,
        thinking=thinking,
        stop_reason=StopReason.END_TURN,
        raw_stop_reason=None,
        usage=rc.Usage(input=reported(12)),
        requests=1,
        turn=2,
    )


def typed_answer(value: object) -> TypedAnswer[object]:
    return TypedAnswer(
        text="{}",
        thinking="",
        stop_reason=StopReason.END_TURN,
        raw_stop_reason=None,
        usage=rc.Usage(),
        requests=2,
        turn=1,
        value=value,
    )


def handle(session_id: str) -> rc.SessionHandle:
    session = rc.SessionHandle.__new__(rc.SessionHandle)
    session.id = session_id
    return session


def blocking_handle(session_id: str) -> blocking.SessionHandle:
    return blocking.SessionHandle(cast(Any, None), handle(session_id))


WITH_TEXT: list[Callable[[str], object]] = [
    answer,
    lambda text: answer("", thinking=text),
    typed_answer,
    lambda text: status(model=text),
    status,
    handle,
    blocking_handle,
]


@pytest.mark.parametrize("make", WITH_TEXT)
def test_what_was_said_and_named_is_displayed_as_text_and_never_as_html(make: Callable[[str], object]) -> None:
    shown = displayed(make(HOSTILE))

    assert "script" not in shown.tags
    assert "<script>" in shown.text
    assert shown.tags == displayed(make("harmless")).tags


def test_an_answer_is_displayed_with_its_lines_its_end_and_its_tokens() -> None:
    shown = displayed(answer("They hide food.\n\nThen they look.", thinking="Hm."))

    assert shown.text == (
        "They hide food.\n\nThen they look.thinkingHm.turn 2 · end_turn · 1 request · 12 tokens in, ? out"
    )
    assert "details" in shown.tags
    assert "details" not in displayed(answer("They hide food.")).tags


def test_a_typed_answer_is_displayed_as_its_value() -> None:
    assert displayed(typed_answer({"town": "Oslo"})).text.startswith("{'town': 'Oslo'}turn 1 · end_turn · 2 requests")


def test_a_status_is_displayed_as_a_row_that_tells_estimates_from_reports() -> None:
    shown = displayed(status())

    for text in ("raven-7", "streaming", "anthropic: m", "25% of 2,000 tokens", "1,234 tokens in, about 56 out"):
        assert text in shown.text
    assert "about $0.5000" in shown.text


def test_a_list_is_displayed_as_one_table_that_stays_short_and_says_what_it_leaves_out() -> None:
    sessions = status_list(1_000)
    sessions.unreachable["host-1"] = ["a", "b"]

    shown = displayed(sessions)

    assert shown.tags.count("table") == 1
    assert shown.tags.count("tr") == 101
    assert shown.text.endswith("1,000 sessions · 900 of them not displayed · 2 unreachable")
    assert displayed(status_list(0)).text == "0 sessions"
    assert displayed(status_list(1)).text.endswith("1 session")


@pytest.mark.parametrize("make", WITH_TEXT)
def test_the_longest_text_is_cut(make: Callable[[str], object]) -> None:
    assert len(displayed(make("raven " * 100_000)).text) < 21_000
    assert len(displayed(answer("raven " * 1_000)).text) > 6_000


@pytest.mark.parametrize("make", [handle, blocking_handle])
def test_a_session_is_displayed_without_a_call_to_its_actor(make: Callable[[str], object]) -> None:
    assert displayed(make("raven-7")).text == "session raven-7 · status() has its state"
