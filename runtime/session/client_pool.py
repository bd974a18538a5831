"""The provider clients of one process, shared by its sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from ...providers.registry import ProviderConfig, open_client
from ...providers.schema.client import Client


@dataclass(slots=True)
class _SharedClient:
    client: Client
    leases: int = 0


class ClientPool:
    """One client for each config, open while it is leased: a thousand sessions share its sockets."""

    def __init__(self, open_client: Callable[[ProviderConfig], Client] = open_client) -> None:
        self._open_client = open_client
        self._shared: dict[bytes, _SharedClient] = {}

    def client(self, config: ProviderConfig) -> Client:
        """The client of *config*, resolved; opened if necessary.

        Raises:
            ConfigError: it can't be opened.
        """
        return self._find(config).client

    def lease(self, config: ProviderConfig) -> Client:
        """The client of *config*, which stays open until ``release``."""
        shared = self._find(config)
        shared.leases += 1
        return shared.client

    async def release(self, config: ProviderConfig) -> None:
        """Return one lease. The last one closes the client."""
        key = _key(config)
        shared = self._shared[key]
        shared.leases -= 1
        if not shared.leases:
            del self._shared[key]
            await shared.client.aclose()

    def _find(self, config: ProviderConfig) -> _SharedClient:
        key = _key(config)
        if key not in self._shared:
            self._shared[key] = _SharedClient(self._open_client(config))
        return self._shared[key]


def _key(config: ProviderConfig) -> bytes:
    return blake2b(msgspec.msgpack.encode(config)).digest()  # a hash, so that no secret is kept as a key
