"""Exports metrics to Ray, which serves those of each node to Prometheus."""

import asyncio
import logging

from ray.util.metrics import Counter, Gauge

from ...metrics.catalog import METRICS, Kind, Metric
from ...metrics.counts import Series, Values, exported_labels
from ...metrics.shared import SharedMetrics
from .reporter import INTERVAL_S

log = logging.getLogger(__name__)

NAMESPACE = "namespace"
"""The label that all metrics have."""

_EXPORTED: dict[str, tuple[Metric, tuple[str, ...]]] = {
    name: (metric, labels) for metric in METRICS.values() for name, labels in exported_labels(metric).items()
}
"""What each name that is exported belongs to, and its labels."""


class Exporter:
    """Exports *metrics*, with the label ``namespace``, every few seconds.

    A record costs a few microseconds, so that is all that a process does for it. Where no agent of Ray serves metrics
    (an installation without ``ray[default]``), they are dropped.
    """

    def __init__(self, namespace: str, metrics: SharedMetrics) -> None:
        self.metrics = metrics
        self._namespace = namespace
        self._instruments: dict[str, Counter | Gauge] = {}
        self._known: set[Series] = set()  # gauges that have been exported
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Export from now on, if that has not begun."""
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                self.export(*self.metrics.collect())
            except Exception as error:  # metrics must never stop what they measure
                log.warning("metrics could not be exported", exc_info=error)
            await asyncio.sleep(INTERVAL_S)

    def export(self, counters: Values, gauges: Values) -> None:
        """Record the growth of *counters*, and *gauges*. A gauge that is not among them any more becomes 0."""
        now: dict[Series, float] = dict.fromkeys(self._known, 0.0)
        now.update(gauges)
        for series, value in (*counters, *now.items()):
            match self._instrument(series):
                case (Counter() as counter, tags) if value > 0:
                    counter.inc(value, tags)
                case (Gauge() as gauge, tags):
                    gauge.set(value, tags)
                case _:
                    pass
        self._known = {series for series, _ in gauges}

    def _instrument(self, series: Series) -> "tuple[Counter | Gauge, dict[str, str]] | None":
        """The instrument of *series*, and the values of its labels; ``None`` for one that is not in the catalog."""
        name, *values = series
        instrument = self._instruments.get(name)
        if instrument is None:
            if name not in _EXPORTED:
                return None
            metric, labels = _EXPORTED[name]
            is_gauge = metric.kind in (Kind.GAUGE, Kind.MAXIMUM)
            instrument = (Gauge if is_gauge else Counter)(name, metric.meaning, (*labels, NAMESPACE))
            self._instruments[name] = instrument
        return instrument, dict(zip(_EXPORTED[name][1], values, strict=True)) | {NAMESPACE: self._namespace}
