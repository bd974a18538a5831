"""The quota brokers of a namespace, for its session actors."""

from collections.abc import Sequence
from functools import partial

import msgspec

from ...api.options import RuntimeOptions
from ...api.quotas.rules import Quotas
from ...governance.quotas.client import QuotaClient
from ...governance.quotas.shards import QuotaClients
from ...streams.channel import Channel
from ...streams.endpoint import Endpoint
from ..directory.actor_names import quotas_name
from ..nodes.actor_options import RayOptions, shared_actor
from ..ray_calls import START_S, node_id, result_within, tls
from .actor import QuotaActor, QuotaHandle

_TIMEOUT_S = 2.0
"""How long the broker may take to answer: it only computes. A host that waits longer goes on without it."""


class QuotasRef(msgspec.Struct, frozen=True):
    """The actors that admit requests, each those to some accounts, and by which *quotas*."""

    actors: Sequence[QuotaHandle]
    quotas: Quotas

    async def started(self, number: int) -> Endpoint:
        """Where a broker listens, once it does."""
        return await result_within(START_S, self.actors[number].endpoint.remote, "a quota broker")

    def connect(self, host_id: str) -> QuotaClients:
        """The brokers, for the host *host_id*. The first request to an account connects."""
        return QuotaClients([self._connect(host_id, number) for number in range(len(self.actors))])

    def _connect(self, host_id: str, number: int) -> QuotaClient:
        channel = Channel(partial(self.started, number), host_id, node_id(), tls())
        channel.timeout_s = _TIMEOUT_S
        return QuotaClient(channel, self.quotas)


def find_or_start_quotas(quotas: Quotas, options: RuntimeOptions, memory_bytes: int, one_node: RayOptions) -> QuotasRef:
    """The brokers of a namespace, which are placed as the directory is."""

    def find_or_start(number: int) -> QuotaHandle:
        actor_options = shared_actor(quotas_name(number), options, memory_bytes, one_node)
        return QuotaActor.options(**actor_options).remote(quotas, options.ports, options.namespace)

    return QuotasRef([find_or_start(number) for number in range(quotas.brokers)], quotas)
