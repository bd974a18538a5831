"""From the options --provider and --model to a provider config, and the environment variables that providers read."""

import os
from textwrap import fill

from ..providers.model_names import model as model_named
from ..providers.registry import PROVIDERS, ProviderConfig, require_sdk
from ..providers.schema.errors import InvalidConfig
from ..providers.scripted.config import Scripted
from ..providers.scripted.script import Script
from .spinner import is_cluster_named

FIRST_TOKEN_S = 0.3


def provider_named(provider: str | None, model: str | None, tokens_per_s: float | None = None) -> ProviderConfig:
    """The config for *provider* and *model*. Without *provider*, *model* has the form ``provider:model``.

    Without either it is the scripted provider, which echoes its prompt at *tokens_per_s*.

    Raises:
        UnknownProvider: no provider has this name; the error lists the names.
        InvalidConfig: the provider has no default model.
    """
    if provider is None and model is None:
        provider = "scripted"
    if provider == "scripted":
        script = Script(tokens_per_s=tokens_per_s, first_token_s=FIRST_TOKEN_S)
        return Scripted(model=model or "scripted", script=script)
    if provider is None:
        return model_named(model or "")
    try:
        return model_named(f"{provider}:{model or ''}")
    except InvalidConfig:
        raise InvalidConfig("--model", f"{provider} has no default model: name one") from None


def ready_provider(named: ProviderConfig, address: str | None) -> ProviderConfig:
    """*named*, resolved. What is missing for it is reported here: before Ray takes seconds to start.

    Raises:
        MissingKey, InvalidConfig: a variable is missing, or a setting is invalid.
        MissingExtra, IncompatibleSDK: as for ``open_client``, unless the cluster at *address* may have the SDK.
    """
    provider = named.resolved(os.environ)
    if not is_cluster_named(address):
        require_sdk(provider)
    return provider


def environment_help() -> str:
    """The environment variables of each provider for the help text: one line per provider, wrapped if it has many."""
    width = max(map(len, PROVIDERS)) + 2
    return "\n".join(
        fill(
            ", ".join(provider.environment),
            width=100,
            initial_indent=f"{name}:".ljust(width),
            subsequent_indent=" " * width,
        )
        for name, provider in PROVIDERS.items()
        if provider.environment
    )
