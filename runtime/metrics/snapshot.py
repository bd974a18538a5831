"""A snapshot: the metrics of a namespace at one moment, and what they grew by since another one."""

from collections.abc import Iterable
from typing import Self

import msgspec

from .aggregate import combined
from .catalog import METRICS, MODEL, Kind, Metric
from .counts import Report, Series


class Snapshot(msgspec.Struct, frozen=True):
    """The *counters* and the *gauges* *at* a time, in seconds; counters since the processes started, or another one."""

    at: float
    counters: dict[Series, float]
    gauges: dict[Series, float]

    @classmethod
    def of(cls, reports: Iterable[Report], at: float) -> Self:
        """What the *reports* of all shared actors of a namespace say together."""
        counters: dict[Series, float] = {}
        gauges: dict[Series, float] = {}
        for report in reports:
            for series, value in report.counters:
                counters[series] = counters.get(series, 0.0) + value
            for series, value in report.gauges:
                gauges[series] = combined(series, gauges.get(series), value)
        return cls(at, counters, gauges)

    def since(self, before: Self) -> Self:
        """As this one, with what the counters have grown by since *before*. One that has shrunk was restarted."""
        grown = {
            series: value - known if (known := before.counters.get(series, 0.0)) <= value else value
            for series, value in self.counters.items()
        }
        return type(self)(self.at, grown, self.gauges)

    def total(self, metric: Metric, **labels: str) -> float:
        """The sum of the series of *metric* that have these *labels*; the largest, if it is a maximum."""
        values = [value for series, value in self._series(metric).items() if _matches(metric, series, labels)]
        if metric.kind is Kind.MAXIMUM:
            return max(values, default=0.0)
        return sum(values)

    def values(self, metric: Metric, label: str) -> set[str]:
        """The values that *label* has in the series of *metric*."""
        place = 1 + metric.labels.index(label)
        return {series[place] for series in self._series(metric)}

    def models(self) -> list[tuple[str, str]]:
        """The providers and models of all series that have them, in order."""
        series = [*self.counters, *self.gauges]
        known = {each: METRICS[each[0]] for each in series if each[0] in METRICS}
        return sorted({(each[-2], each[-1]) for each, metric in known.items() if metric.labels[-2:] == MODEL})

    def quantile(self, metric: Metric, share: float, **labels: str) -> float | None:
        """The value that *share* of those of the histogram *metric* are at most; ``None`` if there are none.

        Within a bucket, values are taken as evenly spread, as Prometheus' ``histogram_quantile`` does.
        """
        bounds = [*metric.bounds, float("inf")]
        totals = dict.fromkeys(bounds, 0.0)
        for series, value in self.counters.items():
            if series[0] == f"{metric.name}_bucket" and _matches(metric, series, labels):
                totals[float(series[-1])] += value
        rank = share * totals[bounds[-1]]
        lower, below = 0.0, 0.0
        for bound in bounds if rank else ():
            if totals[bound] >= rank:
                if bound == bounds[-1]:
                    return lower
                return lower + (bound - lower) * (rank - below) / (totals[bound] - below)
            lower, below = bound, totals[bound]
        return None

    def _series(self, metric: Metric) -> dict[Series, float]:
        values = self.counters if metric.kind is Kind.COUNTER else self.gauges
        return {series: value for series, value in values.items() if series[0] == metric.name}


def _matches(metric: Metric, series: Series, labels: dict[str, str]) -> bool:
    given = dict(zip(metric.labels, series[1:], strict=False))  # a bucket has one more
    return labels.items() <= given.items()
