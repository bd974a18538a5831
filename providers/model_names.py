"""From a model's name, such as ``anthropic:claude-sonnet-5-5``, to a provider's config."""

from typing import cast

from .openai.config import OpenAI
from .presets import presets
from .registry import ALIASES, PROVIDERS, ProviderConfig
from .schema.checks.shown import shown
from .schema.errors import InvalidConfig, UnknownProvider

_OPENAI = str(OpenAI.__struct_config__.tag)
"""The provider of all presets."""

_NOT_FOR_USERS = ("facts", "request_forms")


def model(name: str, **fields: object) -> ProviderConfig:
    """The config for *name*: a provider and its model, such as ``anthropic:claude-sonnet-5-5``.

    A preset may stand for the provider: a server that speaks like OpenAI, such as ``groq:llama-3.3-70b-versatile``. For
    Azure OpenAI the part after the colon is the deployment. *fields* are fields of the config, such as ``base_url``;
    credentials and addresses that are not given come from the provider's usual environment variables when a session is
    spawned.

    Raises:
        UnknownProvider: *name* begins with no provider's name; the error lists the names, the nearest first.
        InvalidConfig: *name* has no model, or the config has no such field.
    """
    if not isinstance(cast(object, name), str):
        raise InvalidConfig("model", f"give a name such as 'anthropic:claude-sonnet-5-5', not a {type(name).__name__}")
    prefix, colon, model_name = name.partition(":")
    provider, preset = PROVIDERS.get(ALIASES.get(prefix, prefix)), None
    if provider is None and (preset := presets().get(prefix)):
        provider = PROVIDERS[_OPENAI]
    if provider is None:
        raise _unknown(prefix if colon else "")
    model_name = model_name or provider.default_model or ""
    if not model_name:
        raise InvalidConfig("model", f"{shown(name)} names no model; write {prefix if preset else provider.name}:model")
    known_fields = provider.config.__struct_fields__
    if unknown := [field for field in fields if field not in known_fields]:
        usable = ", ".join(field for field in known_fields if field not in _NOT_FOR_USERS)
        raise InvalidConfig(
            shown(f"provider.{unknown[0]}", quoted=False), f"{provider.name} has no such field; it has {usable}"
        )
    if provider.model_field in fields:
        raise InvalidConfig(f"provider.{provider.model_field}", "give the model once: in the name")
    if preset:
        return preset.config(prefix, model_name, **fields)
    config: ProviderConfig = provider.config(**{provider.model_field: model_name}, **fields)
    return config


def provider_name(name: str) -> str:
    """The name of the provider that *name* stands for: an alias, or a preset. Others stay as they are."""
    name = ALIASES.get(name, name)
    return _OPENAI if name not in PROVIDERS and name in presets() else name


def _unknown(name: str) -> UnknownProvider:
    """The error for a model's name that begins with *name*, which is not repeated: some give a key here."""
    from difflib import get_close_matches

    names = [*PROVIDERS, *presets()]
    nearest = get_close_matches(name, [*names, *ALIASES], n=3) if name else []
    advice = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    return UnknownProvider(
        f"the model's name begins with no provider; {advice}write provider:model with one of {', '.join(names)}"
    )
