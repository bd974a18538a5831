"""A snapshot adds up what shared actors say, and tells totals, growth and quantiles."""

import pytest

from rayconteur.cli.cluster.figures import HEADER, figures_of
from rayconteur.runtime.metrics import catalog
from rayconteur.runtime.metrics.counts import Counts, Report
from rayconteur.runtime.metrics.snapshot import Snapshot

RAVEN = ("anthropic", "raven")
OWL = ("openai", "owl")


def snapshot(at: float, *reports: Report) -> Snapshot:
    return Snapshot.of(reports, at)


def report(turns: int = 0, model: tuple[str, str] = RAVEN, sessions: int = 0, waits_s: float = 0.0) -> Report:
    return Report(
        [(("rayconteur_turns", "completed", *model), turns)],
        [(("rayconteur_sessions", "streaming", *model), sessions), (("rayconteur_publish_wait_seconds",), waits_s)],
    )


def test_reports_are_added_up_and_of_waits_the_longest_counts() -> None:
    now = snapshot(1.0, report(2, RAVEN, 3, waits_s=0.5), report(5, OWL, 4, waits_s=0.25), report(1, RAVEN, 1))

    assert now.total(catalog.TURNS) == 8
    assert now.total(catalog.TURNS, provider="anthropic") == 3
    assert now.total(catalog.TURNS, outcome="failed") == 0
    assert now.total(catalog.SESSIONS, state="streaming") == 8
    assert now.total(catalog.PUBLISH_WAIT) == 0.5
    assert now.models() == [RAVEN, OWL]
    assert now.values(catalog.SESSIONS, "state") == {"streaming"}


def test_a_counter_that_was_restarted_has_grown_by_what_it_has() -> None:
    before = snapshot(1.0, report(10), report(3, OWL))
    now = snapshot(2.0, report(12), report(2, OWL)).since(before)

    assert now.total(catalog.TURNS, model="raven") == 2
    assert now.total(catalog.TURNS, model="owl") == 2


def times(*values: float) -> Snapshot:
    counts = Counts()
    for value in values:
        counts.histogram(catalog.FIRST_TEXT, RAVEN).observe(value)
    return snapshot(1.0, Report(counts.take(), []))


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([0.2] * 100, 0.5, 0.175),  # the middle of the bucket from 0.1 to 0.25
        ([0.2] * 50 + [2.0] * 50, 0.5, 0.25),
        ([0.2] * 50 + [2.0] * 50, 0.75, 1.75),
        ([1_000.0], 0.95, 300.0),  # beyond the last bound, nothing is known
        ([], 0.5, None),
    ],
)
def test_a_quantile_is_taken_from_the_buckets(values: list[float], share: float, expected: float | None) -> None:
    assert times(*values).quantile(catalog.FIRST_TEXT, share, model="raven") == (
        expected if expected is None else pytest.approx(expected)
    )


def test_a_quantile_of_another_model_has_no_values() -> None:
    assert times(0.2).quantile(catalog.FIRST_TEXT, 0.5, model="owl") is None


def test_figures_are_totals_or_rates() -> None:
    before, now = snapshot(100.0, report(10, sessions=4)), snapshot(110.0, report(40, sessions=5))

    [total] = figures_of(now).rows
    [rate] = figures_of(now, before).rows

    assert len(total) == len(rate) == len(HEADER)
    assert total[:4] == ("anthropic:raven", "5", "5", "40")
    assert rate[:4] == ("anthropic:raven", "5", "5", "3.0")
    assert "per second" in figures_of(now, before).lines[0]
    assert figures_of(now, now).rows[0][3] == "0", "no time has passed"
