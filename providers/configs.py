"""Which provider, which model, which credential. Configs cross processes; the clients made from them don't."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import msgspec

from .bedrock_config import Bedrock
from .config import Config, HTTPConfig, credential
from .google_config import Google
from .openai_config import AzureOpenAI, OpenAI
from .script import Script

__all__ = [
    "Anthropic",
    "AzureOpenAI",
    "Bedrock",
    "Cohere",
    "Google",
    "OpenAI",
    "ProviderConfig",
    "ProviderName",
    "Scripted",
]


class Scripted(Config, frozen=True, kw_only=True):
    """A provider in the process itself: it says what *script* says. For demos, tests and benchmarks."""

    model: str = "scripted"
    script: Script = Script()


class Anthropic(HTTPConfig, frozen=True, kw_only=True):
    """Anthropic's Messages API. The key comes from ``ANTHROPIC_API_KEY`` unless given."""

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: str | None = None
    base_url: str | None = None

    def resolved(self, environ: Mapping[str, str]) -> Self:
        key = credential(self.name, "api_key", self.api_key, environ, "ANTHROPIC_API_KEY")
        return msgspec.structs.replace(self, api_key=key, base_url=self.base_url or environ.get("ANTHROPIC_BASE_URL"))


class Cohere(HTTPConfig, frozen=True, kw_only=True):
    """Cohere's v2 chat. The key comes from ``CO_API_KEY`` unless given, the address from ``CO_API_URL``."""

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: str | None = None
    base_url: str | None = None

    def resolved(self, environ: Mapping[str, str]) -> Self:
        key = credential(self.name, "api_key", self.api_key, environ, "CO_API_KEY")
        return msgspec.structs.replace(self, api_key=key, base_url=self.base_url or environ.get("CO_API_URL"))


ProviderConfig = Scripted | Anthropic | OpenAI | AzureOpenAI | Google | Cohere | Bedrock
ProviderName = Literal["scripted", "anthropic", "openai", "azureopenai", "google", "cohere", "bedrock"]
