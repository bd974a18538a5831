"""The metrics of a shared actor: of its own process, and what session actors have reported to it."""

from collections.abc import Callable

from .aggregate import Aggregate
from .counts import COUNTS, Counts, Report, Values


class SharedMetrics:
    """Adds the *counts* of this process to those that were *reported*. *gauges* reads its own gauges."""

    def __init__(
        self, gauges: Callable[[], Values], reported: Aggregate | None = None, counts: Counts = COUNTS
    ) -> None:
        self._gauges = gauges
        self._aggregate = reported or Aggregate()
        self._counts = counts

    def collect(self) -> tuple[Values, Values]:
        """What was counted since the last call, and the gauges now."""
        self._aggregate.count(self._counts.take())
        return self._aggregate.take(), self._read_gauges()

    def snapshot(self) -> Report:
        """All that was counted so far, and the gauges now."""
        self._aggregate.count(self._counts.take())
        return Report(list(self._aggregate.totals.items()), self._read_gauges())

    def _read_gauges(self) -> Values:
        return [*self._aggregate.gauges(), *self._gauges()]
