"""All providers by name: one line for each of this package, and those of installed plug-ins.

They are collected once, when this module is imported. No SDK is imported for that: only for opening a client.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from functools import reduce
from hashlib import blake2b
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from .plugins import installed_plugins
from .schema.client import Client
from .schema.config import Config, HTTPConfig, RequestForms
from .schema.errors import InvalidConfig, RayconteurError, UnknownProvider
from .schema.facts import ModelFacts
from .schema.provider import Provider, TokenCosts
from .schema.request import Settings
from .schema.tools import ProviderTool
from .sdk.changes import SIGNS, opening_error, request_error
from .sdk.collection import collection_paused
from .wire.extra_body import check_headers

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

SECRET_VARIABLES = frozenset(
    name
    for provider in PROVIDERS.values()
    for name in provider.environment
    if any(word in name for word in ("KEY", "TOKEN", "SECRET", "CREDENTIALS"))
)
"""The environment variables that may hold a secret of any provider."""

ALIASES: Mapping[str, str] = {alias: provider.name for provider in PROVIDERS.values() for alias in provider.aliases}
"""The provider's name for each of the other names that ``rayconteur.model`` accepts."""

if TYPE_CHECKING:
    # Which plug-ins are installed is known at run time only, so type checkers see the base class of all configs.
    ProviderConfig = Config
else:
    # A closed union of tagged structs: msgspec decodes it, in any process that has the same plug-ins installed.
    ProviderConfig = reduce(lambda union, config: union | config, (provider.config for provider in PROVIDERS.values()))


def open_client(config: ProviderConfig) -> Client:
    """Open the client for *config*, which must be resolved. Without request forms, it makes them here.

    Raises:
        MissingExtra: the SDK is not installed.
        IncompatibleSDK: the SDK has changed in a part that this package uses.
        UnknownProvider: *config* is of no provider that is installed here.
    """
    provider = _provider_of(config)
    if isinstance(config, HTTPConfig) and config.request_forms is None:
        config = with_request_forms(config)
    with _sdk_problems(provider), collection_paused():
        return provider.open_client(config)


def load_provider(name: str) -> None:
    """Import what the clients of the provider *name* need, and read the certificates: opening one is fast then.

    What is missing here is reported when a client is opened.
    """
    from .transport.tls import trusted_certificates

    with suppress(*SIGNS), collection_paused():
        PROVIDERS[name].load()
        trusted_certificates()


def require_sdk(config: ProviderConfig) -> None:
    """Import what a client for *config*, which must be resolved, needs, and make its request forms.

    Raises:
        MissingExtra, IncompatibleSDK, UnknownProvider: as for ``open_client``.
        InvalidConfig: no request can be made of it.
    """
    provider = _provider_of(config)
    with _sdk_problems(provider), collection_paused():
        provider.load()
    with_request_forms(config)


def with_request_forms(config: ProviderConfig) -> ProviderConfig:
    """*config*, resolved, with the forms of its requests, which the vendor's SDK makes here: once for each account.

    Only this imports a vendor's whole SDK, which takes up to 2.5 s. It does not have to run in an event loop.

    Raises:
        MissingExtra, IncompatibleSDK, UnknownProvider: as for ``open_client``.
        InvalidConfig: no request can be made of it.
    """
    provider = _provider_of(config)
    if provider.make_request_forms is None or not isinstance(config, HTTPConfig):
        return config
    # Forms are the same for all models. A hash, so that no secret is kept as a key.
    check_headers(config)  # an SDK would not say which one it can't send
    account = msgspec.structs.replace(config, model="any", facts=ModelFacts(), request_forms=None)
    try:
        key = blake2b(msgspec.msgpack.encode(account)).digest()
    except UnicodeEncodeError:
        raise InvalidConfig("provider", "a text in it contains a lone surrogate, which UTF-8 cannot encode") from None
    if key not in _made_forms:
        with _sdk_problems(provider), collection_paused():
            forms = _made(provider, config)
        while len(_made_forms) >= _FORMS_KEPT:
            _made_forms.pop(next(iter(_made_forms)), None)
        _made_forms[key] = forms
    return msgspec.structs.replace(config, request_forms=_made_forms[key])


def _made(provider: Provider[Any], config: HTTPConfig) -> RequestForms:
    """The request forms of *config*. No exception of a vendor's SDK is raised."""
    assert provider.make_request_forms
    try:
        return provider.make_request_forms(config)
    except (RayconteurError, *SIGNS):
        raise
    except Exception as error:  # an SDK may raise anything, and wraps what is raised below it
        if incompatible := request_error(error, provider.name):
            raise incompatible from None
        problem = f"the SDK of {provider.name} makes no request of it: {type(error).__name__}"
        raise InvalidConfig("provider", problem) from None  # its message may contain secrets


_FORMS_KEPT = 256
_made_forms: dict[bytes, RequestForms] = {}


def _provider_of(config: ProviderConfig) -> Provider[Any]:
    provider = PROVIDERS.get(config.name)
    if provider is None:
        raise UnknownProvider(f"no provider {config.name!r} is installed here; there are {', '.join(PROVIDERS)}")
    return provider


@contextmanager
def _sdk_problems(provider: Provider[Any]) -> Generator[None]:
    """Turns errors that are signs of a missing or changed SDK into errors that say so."""
    try:
        yield
    except SIGNS as error:
        if provider.extra is None or (cause := opening_error(error, provider.name, provider.extra)) is None:
            raise
        raise cause from None


def opens_at_once(config: ProviderConfig) -> bool:
    """True if opening a client for *config* takes no time worth speaking of, also the first one in a process."""
    provider = PROVIDERS.get(config.name)
    return provider is None or provider.opens_at_once


def tool_search(config: ProviderConfig, settings: Settings) -> ProviderTool | None:
    """The tool by which the API of *config* itself finds deferred tools, in requests with *settings*, if it has one."""
    provider = PROVIDERS.get(config.name)
    return provider.tool_search(config, settings) if provider else None


_TOKEN_COSTS = {provider.name: provider.token_costs for provider in PROVIDERS.values()}


def token_costs(name: str) -> TokenCosts:
    """What the provider *name* counts besides text; typical figures for one that is not installed here."""
    return _TOKEN_COSTS.get(name, _TYPICAL_COSTS)
