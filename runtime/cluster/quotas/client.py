"""The quota broker of a namespace, for its session actors."""

import msgspec

from ...api.options import RuntimeOptions
from ...api.quotas.rules import Quotas
from ...governance.quotas.client import QuotaClient
from ...streams.channel import Channel
from ...streams.endpoint import Endpoint
from ..directory.actor_names import QUOTAS
from ..nodes.actor_options import RayOptions, shared_actor
from ..ray_calls import START_S, node_id, result_within, tls
from .actor import QuotaActor, QuotaHandle

_TIMEOUT_S = 2.0
"""How long the broker may take to answer: it only computes. A host that waits longer goes on without it."""


class QuotasRef(msgspec.Struct, frozen=True):
    """The actor that admits requests, and by which *quotas*."""

    actor: QuotaHandle
    quotas: Quotas

    async def started(self) -> Endpoint:
        """Where the broker listens, once it does."""
        return await result_within(START_S, self.actor.endpoint.remote, "the quota broker")

    def connect(self, host_id: str) -> QuotaClient:
        """The broker, for the host *host_id*. The first request connects."""
        channel = Channel(self.started, host_id, node_id(), tls())
        channel.timeout_s = _TIMEOUT_S
        return QuotaClient(channel, self.quotas)


def find_or_start_quotas(quotas: Quotas, options: RuntimeOptions, memory_bytes: int, one_node: RayOptions) -> QuotasRef:
    """The broker of a namespace, which is placed as the directory is."""
    actor = QuotaActor.options(**shared_actor(QUOTAS, options, memory_bytes, one_node)).remote(
        quotas, options.ports, options.namespace
    )
    return QuotasRef(actor, quotas)
