"""Which provider, which model, which credential. Configs cross processes; the clients made from them don't."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from .errors import InvalidConfig, MissingKey
from .script import Script

Seconds = Annotated[float, Meta(gt=0)]


class _Config(msgspec.Struct, frozen=True, kw_only=True, tag_field="provider", tag=str.lower, omit_defaults=True):
    """A provider as one session uses it.

    *context_limit_tokens* overrides what is known of the model's context window.
    """

    secrets: ClassVar[tuple[str, ...]] = ()

    model: str
    context_limit_tokens: Annotated[int, Meta(gt=0)] | None = None

    @property
    def name(self) -> str:
        """The provider's name: its tag."""
        return str(type(self).__struct_config__.tag)

    def resolved(self, environ: Mapping[str, str]) -> Self:
        """This config with its credentials in place, taken from *environ* where it has none itself.

        Raises:
            MissingKey: there is no credential; it names the variable.
            InvalidConfig: the parts don't fit together.
        """
        del environ
        return self

    def public(self) -> Self:
        """This config without its secrets: fit for records, events and logs."""
        return msgspec.structs.replace(self, **dict.fromkeys(self.secrets))

    def __post_init__(self) -> None:
        if not self.model:
            raise InvalidConfig("provider.model", "give the model's name")

    # The struct's own two would show the secrets.

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{field}={value!r}' for field, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        fields = msgspec.structs.asdict(self).items()
        return [(field, "***" if field in self.secrets and value is not None else value) for field, value in fields]


class _HTTP(_Config, frozen=True, kw_only=True):
    """What all providers behind HTTP have.

    *connect_timeout_s* bounds making the connection, *idle_timeout_s* the silence between two reads of an answer (a
    model may think long before it says anything).
    """

    connect_timeout_s: Seconds = 10.0
    idle_timeout_s: Seconds = 600.0


class Scripted(_Config, frozen=True, kw_only=True):
    """A provider in the process itself: it says what *script* says. For demos, tests and benchmarks."""

    model: str = "scripted"
    script: Script = Script()


class Anthropic(_HTTP, frozen=True, kw_only=True):
    """Anthropic's Messages API. The key comes from ``ANTHROPIC_API_KEY`` unless given."""

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: str | None = None
    base_url: str | None = None

    def resolved(self, environ: Mapping[str, str]) -> Self:
        key = _credential(self.name, "api_key", self.api_key, environ, "ANTHROPIC_API_KEY")
        return msgspec.structs.replace(self, api_key=key, base_url=self.base_url or environ.get("ANTHROPIC_BASE_URL"))


class OpenAI(_HTTP, frozen=True, kw_only=True):
    """OpenAI's Chat Completions, or a server that speaks them at *base_url*.

    The key comes from ``OPENAI_API_KEY`` unless given. A compatible server that wants no key still needs some word for
    one.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: str | None = None
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None

    def resolved(self, environ: Mapping[str, str]) -> Self:
        key = _credential(self.name, "api_key", self.api_key, environ, "OPENAI_API_KEY")
        return msgspec.structs.replace(self, api_key=key, base_url=self.base_url or environ.get("OPENAI_BASE_URL"))


class AzureOpenAI(_HTTP, frozen=True, kw_only=True):
    """Chat Completions of an Azure OpenAI *deployment*, at *resource* (its name) or *endpoint* (its whole address).

    Exactly one of *api_key* and *ad_token*; ``AZURE_OPENAI_API_KEY`` or ``AZURE_OPENAI_AD_TOKEN`` and
    ``AZURE_OPENAI_ENDPOINT`` unless given. *model* is the deployment's model, for what is known of it; it may be left
    out.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key", "ad_token")

    deployment: str
    model: str = ""
    resource: str | None = None
    endpoint: str | None = None
    api_version: str = "2024-10-21"
    api_key: str | None = None
    ad_token: str | None = None

    def __post_init__(self) -> None:
        if not self.deployment:
            raise InvalidConfig("provider.deployment", "give the deployment's name")
        if self.resource and self.endpoint:
            raise InvalidConfig("provider.resource", "give either resource or endpoint")
        if self.resource and not re.fullmatch("[A-Za-z0-9-]+", self.resource):
            raise InvalidConfig("provider.resource", "give its name alone; a whole address is an endpoint")
        if self.api_key and self.ad_token:
            raise InvalidConfig("provider.api_key", "give either api_key or ad_token")

    def resolved(self, environ: Mapping[str, str]) -> Self:
        endpoint = self.endpoint or (
            f"https://{self.resource}.openai.azure.com" if self.resource else environ.get("AZURE_OPENAI_ENDPOINT")
        )
        if not endpoint:
            raise InvalidConfig("provider.endpoint", "give resource or endpoint, or set AZURE_OPENAI_ENDPOINT")
        token = self.ad_token or (None if self.api_key else environ.get("AZURE_OPENAI_AD_TOKEN", "").strip())
        key = None if token else _credential(self.name, "api_key", self.api_key, environ, "AZURE_OPENAI_API_KEY")
        return msgspec.structs.replace(
            self,
            resource=None,
            endpoint=endpoint,
            api_key=key,
            ad_token=token or None,
            model=self.model or self.deployment,
        )


ProviderConfig = Scripted | Anthropic | OpenAI | AzureOpenAI
ProviderName = Literal["scripted", "anthropic", "openai", "azureopenai"]


def _credential(provider: str, field: str, given: str | None, environ: Mapping[str, str], variable: str) -> str:
    key = given or environ.get(variable)
    if not key or not key.strip():
        raise MissingKey(provider, field, variable)
    return key
