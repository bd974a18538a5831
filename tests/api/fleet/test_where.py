"""Which sessions a ``Where`` selects, and which share of them."""

from typing import Any

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import FleetResult, Labels, SessionOutcome, State, Where
from rayconteur.runtime.api.fleet.followed_template import FollowedTemplate
from rayconteur.runtime.api.fleet.where import before, checked_share, in_share

POE = rc.SessionConfig(
    provider="groq:llama-3.3-70b",
    labels=Labels(owner="poe", project="raven", tags=("night", "verse")),
    template=FollowedTemplate(name="support"),
)
IDS = [f"raven-{number}" for number in range(20_000)]


@pytest.mark.parametrize(
    ("where", "fits"),
    [
        (Where(owner="poe"), True),
        (Where(owner="pope"), False),
        (Where(owner=""), False),
        (Where(project="raven", tag="verse"), True),
        (Where(project="raven", tag="prose"), False),
        (Where(model="llama-*"), True),
        (Where(model="llama"), False),
        (Where(provider="groq"), True),
        (Where(provider="open*"), True),
        (Where(provider="anthropic"), False),
        (Where(owner="poe", provider="anthropic"), False),
        (Where(template="support"), True),
        (Where(template="supp*"), False),
        (Where(owner="poe", template="sales"), False),
        (Where(every=True), True),
    ],
)
def test_settings_fit_if_all_that_is_given_does(where: Where, fits: bool) -> None:
    assert where.has_config(POE) is fits


def test_sessions_that_follow_no_template_fit_none() -> None:
    assert not Where(template="support").has_config(rc.SessionConfig(provider=rc.Scripted()))


def test_sessions_without_an_owner_can_be_selected() -> None:
    assert Where(owner="").has_config(rc.SessionConfig(provider=rc.Scripted()))


@pytest.mark.parametrize("ids", ["raven-[12]*", ("raven-1?", "raven-2*"), ["raven-1?", "raven-2*"]])
def test_ids_are_names_or_patterns(ids: Any) -> None:
    where = Where(ids=ids)

    assert where.has_id("raven-17")
    assert where.has_id("raven-21")
    assert not where.has_id("raven-30")
    assert where.id_prefix == "raven-"


@pytest.mark.parametrize(
    ("ids", "prefix"), [("raven-7", "raven-7"), ((), ""), ("*", ""), (("raven", "rook"), "r"), (("a", "b"), "")]
)
def test_only_ids_with_the_prefix_of_all_patterns_need_to_be_read(ids: Any, prefix: str) -> None:
    where = Where(ids=ids) if ids else Where(tag="x")

    assert where.id_prefix == prefix
    assert all(before(prefix) < each for each in IDS if each.startswith(prefix))
    assert all(each < before(prefix) for each in IDS if each < prefix)


def test_a_state_is_one_or_several() -> None:
    assert Where(state=State.STREAMING).has_state(State.STREAMING)
    assert Where(state=(State.IDLE, State.STREAMING)).has_state(State.IDLE)
    assert not Where(state=State.IDLE).has_state(State.STREAMING)
    assert Where(tag="x").has_state(State.RETRYING)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "say which sessions"),
        ({"every": True, "tag": "x"}, "say which sessions"),
        ({"state": "idel"}, "where.state: give one of idle, requesting"),
        ({"owner": 7}, "where.owner"),
        ({"ids": 7}, "where.ids"),
    ],
)
def test_what_selects_nothing_certain_is_rejected(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidConfig, match=problem):
        Where(**fields)


def test_a_share_is_of_about_that_size_and_a_larger_one_has_all_of_it() -> None:
    shares = [{each for each in IDS if in_share(each, share)} for share in (0.05, 0.2, 1.0)]

    assert len(shares[0]) == pytest.approx(0.05 * len(IDS), rel=0.1)
    assert shares[0] < shares[1] < shares[2] == set(IDS)


@pytest.mark.parametrize("share", [0, -1, 1.1, "half", float("nan")])
def test_what_is_no_share_is_rejected(share: Any) -> None:
    with pytest.raises(InvalidConfig, match="share"):
        checked_share(share)


def test_a_result_says_what_was_done_and_what_was_not() -> None:
    error = InvalidConfig("message.model", "no")
    result = FleetResult(
        [SessionOutcome("a", 1, True), SessionOutcome("b", 1, False), SessionOutcome("c", 1, False, error)]
    )
    result.unreachable["host"] = ["d"]

    assert (result.done, result.failed) == (["a"], {"c": error})
    assert repr(result) == "FleetResult(3 sessions, 1 done, 1 failed, 1 unreachable)"
    assert not FleetResult()
