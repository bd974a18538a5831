"""The quota broker of a namespace: an actor that admits the requests of all hosts."""

import ray
from ray.actor import ActorProxy

from ...api.quotas.rules import Quotas
from ...governance.quotas.broker import Broker
from ...governance.quotas.server import QuotaServer
from ...metrics.counts import Report
from ...metrics.shared import SharedMetrics
from ...streams.endpoint import Endpoint
from ...streams.listener import Listener
from ..metrics.exporter import Exporter
from ..ray_calls import node_address, node_id, tls, was_restarted


class _QuotaBroker:
    """Serves a broker of *quotas* over streams.

    When it dies, Ray restarts it. What was used before is not known then, so it begins with what becomes available,
    and hosts tell it what they have in flight.
    """

    def __init__(self, quotas: Quotas, ports: tuple[int, int] | None, namespace: str) -> None:
        self._server = QuotaServer(Broker(quotas, is_new=not was_restarted()))
        self._listener = Listener(self._server.serve)
        self._ports = ports
        self._exporter = Exporter(namespace, SharedMetrics(self._server.gauges))

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where it listens, and the secret that its peers have to know."""
        self._exporter.start()
        return await self._listener.listen(node_id(), node_address(), self._ports, tls())

    @ray.method
    async def metrics(self) -> Report:
        """What was counted so far, and the gauges now."""
        return self._exporter.metrics.snapshot()


QuotaActor = ray.remote(_QuotaBroker)
QuotaHandle = ActorProxy[_QuotaBroker]
