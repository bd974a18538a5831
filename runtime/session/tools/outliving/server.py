"""The process that runs tools, as those of sessions see it."""

from collections import OrderedDict
from collections.abc import Awaitable

import msgspec

from ....streams.peer import Peer
from ..run_orders import RunId, RunOrder
from .kept_runs import KeptRuns, OnText
from .messages import DROP, FIND, KNOWN, RUN, UNKNOWN, Digest, Progress, RunCall, decode_drop, decode_run, encode

_KEPT_FUNCTIONS = 64


class RunsServer:
    """Serves *runs* to the ``OutlivingRuns`` of other processes."""

    def __init__(self, runs: KeptRuns) -> None:
        self.runs = runs
        self.peers: set[Peer] = set()
        """Those that are connected."""
        self._functions: OrderedDict[Digest, bytes] = OrderedDict()

    def serve(self, peer: Peer, method: int, data: bytes) -> bytes | None | Awaitable[bytes | None]:
        """Serve a call of *peer*, as a listener's requests are served."""
        if peer not in self.peers:
            self.peers.add(peer)
            peer.on_lost = lambda: self.peers.discard(peer)
        if method == DROP:
            dropped = decode_drop(data)
            self.runs.drop(dropped.id, dropped.incarnation)
            return None
        if method == FIND:
            return KNOWN if self.runs.knows(decode_run(data).order) else UNKNOWN
        if method != RUN:
            raise ValueError(f"there is no call {method}")
        return self._run(peer, decode_run(data))

    def _run(self, peer: Peer, call: RunCall) -> bytes | Awaitable[bytes]:
        order = call.order
        if not self.runs.knows(order):
            function = order.tool.function or self._functions.get(call.digest or b"")
            if not function:
                return UNKNOWN
            if call.digest:
                self._keep(call.digest, function)
            order = with_function(order, function)
        return self.runs.end(order, self._reporter(peer, order.id))

    def _reporter(self, peer: Peer, run_id: RunId) -> OnText:
        def report(text: str) -> None:
            if peer in self.peers:
                peer.push(encode(Progress(run_id, text)))

        return report

    def _keep(self, digest: Digest, function: bytes) -> None:
        self._functions[digest] = function
        self._functions.move_to_end(digest)
        if len(self._functions) > _KEPT_FUNCTIONS:
            self._functions.popitem(last=False)


def with_function(order: RunOrder, function: bytes) -> RunOrder:
    """*order* for a tool with that function, pickled."""
    return msgspec.structs.replace(order, tool=msgspec.structs.replace(order.tool, function=function))
