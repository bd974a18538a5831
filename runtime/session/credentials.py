"""The wallet: a session's providers with their secrets, which nobody but their clients may see."""

import msgspec

from ...providers.registry import ProviderConfig
from ...providers.schema.client import Client
from ...providers.schema.facts import ModelFacts
from ..api.config import SessionConfig
from .client_pool import ClientPool


class Wallet:
    """Knows the whole of every provider config that it was given, by what may be seen of it."""

    def __init__(self, clients: ClientPool) -> None:
        self._clients = clients
        self._whole: dict[bytes, ProviderConfig] = {}
        self._leased: list[ProviderConfig] = []

    def check(self, config: SessionConfig) -> None:
        """Raises:
        ConfigError: the provider's client can't be opened, or has not what the settings ask for.
        """
        self._clients.client(config.provider).check_settings(config)

    def check_others(self, config: SessionConfig) -> None:
        """Raises:
        ConfigError: the client of a provider that the compaction asks can't be opened.
        """
        for provider in config.providers()[1:]:
            self._clients.client(provider)

    def keep(self, provider: ProviderConfig) -> None:
        """Take *provider* in. Its secrets hold from now on, whatever its model."""
        self._whole[_account(provider.public())] = provider

    def whole(self, public: ProviderConfig) -> ProviderConfig:
        """*public* with its secrets."""
        kept = self._whole[_account(public)]
        return msgspec.structs.replace(kept, model=public.model, facts=public.facts)

    def client(self, public: ProviderConfig) -> Client:
        """The client of *public*, open until ``release``.

        Raises:
            ConfigError: it can't be opened.
        """
        provider = self.whole(public)
        if provider not in self._leased:
            self._clients.lease(provider)
            self._leased.append(provider)
        return self._clients.client(provider)

    async def release(self) -> None:
        """Let go of all clients. None of them may have a request under way."""
        while self._leased:
            await self._clients.release(self._leased.pop())


def _account(public: ProviderConfig) -> bytes:
    """What tells providers apart whose secrets differ: all but the model, which may change by itself."""
    return msgspec.msgpack.encode(msgspec.structs.replace(public, model="any", facts=ModelFacts()))
