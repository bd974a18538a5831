"""The reports of many processes, added up: session actors come and go, and each would leave series of its own."""

from .catalog import METRICS, Kind
from .counts import Series, Values


class Aggregate:
    """The sum of the counters of all reports, and of the latest gauges of the processes that are connected."""

    def __init__(self) -> None:
        self.totals: dict[Series, float] = {}
        """All that was counted."""
        self._new: dict[Series, float] = {}
        self._gauges: dict[object, Values] = {}

    @property
    def processes(self) -> int:
        """How many processes are connected."""
        return len(self._gauges)

    def add(self, process: object, counters: Values, gauges: Values) -> None:
        """*process* has counted so much more, and its gauges are these now."""
        self.count(counters)
        self._gauges[process] = gauges

    def count(self, counters: Values) -> None:
        """Add *counters*."""
        for series, value in counters:
            self.totals[series] = self.totals.get(series, 0) + value
            self._new[series] = self._new.get(series, 0) + value

    def remove(self, process: object) -> None:
        """*process* is gone, and what its gauges said with it. What it has counted stays."""
        self._gauges.pop(process, None)

    def take(self) -> Values:
        """What was counted since the last call."""
        taken, self._new = list(self._new.items()), {}
        return taken

    def gauges(self) -> Values:
        """The gauges of all processes: the sums, or the largest."""
        found: dict[Series, float] = {}
        for gauges in self._gauges.values():
            for series, value in gauges:
                found[series] = combined(series, found.get(series), value)
        return list(found.items())


def combined(series: Series, one: float | None, other: float) -> float:
    """The value of a gauge for two processes, or parts of a cluster."""
    if one is None:
        return other
    metric = METRICS.get(series[0])  # that of a newer version is summed up
    return max(one, other) if metric and metric.kind is Kind.MAXIMUM else one + other
