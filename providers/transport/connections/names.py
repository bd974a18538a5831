"""Looking up the addresses of hosts."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""What ``socket.getaddrinfo`` returns: family, type, protocol, name and address."""

_KEPT_S = 10.0


class Names:
    """Looks up hosts: once for all who ask at the same time or shortly after."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], asyncio.Task[Sequence[AddressInfo]]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        """The addresses of *port* at *host*.

        Raises:
            OSError: the name is unknown, or cannot be looked up.
        """
        if _is_address(host):
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        key = (host, port)
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = asyncio.create_task(_look_up(host, port))
            lookup.add_done_callback(lambda done: self._keep(key, done))
        return await asyncio.shield(lookup)

    def _keep(self, key: tuple[str, int], done: asyncio.Task[Sequence[AddressInfo]]) -> None:
        """Keep what was found for some seconds, and what was not found for none."""
        kept_s = 0.0 if done.cancelled() or done.exception() else _KEPT_S
        asyncio.get_running_loop().call_later(kept_s, self._lookups.pop, key, None)


async def _look_up(host: str, port: int) -> Sequence[AddressInfo]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
