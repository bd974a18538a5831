"""Models by name."""

from typing import Any, get_args

from .configs import ProviderConfig
from .schema.errors import InvalidConfig, UnknownProvider

ALIASES = {"azure": "azureopenai", "gemini": "google"}
_KINDS: dict[str, type[Any]] = {str(kind.__struct_config__.tag): kind for kind in get_args(ProviderConfig)}


def model(name: str, **fields: object) -> ProviderConfig:
    """The config that *name* stands for: a provider and its model, such as ``anthropic:claude-sonnet-4-5``.

    Of Azure the part behind the colon is the deployment. *fields* are fields of the config, such as ``base_url``; what
    is not given comes from the provider's usual variables when a session is spawned.

    Raises:
        UnknownProvider: there is none of that name; those that there are are told.
        InvalidConfig: there is no model in *name*, or the config has no such field.
    """
    provider, _, of_it = name.partition(":")
    provider = ALIASES.get(provider, provider)
    if provider not in _KINDS:
        raise UnknownProvider(f"{name!r} begins with no provider; write provider:model with one of {', '.join(_KINDS)}")
    if not of_it and provider != "scripted":
        raise InvalidConfig("model", f"{name!r} names no model; write {provider}:model")
    kind = _KINDS[provider]
    if unknown := [field for field in fields if field not in kind.__struct_fields__]:
        has = ", ".join(field for field in kind.__struct_fields__ if field != "facts")
        raise InvalidConfig(f"provider.{unknown[0]}", f"{provider} has no such field; it has {has}")
    named = {"deployment" if provider == "azureopenai" else "model": of_it} if of_it else {}
    config: ProviderConfig = kind(**named, **fields)
    return config
