"""The config of Anthropic's Messages API, wherever it is served."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

import msgspec

from ..auth.aws_config import AWSAuth
from ..auth.aws_endpoints import aws_endpoint
from ..schema.checks.shown import shown
from ..schema.config import HTTPConfig, require_credential
from ..schema.errors import InvalidConfig
from ..wire.hosts import host_of

Platform = Literal["anthropic", "foundry", "bedrock", "aws"]
_AZURE = (".azure.com", ".azure.us")


class Anthropic(HTTPConfig, frozen=True, kw_only=True):
    """Anthropic's Messages API: at Anthropic, or at *base_url*.

    *platform* is whose endpoint that is, which decides how requests are authenticated and what it offers. Give it only
    for addresses that don't say so, such as a gateway's:

    - ``"anthropic"``: Anthropic, or a server that speaks like it. The key comes from ``ANTHROPIC_API_KEY`` unless
      given.
    - ``"foundry"``: Microsoft Foundry, ``https://{resource}.services.ai.azure.com/anthropic``; *model* is the
      deployment's name. Exactly one of *api_key* (or ``ANTHROPIC_FOUNDRY_API_KEY``), *ad_token* and
      *ad_token_provider*; the latter two as in ``AzureOpenAI``.
    - ``"bedrock"``: Amazon Bedrock, ``https://bedrock-runtime.{region}.amazonaws.com/anthropic`` or
      ``https://bedrock-mantle.{region}.api.aws/anthropic``. The credentials are *aws*, by default those that
      ``AWSAuth()`` finds, or a Bedrock API key as *api_key*.
    - ``"aws"``: Claude Platform on AWS, ``https://aws-external-anthropic.{region}.api.aws``, with the same credentials
      and the workspace's id as *extra_headers* ``anthropic-workspace-id``.

    *betas* are named in the header ``anthropic-beta``, with those that the package needs itself. *fallbacks* are the
    models that the API asks when the model refuses: ``"default"`` for those that Anthropic recommends, or a tuple of
    their names, or of objects such as ``{"model": ..., "max_tokens": ...}``.
    https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback

    With *fetch_model_facts*, the API is asked what the model is able to do when a session is spawned, once per process:
    for models that are newer than this package. Without an answer within three seconds, what is documented applies.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key", "ad_token")
    identity: ClassVar[tuple[str, ...]] = ("base_url", "api_key", "aws_account")
    # https://platform.claude.com/docs/en/api/rate-limits#cache-aware-itpm
    limits_cached_input: ClassVar[bool] = False

    api_key: str | None = None
    base_url: str | None = None
    platform: Platform | None = None
    aws: AWSAuth | None = None
    ad_token: str | None = None
    ad_token_provider: str | None = None
    betas: tuple[str, ...] = ()
    fetch_model_facts: bool = False
    fallbacks: Literal["default"] | tuple[str | dict[str, Any], ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(map(bool, (self.api_key, self.aws, self.ad_token, self.ad_token_provider))) > 1:
            raise InvalidConfig("provider.api_key", "give one of api_key, aws, ad_token and ad_token_provider")
        if self.ad_token_provider and not re.fullmatch(r"[\w.]+:\w+", self.ad_token_provider):
            raise InvalidConfig("provider.ad_token_provider", "name a function as module:function")
        if (self.ad_token or self.ad_token_provider) and self.served_by != "foundry":
            raise InvalidConfig("provider.ad_token", f"tokens of Entra are for Foundry, not for {self.served_by!r}")
        if self.aws and self.served_by not in ("bedrock", "aws"):
            raise InvalidConfig("provider.aws", f"AWS credentials are for endpoints at AWS, not for {self.served_by!r}")
        for beta in self.betas:
            if not re.fullmatch(r"[A-Za-z0-9._-]+", beta):
                raise InvalidConfig("provider.betas", f"{shown(beta)} is not the name of a beta")
        if self.fetch_model_facts and self.served_by not in ("anthropic", "aws"):
            raise InvalidConfig("provider.fetch_model_facts", f"there is no models endpoint at {self.served_by!r}")
        if self.fallbacks is not None:
            _check_fallbacks(self)

    @property
    def served_by(self) -> Platform:
        """The *platform*: as given, or as the address or the credentials tell."""
        if self.platform:
            return self.platform
        endpoint = aws_endpoint(self.base_url)
        if endpoint or self.aws:
            service = endpoint.service if endpoint else self.aws and self.aws.service
            return "aws" if service == "aws-external-anthropic" else "bedrock"
        return (
            "foundry"
            if self.ad_token or self.ad_token_provider or host_of(self.base_url).endswith(_AZURE)
            else "anthropic"
        )

    @property
    def fallback_entries(self) -> str | list[dict[str, Any]] | None:
        """The *fallbacks* as the API takes them."""
        if self.fallbacks is None or isinstance(self.fallbacks, str):
            return self.fallbacks
        return [{"model": entry} if isinstance(entry, str) else entry for entry in self.fallbacks]

    @property
    def aws_account(self) -> str | None:
        """What tells the AWS account from others."""
        return self.aws.account if self.aws else None

    @property
    def credential_variables(self) -> tuple[str, ...]:
        if self.aws:
            return self.aws.variables
        if self.ad_token or self.ad_token_provider:
            return ()
        is_own = self.served_by == "anthropic"
        return ("ANTHROPIC_API_KEY",) if is_own else ("ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_API_KEY")

    def resolved(self, environ: Mapping[str, str]) -> Self:
        config = msgspec.structs.replace(self, base_url=self.base_url or environ.get("ANTHROPIC_BASE_URL"))
        if config.served_by != "anthropic":
            if not config.base_url:
                raise InvalidConfig("provider.base_url", f"give the address of the endpoint at {config.served_by!r}")
            config = msgspec.structs.replace(config, platform=config.served_by)
        # A key of Anthropic's goes to another platform only if the environment names its address, too.
        is_own = config.served_by == "anthropic" or self.base_url is None
        key = self.api_key or (environ.get("ANTHROPIC_API_KEY") if is_own else None)
        if config.served_by in ("bedrock", "aws"):
            _check_path(config)
            if self.aws or not key:
                aws = (self.aws or AWSAuth()).resolved(config.base_url, environ, self.name)
                return msgspec.structs.replace(config, aws=aws)
        if not (self.ad_token or self.ad_token_provider):
            variable = "ANTHROPIC_API_KEY" if is_own else "ANTHROPIC_FOUNDRY_API_KEY"
            key = require_credential(self.name, "api_key", key, environ, variable)
            return msgspec.structs.replace(config, api_key=key)
        return config


def _check_fallbacks(config: Anthropic) -> None:
    if config.served_by not in ("anthropic", "aws"):
        raise InvalidConfig("provider.fallbacks", f"only Anthropic itself has them, not {config.served_by!r}")
    if "fallback_credit_token" in (config.extra_body or {}):
        raise InvalidConfig("provider.fallbacks", "the API takes no fallback_credit_token with them; give one of both")
    entries = config.fallback_entries
    if isinstance(entries, list) and not (entries and all(entry.get("model") for entry in entries)):
        raise InvalidConfig("provider.fallbacks", "give 'default', or the models to ask in their order")


def _check_path(config: Anthropic) -> None:
    """Bedrock has other APIs at the same hosts."""
    if config.served_by != "bedrock" or aws_endpoint(config.base_url) is None:
        return
    if not urlsplit(config.base_url or "").path.rstrip("/").endswith("/anthropic"):
        raise InvalidConfig("provider.base_url", "Bedrock's Messages API is at an address that ends with /anthropic")
