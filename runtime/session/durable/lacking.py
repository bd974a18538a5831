"""The credentials that a session lacks, which goes on from what was stored: records have none."""

from collections.abc import Iterable

from ....providers.registry import ProviderConfig
from ..host import Host, SessionKey


def lacking_credentials(host: Host, key: SessionKey) -> list[ProviderConfig]:
    """The providers, without secrets, that a session on *host* has no secrets of. Raises what ``Host.status`` does."""
    host.status(key)
    return list(host.sessions[key[0]].credentials.lacking)


async def supply_credentials(host: Host, key: SessionKey, providers: Iterable[ProviderConfig]) -> None:
    """Give a session on *host* the secrets of *providers*: requests that wait for them are sent.

    Raises:
        ConfigError: the client of one can't be opened.
        UnknownSession: it is not here.
    """
    given = tuple(providers)
    await host.prepare(given)
    host.status(key)
    host.sessions[key[0]].credentials.add(*given)
