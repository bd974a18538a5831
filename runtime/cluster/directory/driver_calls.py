"""What the directory does for drivers over their leases: claims, drained nodes, moves, and templates."""

from collections.abc import Awaitable, Callable

import msgspec

from ...api.errors import DirectoryUnreachable
from ..nodes.move_orders import DirectoryCall, decode_request, encode
from ..nodes.node_drains import NodeDrains
from ..nodes.shared_moves import SharedMoves
from ..templates.directory_templates import DirectoryTemplates
from .leases import Leases
from .namespace import Namespace
from .namespace_actors import NamespaceActors
from .places import Claim, ClaimOutcome, ClaimRequest, Places

GrantClaim = Callable[[ClaimRequest], Awaitable[Claim]]
"""Claims all ids of a request for its host, or none.

Raises:
    DirectoryUnreachable: an actor has not said yet which ids are taken, and they may be.
"""

_decode_claim = msgspec.msgpack.Decoder(ClaimRequest).decode


class DriverCalls:
    """Serves the drivers of *namespace*; *grant* has their claims."""

    def __init__(
        self, namespace: Namespace, places: Places, leases: Leases, actors: NamespaceActors, grant: GrantClaim
    ) -> None:
        self._places = places
        self._grant = grant
        self._drains = NodeDrains(places, leases, actors.drain_host, SharedMoves(namespace).move_from)
        self._templates = DirectoryTemplates(namespace.name, places)

    @property
    def draining_sessions(self) -> int:
        """How many sessions are on nodes that are drained."""
        return sum(drain.sessions for drain in self._drains.drains.values())

    async def run(self) -> None:
        """Look for drained nodes until cancelled."""
        await self._drains.run()

    def serve(self, call: int, data: bytes) -> bytes | None | Awaitable[bytes]:
        """Serve a *call* of a driver."""
        match call:
            case DirectoryCall.HOLD:
                return None
            case DirectoryCall.MOVE:
                return encode(self._drains.move(decode_request(data)))
            case DirectoryCall.HOSTS:
                return encode(self._places.counts(self._places.owners))
            case DirectoryCall.DRAINS:
                return encode(list(self._drains.drains.values()))
            case DirectoryCall.TEMPLATES:
                return self._templates.book
            case DirectoryCall.OFFER_TEMPLATES:
                return self._templates.offer(data)
            case DirectoryCall.CLAIM:
                return self._claim(_decode_claim(data))
            case _:
                raise ValueError(f"the directory has no call {call}")

    async def _claim(self, request: ClaimRequest) -> bytes:
        try:
            return encode(ClaimOutcome(await self._grant(request)))
        except DirectoryUnreachable as error:
            return encode(ClaimOutcome(None, error.message))
