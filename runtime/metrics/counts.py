"""What one process counts: plain numbers, incremented where things happen, and taken once per interval."""

from bisect import bisect_left

import msgspec

from .catalog import Kind, Metric

Series = tuple[str, ...]
"""A metric's name and the values of its labels, in their order. Those of a histogram are as ``Histogram`` has them."""

Values = list[tuple[Series, float]]

_MOST_MODELS = 100
"""Models that are told apart in one process: the names may come from anywhere, and every one has series of its own."""

OTHER = ("other", "other")
"""The provider and the model of those beyond that."""


class Report(msgspec.Struct, frozen=True, array_like=True):
    """What a process has counted since its last report, and its gauges now."""

    counters: Values
    gauges: Values


class Histogram:
    """The values of one series of a histogram.

    It is taken as counters: ``name_bucket`` for each bound, the label ``le``, and ``+Inf``; ``name_sum``,
    ``name_count``.
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count *value*."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def take(self, series: Series) -> Values:
        """The counters of *series* since the last call; nothing if there was no value."""
        if not any(self._counts):
            return []
        name, *labels = series
        total = 0
        taken: Values = []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            if total:
                taken.append(((f"{name}_bucket", *labels, bound), total))
        taken += [((f"{name}_sum", *labels), self._sum), ((f"{name}_count", *labels), total)]
        self._counts, self._sum = [0] * len(self._counts), 0.0
        return taken


class Counts:
    """Counters and histograms. It has at most 100 models; further ones are counted together."""

    def __init__(self) -> None:
        self._counters: dict[Series, float] = {}
        self._histograms: dict[Series, Histogram] = {}
        self._models: dict[tuple[str, str], tuple[str, str]] = {}

    def model(self, provider: str, model: str) -> tuple[str, str]:
        """The labels ``provider`` and ``model`` to count with."""
        given = (provider, model)
        known = self._models.get(given)
        if known is None and len(self._models) < _MOST_MODELS:
            known = self._models[given] = given
        return known or OTHER

    def add(self, metric: Metric, labels: tuple[str, ...] = (), value: float = 1) -> None:
        """Count *value* more of the counter *metric*."""
        series = (metric.name, *labels)
        self._counters[series] = self._counters.get(series, 0) + value

    def histogram(self, metric: Metric, labels: tuple[str, ...] = ()) -> Histogram:
        """The series of the histogram *metric*, to be kept by who observes often."""
        series = (metric.name, *labels)
        found = self._histograms.get(series)
        if found is None:
            found = self._histograms[series] = Histogram(metric.bounds)
        return found

    def take(self) -> Values:
        """What was counted since the last call."""
        taken, self._counters = list(self._counters.items()), {}
        for series, histogram in self._histograms.items():
            taken += histogram.take(series)
        return taken

    def put_back(self, taken: Values) -> None:
        """Count what was taken again: it did not arrive."""
        for series, value in taken:
            self._counters[series] = self._counters.get(series, 0) + value


COUNTS = Counts()
"""The counts of this process."""


def exported_labels(metric: Metric) -> dict[str, tuple[str, ...]]:
    """The labels of each series that *metric* is exported as, by name."""
    if metric.kind is not Kind.HISTOGRAM:
        return {metric.name: metric.labels}
    return {
        f"{metric.name}_bucket": (*metric.labels, "le"),
        f"{metric.name}_sum": metric.labels,
        f"{metric.name}_count": metric.labels,
    }


def served_names(metric: Metric) -> list[str]:
    """The names under which Ray serves *metric* to Prometheus: with its prefix, and a suffix for counters."""
    suffix = "" if metric.kind in (Kind.GAUGE, Kind.MAXIMUM) else "_total"
    return [f"ray_{name}{suffix}" for name in exported_labels(metric)]
