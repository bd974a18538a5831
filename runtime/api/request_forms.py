"""The request forms of the providers that a message names."""

from typing import TypeVar

import msgspec

from ...providers.registry import ProviderConfig
from ...providers.registry import with_request_forms as make_request_forms
from .messages import Configure
from .settings.changes import TurnSettings, given_settings

Change = TypeVar("Change", Configure, TurnSettings)


def providers_of(change: Configure | TurnSettings) -> list[ProviderConfig]:
    """The providers that *change* names."""
    given = given_settings(change)
    own = [given["provider"]] if "provider" in given else []
    compaction = given.get("compaction")
    return [*own, *(compaction.providers() if compaction else ())]


def with_request_forms(change: Change) -> Change:
    """*change* with the request forms of the providers in it, resolved, whose SDKs make them here.

    It does not have to run in an event loop.

    Raises:
        ConfigError: an SDK is missing or has changed, or a field is invalid; the message names it.
    """
    given = given_settings(change)
    if provider := given.get("provider"):
        change = msgspec.structs.replace(change, provider=make_request_forms(provider))
    if compaction := given.get("compaction"):
        change = msgspec.structs.replace(change, compaction=compaction.with_providers(make_request_forms))
    return change
