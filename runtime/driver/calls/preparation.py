"""What is done for a session before its actor hears of it."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import cast

import msgspec

from ....providers.models import with_model_facts
from ....providers.registry import ProviderConfig
from ....providers.schema.errors import InvalidConfig, MissingExtra
from ....providers.schema.messages import Message
from ....providers.served_facts import learn_facts
from ...api.config import SessionConfig
from ...api.initial_history import validated_history
from ...api.messages import Configure
from ...api.options import RuntimeOptions
from ...api.request_forms import Change, with_request_forms
from ...api.settings.changes import TurnSettings, given_settings
from ...api.validation import validated_provider, validated_struct
from ...cluster.credential_source import environ_of
from ...cluster.shipping import with_shipped_strategies
from ...cluster.tools.shipping import with_shipped_tools
from ...core.past.forks import imported
from ...session.pages import encode_part


async def prepared_config(config: SessionConfig, options: RuntimeOptions) -> SessionConfig:
    """*config*, validated, with its credentials, the facts of its model, and the request forms of its providers.

    Raises:
        ConfigError: it is invalid, or a key or an SDK is missing: the field, variable or extra is named.
    """
    config = _checked_config(await with_shipped_tools(with_shipped_strategies(config), options, "config"))
    environ = await environ_of(options.credentials)
    await learn_facts(config.provider.resolved(environ))
    return await asyncio.to_thread(config.resolved(environ).with_request_forms)


async def prepared_change(change: Change, options: RuntimeOptions, name: str) -> Change:
    """*change*, which errors call *name*, validated, with the credentials of its providers and the facts of its model.

    Raises:
        ConfigError: as for ``prepared_config``.
    """
    if not isinstance(cast(object, change), Configure | TurnSettings):
        raise InvalidConfig(name, f"give a Configure, not a {type(change).__name__}")
    change = await with_shipped_tools(with_shipped_strategies(change), options, name)
    change = validated_struct(change, (type(change),), name)
    if isinstance(change.provider, ProviderConfig):
        provider = change.provider.resolved(await environ_of(options.credentials))
        await learn_facts(provider)
        change = msgspec.structs.replace(change, provider=with_model_facts(provider))
    if compaction := given_settings(change).get("compaction"):
        environ = await environ_of(options.credentials)
        change = msgspec.structs.replace(change, compaction=compaction.resolved(environ))
    with suppress(MissingExtra):  # the session's process may have the SDK that this one lacks
        change = await asyncio.to_thread(with_request_forms, change)
    return change


def encoded_history(history: Iterable[Message], source: str) -> list[bytes]:
    """*history*, from which a session with a provider of *source* is to go on, in encoded parts.

    Raises:
        InvalidConfig: it is not valid; the message is named.
    """
    return [encode_part(part) for part in imported(validated_history(history, source))]


def _checked_config(config: SessionConfig) -> SessionConfig:
    if hasattr(config, "provider"):
        validated_provider(config.provider)
    return validated_struct(config, (SessionConfig,), "config")
