"""From a model's name, such as ``anthropic:claude-sonnet-5-5``, to a provider's config."""

from typing import cast

from .registry import ALIASES, PROVIDERS, ProviderConfig
from .schema.checks.shown import shown
from .schema.errors import InvalidConfig, UnknownProvider

_NOT_FOR_USERS = ("facts", "request_forms")


def model(name: str, **fields: object) -> ProviderConfig:
    """The config for *name*: a provider and its model, such as ``anthropic:claude-sonnet-5-5``.

    For Azure OpenAI the part after the colon is the deployment. *fields* are fields of the config, such as
    ``base_url``; credentials and addresses that are not given come from the provider's usual environment variables when
    a session is spawned.

    Raises:
        UnknownProvider: *name* begins with no provider's name; the error lists the names.
        InvalidConfig: *name* has no model, or the config has no such field.
    """
    if not isinstance(cast(object, name), str):
        raise InvalidConfig("model", f"give a name such as 'anthropic:claude-sonnet-5-5', not a {type(name).__name__}")
    provider_name, _, model_name = name.partition(":")
    provider = PROVIDERS.get(ALIASES.get(provider_name, provider_name))
    if provider is None:
        names = ", ".join(PROVIDERS)
        # The name is not repeated: some give a key here.
        raise UnknownProvider(f"the model's name begins with no provider; write provider:model with one of {names}")
    model_name = model_name or provider.default_model or ""
    if not model_name:
        raise InvalidConfig("model", f"{shown(name)} names no model; write {provider.name}:model")
    known_fields = provider.config.__struct_fields__
    if unknown := [field for field in fields if field not in known_fields]:
        usable = ", ".join(field for field in known_fields if field not in _NOT_FOR_USERS)
        raise InvalidConfig(
            shown(f"provider.{unknown[0]}", quoted=False), f"{provider.name} has no such field; it has {usable}"
        )
    if provider.model_field in fields:
        raise InvalidConfig(f"provider.{provider.model_field}", "give the model once: in the name")
    config: ProviderConfig = provider.config(**{provider.model_field: model_name}, **fields)
    return config
