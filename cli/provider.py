"""Providers by their names, as the options give them."""

from typing import get_args

from ..providers.configs import Anthropic, AzureOpenAI, OpenAI, ProviderConfig, ProviderName, Scripted
from ..providers.errors import InvalidConfig, UnknownProvider
from ..providers.script import Script

FIRST_TOKEN_S = 0.3


def provider_named(name: str, model: str | None, tokens_per_s: float | None = None) -> ProviderConfig:
    """The provider *name* with *model*. The scripted one needs no model, and says back what it hears at *tokens_per_s*.

    Raises:
        UnknownProvider: none of that name; the names are told.
        InvalidConfig: it needs a model.
    """
    match name:
        case "scripted":
            script = Script(tokens_per_s=tokens_per_s, first_token_s=FIRST_TOKEN_S)
            return Scripted(model=model or "scripted", script=script)
        case "anthropic":
            return Anthropic(model=_given(name, model))
        case "openai":
            return OpenAI(model=_given(name, model))
        case "azureopenai":
            return AzureOpenAI(deployment=_given(name, model))
        case _:
            raise UnknownProvider(f"there is no provider {name!r}; there are {', '.join(get_args(ProviderName))}")


def _given(provider: str, model: str | None) -> str:
    if not model:
        what = "its deployment" if provider == "azureopenai" else "its model"
        raise InvalidConfig("--model", f"{provider} does not choose for you; name {what}")
    return model
