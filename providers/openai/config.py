"""The configs of OpenAI, of the servers that speak like it, and of Azure OpenAI."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, Self, get_args
from urllib.parse import urlsplit

import msgspec

from ..auth.aws_config import AWSAuth
from ..auth.aws_endpoints import aws_endpoint
from ..schema.checks.field_checks import check_fields
from ..schema.config import HTTPConfig, check_addresses, require_credential
from ..schema.errors import InvalidConfig

ApiName = Literal["chat", "responses"]
ApiChoice = Literal["auto", "chat", "responses"]
OPENAI_KEY = "OPENAI_API_KEY"
NO_KEY = "none"
"""What is sent to a server that needs no key: the SDK wants some word."""

WITH_RESPONSES = "2025-03-01"
"""The first version of Azure's API with Responses, still a preview."""


class ReasoningOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members of the Responses API's ``reasoning`` that a config sets."""

    summary: Literal["auto", "concise", "detailed"] | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    mode: Literal["standard", "pro"] | None = None


class _OpenAIConfig(HTTPConfig, frozen=True, kw_only=True):
    """What the configs of OpenAI and of Azure OpenAI have in common.

    *api* is ``"chat"`` (Chat Completions), ``"responses"``, or ``"auto"``: the one that the endpoint, the model and the
    settings call for.

    *reasoning_summary* is how the thinking is summarized, where it is shown; *reasoning_context* which thinking of
    earlier turns the model is shown again; *reasoning_mode* ``"pro"`` lets it work longer on each answer (GPT-5.6 and
    later). They apply to the Responses API.

    With *stream_options* off, streamed requests to Chat Completions have no member of this name, which asks for the
    token counts and which some compatible servers do not know. The counts are then estimated, unless the server reports
    them all the same. A server that refuses the member by name is asked again at once without it, and from then on.
    """

    api: ApiChoice = "auto"
    stream_options: bool = True
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    reasoning_context: Literal["auto", "current_turn", "all_turns"] | None = None
    reasoning_mode: Literal["standard", "pro"] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_options()

    def _check_options(self) -> None:
        if self.api not in get_args(ApiChoice):
            raise InvalidConfig("provider.api", f"there are {', '.join(get_args(ApiChoice))}")

    @property
    def reasoning(self) -> ReasoningOptions:
        """The options of the Responses API's reasoning."""
        return ReasoningOptions(
            summary=self.reasoning_summary, context=self.reasoning_context, mode=self.reasoning_mode
        )


