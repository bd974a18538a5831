"""The provider clients of one process, shared by its sessions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from ....providers.registry import ProviderConfig, open_client, opens_at_once
from ....providers.schema.client import Client
from .quota_gate import QuotaGate


@dataclass(slots=True)
class _SharedClient:
    client: Client
    leases: int = 0


class ClientPool:
    """One client for each config, open while it is leased: a thousand sessions share its sockets.

    With a *gate*, all requests pass it.
    """

    def __init__(
        self, open_client: Callable[[ProviderConfig], Client] = open_client, gate: QuotaGate | None = None
    ) -> None:
        self._open_client = open_client
        self.gate = gate
        self._shared: dict[bytes, _SharedClient] = {}
        self._opening: dict[bytes, asyncio.Future[None]] = {}

    def client(self, config: ProviderConfig) -> Client:
        """The client of *config*, resolved; opened if necessary.

        Raises:
            ConfigError: it can't be opened.
        """
        return self._find(config).client

    async def prepare(self, config: ProviderConfig) -> None:
        """Open the client of *config*, if necessary, in a thread: importing an SDK takes seconds.

        Raises:
            ConfigError: it can't be opened.
        """
        key = _key(config)
        if key in self._shared:
            return
        if opens_at_once(config):
            self._find(config)
            return
        if key not in self._opening:
            self._opening[key] = opening = asyncio.ensure_future(self._open(key, config))
            opening.add_done_callback(lambda _: self._opening.pop(key))
        await asyncio.shield(self._opening[key])

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

    async def _open(self, key: bytes, config: ProviderConfig) -> None:
        client = await asyncio.to_thread(self._open_client, config)
        if key in self._shared:  # somebody could not wait
            await client.aclose()
        else:
            self._shared[key] = _SharedClient(client)

    def _find(self, config: ProviderConfig) -> _SharedClient:
        key = _key(config)
        if key not in self._shared:
            self._shared[key] = _SharedClient(self._open_client(config))
        return self._shared[key]


def _key(config: ProviderConfig) -> bytes:
    return blake2b(msgspec.msgpack.encode(config)).digest()  # a hash, so that no secret is kept as a key
