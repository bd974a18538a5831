"""Opening connections: addresses, proxies and encryption."""

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import TypeVar

import aiohappyeyeballs

from ..proxies import Proxy, proxy_of
from .connection import HTTPConnection, Owner
from .errors import ConnectFailed
from .names import Names
from .request_head import Origin
from .tunnel import Tunnel

_P = TypeVar("_P", bound=asyncio.Protocol)

# How long the next address of a host waits for the one before it: RFC 8305, section 5.
_NEXT_ADDRESS_S = 0.25
# Those of the SDKs: an answer may take minutes to begin, and middleboxes forget connections over which nothing goes.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 60, "TCP_KEEPCNT": 5}


class Dialer:
    """Opens connections, each within *timeout_s*. *tls*, which reads files, gives the certificates to trust."""

    def __init__(self, timeout_s: float, tls: Callable[[], SSLContext]) -> None:
        self._timeout_s = timeout_s
        self._read_certificates = tls
        self._certificates: SSLContext | None = None
        self._names = Names()

    async def connect(self, origin: Origin, owner: Owner) -> HTTPConnection:
        """A connection to *origin* for *owner*, through the proxy that the environment names.

        Raises:
            ConnectFailed: there is none.
        """
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                proxy = proxy_of(origin)
                if proxy and origin.scheme == "https":
                    return await self._through(proxy, origin, owner)
                fields = proxy.fields if proxy else None
                _, connection = await self._dial(
                    proxy.origin if proxy else origin, lambda: HTTPConnection(owner, fields)
                )
                return connection
        except (OSError, ValueError) as error:
            problem = str(error) or type(error).__name__
            if limit.expired():
                problem = f"it takes longer than {self._timeout_s:g} s"
            raise ConnectFailed(f"cannot connect to {origin}: {problem}") from None

    async def _through(self, proxy: Proxy, origin: Origin, owner: Owner) -> HTTPConnection:
        """A connection to *origin*, encrypted up to there."""
        trusted = await self._trusted()
        transport, tunnel = await self._dial(proxy.origin, Tunnel)
        try:
            await tunnel.open(origin, proxy.fields)
            connection = HTTPConnection(owner)
            loop = asyncio.get_running_loop()
            encrypted = await loop.start_tls(transport, connection, trusted, server_hostname=origin.host)
            if encrypted is None:
                raise ConnectFailed("the proxy closed the connection")
        except BaseException:
            transport.abort()
            raise
        connection.connection_made(encrypted)
        return connection

    async def _dial(self, origin: Origin, protocol: Callable[[], _P]) -> tuple[asyncio.Transport, _P]:
        """A connection to *origin* itself, encrypted if its scheme says so."""
        trusted = await self._trusted() if origin.scheme == "https" else None
        addresses = await self._names.addresses(origin.host, origin.port)
        # The type of an address is incomplete.
        connected = await aiohappyeyeballs.start_connection(  # pyright: ignore[reportUnknownMemberType]
            addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S
        )
        has_transport = False

        def transported() -> _P:
            nonlocal has_transport
            has_transport = True
            return protocol()

        try:
            keep_alive(connected)
            return await asyncio.get_running_loop().create_connection(
                transported, sock=connected, ssl=trusted, server_hostname=origin.host if trusted else None
            )
        except BaseException:
            if not has_transport:  # which closes it itself, and may still be using it
                connected.close()
            raise

    async def _trusted(self) -> SSLContext:
        if self._certificates is None:
            self._certificates = await asyncio.to_thread(self._read_certificates)
        return self._certificates


def keep_alive(connected: socket.socket) -> None:
    """Let the kernel find out whether the other end is still there."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if (option := getattr(socket, name, None)) is not None:  # macOS lacks one
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
