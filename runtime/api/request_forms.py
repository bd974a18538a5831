"""The request forms of the providers that a message names."""

import msgspec

from ...providers.registry import with_request_forms as make_request_forms
from .config import given_settings
from .messages import Configure


def with_request_forms(change: Configure) -> Configure:
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
