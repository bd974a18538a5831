"""The process that has the quota broker, as hosts see it."""

import asyncio
from collections.abc import Mapping

import msgspec

from ...metrics import catalog
from ...metrics.counts import Values
from ...streams.peer import Peer
from .broker import Broker
from .messages import Admissions, Update

METHOD = 1
"""The only call: an ``Update``, whose reply are ``Admissions``. Later ones are pushed."""

_LINGER_S = 0.02
"""What becomes possible within this time is admitted together: it has waited anyway, and a message costs more than a
request in it."""

encode = msgspec.msgpack.encode
_update = msgspec.msgpack.Decoder(Update).decode


class QuotaServer:
    """Serves *broker* to the ``QuotaClient`` of each host. A host is gone when its connection is."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._peers: dict[str, Peer] = {}
        self._timer: asyncio.TimerHandle | None = None

    def serve(self, peer: Peer, method: int, data: bytes) -> bytes:
        """Serve a call of *peer*, as a listener's requests are served."""
        if method != METHOD:
            raise ValueError(f"a quota broker has no call {method}")
        if self._peers.get(peer.id) is not peer:
            self._peers[peer.id] = peer
            peer.on_lost = lambda: self._on_lost(peer)
        self.broker.update(peer.id, _update(data), self._now())
        admissions = self._dispatch()
        mine = admissions.pop(peer.id, None) or Admissions(hosts=self.broker.hosts)
        self._push(admissions)
        return encode(mine)

    def gauges(self) -> Values:
        """What is admitted, and what waits."""
        accounts = list(self.broker.accounts)
        return [
            ((catalog.QUOTA_ADMITTED.name,), sum(account.in_flight for account in accounts)),
            ((catalog.QUOTA_WAITING.name,), sum(account.waiting for account in accounts)),
        ]

    def _dispatch(self) -> dict[str, Admissions]:
        now = self._now()
        admissions = self.broker.dispatch(now)
        wake_at = self.broker.wake_at
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if wake_at is not None:
            at = max(wake_at, now + _LINGER_S)
            self._timer = asyncio.get_running_loop().call_at(at, lambda: self._push(self._dispatch()))
        return admissions

    def _push(self, admissions: Mapping[str, Admissions]) -> None:
        for host, each in admissions.items():
            if peer := self._peers.get(host):
                peer.push(encode(each))

    def _on_lost(self, peer: Peer) -> None:
        if self._peers.get(peer.id) is peer:
            del self._peers[peer.id]
            self.broker.forget(peer.id)
            self._push(self._dispatch())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