class OpenAI(_OpenAIConfig, frozen=True, kw_only=True):
    """OpenAI, or a server that speaks like it at *base_url*: with Chat Completions, with the Responses API, or both.

    With ``api="auto"``, OpenAI itself is sent requests to the Responses API, which it recommends: thinking is shown (as
    far as a summary) and goes back with the history, so that it need not be thought again, and tool results may hold
    images and documents. It is asked to store nothing. Requests with stop sequences, penalties, a seed or fewer than 16
    output tokens, which only Chat Completions accept, go there. Other servers are sent Chat Completions, which nearly
    all of them have.

    The key comes from the environment variable *key_variable* unless given. A server that *needs_key* not is sent a
    request without one, too. *preset* is the name of the preset that the config was made from (``rayconteur.model``):
    it stands for the provider's name wherever people read that.

    At an address of AWS (``https://bedrock-runtime.{region}.amazonaws.com/openai/v1`` or
    ``https://bedrock-mantle.{region}.api.aws/openai/v1``) the credentials are *aws*, by default those that
    ``AWSAuth()`` finds, or a Bedrock API key as *api_key*.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key",)
    identity: ClassVar[tuple[str, ...]] = ("base_url", "organization", "project", "api_key", "aws_account")

    api_key: str | None = None
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    aws: AWSAuth | None = None
    preset: str | None = None
    key_variable: str = OPENAI_KEY
    needs_key: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.api_key and self.aws:
            raise InvalidConfig("provider.api_key", "give either api_key or aws")

    @property
    def aws_account(self) -> str | None:
        """What tells the AWS account from others."""
        return self.aws.account if self.aws else None

    @property
    def service(self) -> str:
        return self.preset or self.name

    @property
    def credential_variables(self) -> tuple[str, ...]:
        return self.aws.variables if self.aws else (self.key_variable,) if self.key_variable else ()

    def resolved(self, environ: Mapping[str, str]) -> Self:
        config = msgspec.structs.replace(self, base_url=self.base_url or environ.get("OPENAI_BASE_URL"))
        aws = self.aws
        if aws_endpoint(config.base_url):
            if not urlsplit(config.base_url or "").path.rstrip("/").endswith("/v1"):
                raise InvalidConfig("provider.base_url", "OpenAI's APIs at AWS are at addresses that end with /v1")
            # A key of OpenAI's goes to AWS only if the environment names the address, too.
            has_key = self.api_key or (self.base_url is None and environ.get(self.key_variable))
            aws = aws or (None if has_key else AWSAuth())
        if aws:
            return msgspec.structs.replace(config, aws=aws.resolved(config.base_url, environ, self.name))
        key = self.api_key or environ.get(self.key_variable)
        if self.needs_key:
            key = require_credential(self.service, "api_key", key, environ, self.key_variable)
        return msgspec.structs.replace(config, api_key=key or NO_KEY)


class AzureOpenAI(_OpenAIConfig, frozen=True, kw_only=True):
    """A *deployment* of Azure OpenAI, at *resource* (its name) or *endpoint* (its whole address).

    *api_version* is ``"v1"``, the address without dates, or a dated one. Requests carry the deployment's name. *model*
    is the deployment's model, for what is known of it; without it, a deployment that is named like a model is taken for
    that model, and of others nothing is known.

    With ``api="auto"``, ``"v1"`` is sent requests to the Responses API, or to Chat Completions where *model* is not
    OpenAI's, or where only they have a setting. A dated version is sent Chat Completions, unless the model calls for
    the Responses API, which is in previews from 2025-03-01 on. An *endpoint* that ends in ``/models`` is that of Azure
    AI model inference: Chat Completions for models of all makers.

    Exactly one of *api_key*, *ad_token* and *ad_token_provider*; ``AZURE_OPENAI_API_KEY`` or
    ``AZURE_OPENAI_AD_TOKEN`` and ``AZURE_OPENAI_ENDPOINT`` unless given. The token provider is the name of a function
    without parameters, ``"module:function"``, that gives a token of Entra: it is imported where the session runs, and
    called for each request (keep a token as long as it lasts, as azure-identity does). It may be async; one that is
    not runs in a thread.
    """

    secrets: ClassVar[tuple[str, ...]] = ("api_key", "ad_token")
    identity: ClassVar[tuple[str, ...]] = ("endpoint", "deployment")

    deployment: str
    model: str = ""
    resource: str | None = None
    endpoint: str | None = None
    api_version: str = "v1"
    api_key: str | None = None
    ad_token: str | None = None
    ad_token_provider: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "provider")
        check_addresses(self)
        if not self.deployment:
            raise InvalidConfig("provider.deployment", "give the deployment's name")
        if self.resource and self.endpoint:
            raise InvalidConfig("provider.resource", "give either resource or endpoint")
        if self.resource and not re.fullmatch("[A-Za-z0-9-]+", self.resource):
            raise InvalidConfig("provider.resource", "give its name alone; a whole address is an endpoint")
        if sum(map(bool, (self.api_key, self.ad_token, self.ad_token_provider))) > 1:
            raise InvalidConfig("provider.api_key", "give one of api_key, ad_token and ad_token_provider")
        if self.ad_token_provider and not re.fullmatch(r"[\w.]+:\w+", self.ad_token_provider):
            raise InvalidConfig("provider.ad_token_provider", "name a function as module:function")
        if self.api_version != "v1" and not re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", self.api_version):
            raise InvalidConfig("provider.api_version", "give v1, or a date such as 2024-10-21")
        self._check_options()
        if self.api == "responses" and self.api_version < WITH_RESPONSES:
            raise InvalidConfig("provider.api_version", "the Responses API is at v1, or from 2025-03-01-preview on")

    @property
    def credential_variables(self) -> tuple[str, ...]:
        if self.ad_token_provider:
            return ()
        return ("AZURE_OPENAI_AD_TOKEN",) if self.ad_token else ("AZURE_OPENAI_API_KEY",)

    def resolved(self, environ: Mapping[str, str]) -> Self:
        endpoint = self.endpoint or (
            f"https://{self.resource}.openai.azure.com" if self.resource else environ.get("AZURE_OPENAI_ENDPOINT")
        )
        if not endpoint:
            raise InvalidConfig("provider.endpoint", "give resource or endpoint, or set AZURE_OPENAI_ENDPOINT")
        token = self.ad_token
        if not (self.api_key or token or self.ad_token_provider):
            token = environ.get("AZURE_OPENAI_AD_TOKEN", "").strip() or None
        key = None
        if not (token or self.ad_token_provider):
            key = require_credential(self.name, "api_key", self.api_key, environ, "AZURE_OPENAI_API_KEY")
        return msgspec.structs.replace(
            self, resource=None, endpoint=endpoint, api_key=key, ad_token=token, model=self.model or self.deployment
        )
