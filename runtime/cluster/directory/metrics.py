"""The metrics of a directory."""

from ...metrics import catalog
from ...metrics.counts import Values
from ...metrics.shared import SharedMetrics
from ..metrics.exporter import Exporter
from .leases import Leases
from .places import Places


def directory_exporter(namespace: str, places: Places, leases: Leases) -> Exporter:
    """Exports how many sessions, session actors and programs there are."""

    def gauges() -> Values:
        return [
            ((catalog.DIRECTORY_SESSIONS.name,), len(places)),
            ((catalog.DIRECTORY_HOSTS.name,), len(places.owners)),
            ((catalog.DIRECTORY_DRIVERS.name,), len(leases)),
        ]

    return Exporter(namespace, SharedMetrics(gauges))
