"""The metrics of a directory."""

from ...metrics import catalog
from ...metrics.counts import Values
from ...metrics.shared import SharedMetrics
from ..metrics.exporter import Exporter
from .driver_calls import DriverCalls
from .leases import Leases
from .places import Places


def directory_exporter(namespace: str, places: Places, leases: Leases, calls: DriverCalls) -> Exporter:
    """Exports how many sessions, session actors and programs there are, and how many have to leave their nodes."""

    def gauges() -> Values:
        return [
            ((catalog.DIRECTORY_SESSIONS.name,), len(places)),
            ((catalog.DIRECTORY_HOSTS.name,), len(places.owners)),
            ((catalog.DIRECTORY_DRIVERS.name,), len(leases)),
            ((catalog.DRAINING_SESSIONS.name,), calls.draining_sessions),
        ]

    return Exporter(namespace, SharedMetrics(gauges))
