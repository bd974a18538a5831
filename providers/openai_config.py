"""The configs of OpenAI, of the servers that speak like it, and of Azure OpenAI."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import msgspec

from .config import HTTPConfig, credential
from .errors import InvalidConfig


class OpenAI(HTTPConfig, frozen=True, kw_only=True):
    """OpenAI, or a server that speaks like it at *base_url*: ``"chat"`` (Chat Completions) or ``"responses"``.

    Chat Completions are what nearly every server speaks, and have stop sequences, penalties and a seed. Take the
    Responses API for OpenAI's reasoning models: their thinking is shown (as far as a summary) and goes back with the
    history, so that it need not be thought again; and tool results may hold images and documents. Nothing is stored
    with OpenAI either way.

    The key comes from ``OPENAI_API_KEY`` unless given. A compatible server that wants no key still needs some word for
    one.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: str | None = None
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    api: Literal["chat", "responses"] = "chat"

    def resolved(self, environ: Mapping[str, str]) -> Self:
        key = credential(self.name, "api_key", self.api_key, environ, "OPENAI_API_KEY")
        return msgspec.structs.replace(self, api_key=key, base_url=self.base_url or environ.get("OPENAI_BASE_URL"))


class AzureOpenAI(HTTPConfig, frozen=True, kw_only=True):
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
        key = None if token else credential(self.name, "api_key", self.api_key, environ, "AZURE_OPENAI_API_KEY")
        return msgspec.structs.replace(
            self,
            resource=None,
            endpoint=endpoint,
            api_key=key,
            ad_token=token or None,
            model=self.model or self.deployment,
        )
