"""Counts are taken once, keep what did not arrive, and tell only so many models apart."""

from rayconteur.runtime.metrics import catalog
from rayconteur.runtime.metrics.aggregate import Aggregate
from rayconteur.runtime.metrics.catalog import METRICS, Kind
from rayconteur.runtime.metrics.counts import OTHER, Counts, Values, exported_labels
from rayconteur.runtime.metrics.shared import SharedMetrics

MODEL = ("scripted", "raven")


def test_what_was_counted_is_taken_once() -> None:
    counts = Counts()
    counts.add(catalog.TURNS, ("completed", *MODEL))
    counts.add(catalog.TURNS, ("completed", *MODEL), 2)

    assert counts.take() == [(("rayconteur_turns", "completed", *MODEL), 3)]
    assert counts.take() == []


def test_what_is_put_back_is_taken_with_what_was_counted_since() -> None:
    counts = Counts()
    counts.add(catalog.EVENTS, value=5)
    taken = counts.take()
    counts.add(catalog.EVENTS)

    counts.put_back(taken)

    assert counts.take() == [(("rayconteur_events",), 6)]


def test_the_buckets_of_a_histogram_are_cumulative_and_those_below_all_values_left_out() -> None:
    counts = Counts()
    histogram = counts.histogram(catalog.FIRST_TEXT, MODEL)
    histogram.observe(10.0)  # a bound belongs to its bucket
    histogram.observe(45.0)
    histogram.observe(1_000.0)

    taken = dict(counts.take())

    name = "rayconteur_first_text_seconds"
    buckets = {series[-1]: value for series, value in taken.items() if series[0] == f"{name}_bucket"}
    assert buckets == {"10.0": 1, "30.0": 1, "60.0": 2, "300.0": 2, "+Inf": 3}
    assert taken[(f"{name}_count", *MODEL)] == 3
    assert taken[(f"{name}_sum", *MODEL)] == 1_055.0
    assert counts.take() == []


def test_a_process_tells_a_hundred_models_apart_and_counts_the_others_together() -> None:
    counts = Counts()

    labels = [counts.model("openai", f"model-{number}") for number in range(102)]

    assert labels[99] == ("openai", "model-99")
    assert labels[100:] == [OTHER, OTHER]
    assert counts.model("openai", "model-7") == ("openai", "model-7")


def test_every_series_that_is_taken_has_the_labels_that_are_exported() -> None:
    counts = Counts()
    for metric in METRICS.values():
        labels = tuple(f"a {label}" for label in metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            counts.histogram(metric, labels).observe(0.0)
        else:
            counts.add(metric, labels)

    exported = {name: labels for metric in METRICS.values() for name, labels in exported_labels(metric).items()}

    taken = {series[0]: len(series) - 1 for series, _ in counts.take()}
    assert taken == {name: len(labels) for name, labels in exported.items()}


def gauges(waits_s: float, sessions: int) -> Values:
    return [(("rayconteur_publish_wait_seconds",), waits_s), (("rayconteur_sessions", "idle", *MODEL), sessions)]


def test_gauges_of_connected_processes_are_added_up_and_of_waits_the_longest_counts() -> None:
    aggregate = Aggregate()
    aggregate.add("one", [], gauges(0.5, 3))
    aggregate.add("one", [], gauges(1.5, 4))
    aggregate.add("other", [], gauges(1.0, 10))

    assert aggregate.gauges() == gauges(1.5, 14)
    aggregate.remove("one")
    assert aggregate.gauges() == gauges(1.0, 10)


def test_what_a_process_has_counted_stays_when_it_is_gone() -> None:
    aggregate, counts = Aggregate(), Counts()
    metrics = SharedMetrics(list[tuple[tuple[str, ...], float]], aggregate, counts)
    turns = ("rayconteur_turns", "failed", *MODEL)
    aggregate.add("one", [(turns, 2)], [])
    aggregate.add("other", [(turns, 1)], [])
    aggregate.remove("one")
    counts.add(catalog.EVENTS, value=7)

    assert metrics.collect() == ([(turns, 3), (("rayconteur_events",), 7)], [])
    assert metrics.collect() == ([], [])
    assert metrics.snapshot().counters == [(turns, 3), (("rayconteur_events",), 7)]
