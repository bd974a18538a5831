"""The secrets of providers, for sessions that go on from what was stored, which has none."""

from collections.abc import Iterable

import msgspec

from ....providers.registry import ProviderConfig
from ...api.config import SessionConfig
from ...session.requests.credentials import known_provider


def with_secrets(config: SessionConfig, known: Iterable[ProviderConfig]) -> SessionConfig:
    """*config*, in which those of its providers have secrets that are *known*."""
    providers = tuple(known)
    return msgspec.structs.replace(
        config,
        provider=known_provider(config.provider, providers) or config.provider,
        compaction=config.compaction
        and config.compaction.with_providers(lambda public: known_provider(public, providers) or public),
    )
