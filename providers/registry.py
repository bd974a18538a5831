"""All providers by name: one line for each of this package, and those of installed plug-ins.

They are collected once, when this module is imported. No SDK is imported for that: only for opening a client.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .plugins import installed_plugins
from .schema.client import Client
from .schema.config import Config
from .schema.errors import UnknownProvider
from .schema.provider import Provider, TokenCosts
from .sdk.changes import SIGNS, opening_error

_BUILT_IN = (
    "scripted.provider:SCRIPTED",
    "anthropic.provider:ANTHROPIC",
    "openai.provider:OPENAI",
    "openai.provider:AZURE_OPENAI",
    "google.provider:GOOGLE",
    "cohere.provider:COHERE",
    "bedrock.provider:BEDROCK",
)

_TYPICAL_COSTS = TokenCosts()


def _built_in() -> Iterable[Provider[Any]]:
    for path in _BUILT_IN:
        module, _, name = path.partition(":")
        yield getattr(import_module(f".{module}", __package__), name)


def _collect() -> dict[str, Provider[Any]]:
    providers = {provider.name: provider for provider in _built_in()}
    taken = {*providers, *(alias for provider in providers.values() for alias in provider.aliases)}
    return providers | {provider.name: provider for provider in installed_plugins(taken)}


PROVIDERS: Mapping[str, Provider[Any]] = MappingProxyType(_collect())
"""All providers by name, plug-ins last."""

ALIASES: Mapping[str, str] = {alias: provider.name for provider in PROVIDERS.values() for alias in provider.aliases}
"""The provider's name for each of the other names that ``rayconteur.model`` accepts."""

if TYPE_CHECKING:
    # Which plug-ins are installed is known at run time only, so type checkers see the base class of all configs.
    ProviderConfig = Config
else:
    # A closed union of tagged structs: msgspec decodes it, in any process that has the same plug-ins installed.
    ProviderConfig = reduce(lambda union, config: union | config, (provider.config for provider in PROVIDERS.values()))


def open_client(config: ProviderConfig) -> Client:
    """Open the client for *config*, which must be resolved. Only this imports a provider's SDK.

    Raises:
        MissingExtra: the SDK is not installed.
        IncompatibleSDK: the SDK has changed in a part that this package uses.
        UnknownProvider: *config* is of no provider that is installed here.
    """
    provider = PROVIDERS.get(config.name)
    if provider is None:
        raise UnknownProvider(f"no provider {config.name!r} is installed here; there are {', '.join(PROVIDERS)}")
    try:
        return provider.open_client(config)
    except SIGNS as error:
        if provider.extra is None or (cause := opening_error(error, provider.name, provider.extra)) is None:
            raise
        raise cause from None


def opens_at_once(config: ProviderConfig) -> bool:
    """True if opening a client for *config* takes no time worth speaking of, also the first one in a process."""
    provider = PROVIDERS.get(config.name)
    return provider is None or provider.opens_at_once


_TOKEN_COSTS = {provider.name: provider.token_costs for provider in PROVIDERS.values()}


def token_costs(name: str) -> TokenCosts:
    """What the provider *name* counts besides text; typical figures for one that is not installed here."""
    return _TOKEN_COSTS.get(name, _TYPICAL_COSTS)
