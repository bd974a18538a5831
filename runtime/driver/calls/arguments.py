"""The arguments of calls, checked."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from ....providers.registry import ALIASES, PROVIDERS, ProviderConfig
from ....providers.schema.checks.shown import shown
from ....providers.schema.content import UserBlock
from ....providers.schema.errors import InvalidConfig
from ...api.messages import Configure, UserMessage, given_settings
from ...api.options import validated_session_id
from ...cluster.pool.actor_pool import ANY_PROVIDER

Question = str | UserMessage | tuple[UserBlock, ...]
"""What ``ask`` takes."""


def session_ids_of(ids: int | Sequence[str]) -> list[str]:
    """*ids*, or so many new ones.

    Raises:
        InvalidConfig: one is invalid.
    """
    if isinstance(ids, str) or (isinstance(ids, int) and ids < 0):
        raise InvalidConfig("ids", f"give a list of ids, or the number of sessions, not {shown(ids)}")
    return (
        [uuid.uuid4().hex for _ in range(ids)]
        if isinstance(ids, int)
        else [validated_session_id(session_id) for session_id in ids]
    )


def warm_by_provider(warm: object) -> dict[str, int]:
    """How many idle actors to keep, by the provider's name."""
    given = cast("Mapping[str, object]", warm if isinstance(warm, Mapping) else {ANY_PROVIDER: warm})
    counts = Counter[str]()
    for name, count in given.items():
        provider = ALIASES.get(name, name)
        if provider not in PROVIDERS and given is warm:
            raise InvalidConfig(
                "warm", f"no provider {shown(name)} is installed here; there are {', '.join(PROVIDERS)}"
            )
        if not isinstance(count, int) or count < 0:
            raise InvalidConfig("warm", f"give a number of idle actors, 0 or more, not {shown(count)}")
        counts[provider] += count
    return counts


def providers_of(change: Configure) -> list[ProviderConfig]:
    """The providers that *change* names."""
    compaction = given_settings(change).get("compaction")
    own = [change.provider] if isinstance(change.provider, ProviderConfig) else []
    return [*own, *(compaction.providers() if compaction else ())]
