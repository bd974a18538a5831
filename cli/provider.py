"""From the options --provider and --model to a provider config, and the environment variables that providers read."""

import os
from contextvars import ContextVar
from pathlib import Path
from textwrap import fill
from typing import Protocol

import msgspec

from ..providers.model_names import model as model_named
from ..providers.presets import PRESETS_VARIABLE, presets
from ..providers.registry import PROVIDERS, ProviderConfig, require_sdk
from ..providers.schema.errors import InvalidConfig
from ..providers.scripted.config import Scripted
from ..providers.scripted.script import Script
from ..runtime.api.config import SessionConfig
from ..runtime.driver.config_file.reading import load_config
from ..runtime.driver.config_file.runtime_config import RuntimeConfig
from .spinner import is_cluster_named

FIRST_TOKEN_S = 0.3
CONFIG_PATH: ContextVar[Path | None] = ContextVar("config_path", default=None)
"""The config file of the command that runs."""

DEFAULT_SESSION = "default"
"""The name of the session config in a config file that commands use."""


def provider_named(provider: str | None, model: str | None, tokens_per_s: float | None = None) -> ProviderConfig:
    """The config for *provider* and *model*. Without one of them, the other has the form ``provider:model``.

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
    if ":" in provider and model is None:
        return model_named(provider)
    try:
        return model_named(f"{provider}:{model or ''}")
    except InvalidConfig as error:
        if error.field != "model":
            raise
        raise InvalidConfig("--model", f"{provider} has no default model: name one") from None


def config_file() -> RuntimeConfig:
    """What the file says that ``--config`` names; without one, all is as by default.

    Raises:
        InvalidConfig: it is not valid; the line is named.
    """
    path = CONFIG_PATH.get()
    return load_config(path) if path else RuntimeConfig()


class ModelOptions(Protocol):
    """The options of a command that opens sessions."""

    @property
    def provider(self) -> str | None: ...

    @property
    def model(self) -> str | None: ...

    @property
    def tokens_per_s(self) -> float: ...

    @property
    def address(self) -> str | None: ...


def session_config(options: ModelOptions, file: RuntimeConfig) -> SessionConfig:
    """The config of a command's sessions: the *file*'s default one, with the provider of *options*, if they name one.

    Raises what ``provider_named`` and ``ready_provider`` do.
    """
    default = file.sessions.get(DEFAULT_SESSION)
    if default and options.provider is None and options.model is None:
        named = default.provider
    else:
        named = provider_named(options.provider, options.model, options.tokens_per_s)
    provider = ready_provider(named, options.address or file.address)
    return msgspec.structs.replace(default, provider=provider) if default else SessionConfig(provider=provider)


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
    own = {name: provider.environment for name, provider in PROVIDERS.items() if provider.environment}
    width = max(map(len, own)) + 2
    return "\n".join(_wrapped(name, ", ".join(variables), width) for name, variables in own.items())


def presets_help() -> str:
    """The presets and the variables with their keys for the help text; the other variable names a file with more."""
    try:
        variables = {name: preset.key_variable or "" for name, preset in presets().items()}
    except InvalidConfig as error:  # help is for those who look for what is wrong
        return error.message
    width = max(map(len, variables)) + 2
    keys = "\n".join(f"{name}:".ljust(width) + variable for name, variable in variables.items())
    return f"{keys}\n{PRESETS_VARIABLE}  a TOML file with presets of your own"


def _wrapped(name: str, text: str, width: int) -> str:
    return fill(text, width=100, initial_indent=f"{name}:".ljust(width), subsequent_indent=" " * width)
