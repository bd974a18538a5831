"""The provider clients of one process, shared by its sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from ...providers.registry import ProviderConfig, open_client
from ...providers.schema.client import Client


@dataclass(slots=True)
class _Open:
    client: Client
    leases: int = 0


class ClientPool:
    """One client for each config, open as long as somebody has a lease on it: a thousand sessions share its sockets."""

    def __init__(self, open_client: Callable[[ProviderConfig], Client] = open_client) -> None:
        self._open_client = open_client
        self._open: dict[bytes, _Open] = {}

    def client(self, config: ProviderConfig) -> Client:
        """The client of *config*, resolved; opened, if it is not.

        Raises:
            ConfigError: it can't be opened.
        """
        key = _key(config)
        if key not in self._open:
            self._open[key] = _Open(self._open_client(config))
        return self._open[key].client

    def lease(self, config: ProviderConfig) -> None:
        """Keep the client of *config* open."""
        self.client(config)
        self._open[_key(config)].leases += 1

    async def release(self, config: ProviderConfig) -> None:
        """Give one lease back; the last one closes the client."""
        key = _key(config)
        shared = self._open[key]
        shared.leases -= 1
        if not shared.leases:
            del self._open[key]
            await shared.client.aclose()


def _key(config: ProviderConfig) -> bytes:
    return blake2b(msgspec.msgpack.encode(config)).digest()  # not the secrets themselves
