"""Opening connections, and keeping them open between requests."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from ssl import SSLContext

from .connection import HTTPConnection
from .dialing import Dialer
from .errors import ConnectFailed
from .request_head import Origin

# As long as the other end may be expected to keep it.
_KEPT_IDLE_S = 15.0


class ConnectionPool:
    """The connections of a client: as many as there are requests at once. Each must open within *connect_timeout_s*.

    They are kept for some seconds after a request. The one that was used last is used first.
    """

    def __init__(self, connect_timeout_s: float, tls: Callable[[], SSLContext]) -> None:
        self._dialer = Dialer(connect_timeout_s, tls)
        self._kept: defaultdict[Origin, dict[HTTPConnection, float]] = defaultdict(dict)  # since when, oldest first
        self._origins: dict[HTTPConnection, Origin] = {}  # of all that are open
        self._is_closed = False
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._all_lost: asyncio.Future[None] | None = None

    def kept(self, origin: Origin) -> HTTPConnection | None:
        """A kept connection to *origin* that can be used, if there is one."""
        kept = self._kept.get(origin)
        while kept:
            connection, _ = kept.popitem()
            if connection.is_usable:
                return connection
            connection.abort()
        return None

    async def opened(self, origin: Origin) -> HTTPConnection:
        """A new connection to *origin*.

        Raises:
            OSError: there is none.
        """
        if not self._is_closed:
            connection = await self._dialer.connect(origin, self)
            if not self._is_closed:
                if not connection.is_closed:  # else it is lost already
                    self._origins[connection] = origin
                return connection
            connection.abort()
        raise ConnectFailed("the client is closed")

    def keep(self, connection: HTTPConnection) -> None:
        """Keep *connection* for another request."""
        if self._is_closed:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        self._kept[self._origins[connection]][connection] = loop.time()
        if self._sweep_timer is None:
            self._sweep_timer = loop.call_later(_KEPT_IDLE_S, self._sweep)

    def lose(self, connection: HTTPConnection) -> None:
        """*connection* is closed."""
        if origin := self._origins.pop(connection, None):
            self._kept[origin].pop(connection, None)
        if self._all_lost and not self._origins and not self._all_lost.done():
            self._all_lost.set_result(None)

    async def aclose(self) -> None:
        """Close all connections, those in use too, and open no more."""
        self._is_closed = True
        if self._sweep_timer:
            self._sweep_timer.cancel()
        if not self._origins:
            return
        for connection in list(self._origins):
            connection.abort()
        self._all_lost = self._all_lost or asyncio.get_running_loop().create_future()
        await asyncio.shield(self._all_lost)

    def _sweep(self) -> None:
        """Close what has been kept for too long."""
        self._sweep_timer = None
        loop = asyncio.get_running_loop()
        too_old = loop.time() - _KEPT_IDLE_S
        oldest = None
        for origin, kept in list(self._kept.items()):
            for connection, since in list(kept.items()):
                if since > too_old:
                    oldest = since if oldest is None else min(oldest, since)
                    break
                del kept[connection]
                connection.abort()
            if not kept:
                del self._kept[origin]
        if oldest is not None:
            self._sweep_timer = loop.call_later(oldest - too_old, self._sweep)
