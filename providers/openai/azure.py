"""Azure OpenAI: Chat Completions and Responses of a deployment, through OpenAI's SDK."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import openai

from ..auth.token_source import EntraAuthority, TokenSource
from ..sdk.changes import uses
from ..transport import http
from ..transport.aiohttp_transport import AiohttpTransport, HTTPClient
from ..transport.authority import Secrets
from .api_choice import INFERENCE_PATH, azure_apis
from .client import Connection, OpenAIClient, dialect_of, header_values
from .config import AzureOpenAI

_V1_PATH = "/openai/v1"
_INFERENCE_VERSION = "2024-05-01-preview"  # https://learn.microsoft.com/rest/api/aifoundry/modelinference/


def azure_client(config: AzureOpenAI) -> OpenAIClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    key = http.header_value(config.api_key, "provider.api_key") if config.api_key else None
    token = http.header_value(config.ad_token, "provider.ad_token") if config.ad_token else None
    source = TokenSource(config.ad_token_provider, config.name) if config.ad_token_provider else None
    endpoint = (http.http_url(config.endpoint, "provider.endpoint") or "").rstrip("/")
    transport = AiohttpTransport(config.connect_timeout_s, config.idle_timeout_s)
    sdk = _sdk(config, endpoint, source.token if source else key or token or "", HTTPClient(transport))
    apis = azure_apis(config)
    dialect = dialect_of(config, apis, own=not endpoint.endswith(INFERENCE_PATH))
    secrets = Secrets(EntraAuthority(source) if source else None, (key, token, *header_values(config)))
    connection = Connection(sdk, secrets, None if source else transport, config.progress_timeout_s)
    return OpenAIClient(connection, replace(dialect, deployment=config.deployment), apis)


@uses("openai")
def _sdk(
    config: AzureOpenAI, endpoint: str, credential: str | Callable[[], Awaitable[str]], client: HTTPClient
) -> openai.AsyncOpenAI:
    """The SDK for *endpoint*. *credential* is the key, the token, or the function that gives one."""
    timeout = http.timeouts(config.connect_timeout_s, config.idle_timeout_s)
    is_key = isinstance(credential, str) and config.api_key is not None
    if endpoint.endswith(INFERENCE_PATH):
        return openai.AsyncOpenAI(
            base_url=endpoint,
            api_key=credential,
            default_query={"api-version": _INFERENCE_VERSION},
            default_headers={**({"api-key": str(credential)} if is_key else {}), **(config.extra_headers or {})},
            timeout=timeout,
            max_retries=0,
            http_client=client,
        )
    if config.api_version == "v1":
        return openai.AsyncOpenAI(
            base_url=endpoint if endpoint.endswith(_V1_PATH) else endpoint + _V1_PATH,
            api_key=credential,
            default_headers=config.extra_headers,
            timeout=timeout,
            max_retries=0,
            http_client=client,
        )
    return openai.AsyncAzureOpenAI(
        azure_endpoint=endpoint,
        azure_deployment=config.deployment,
        api_version=config.api_version,
        api_key=credential if is_key else None,
        azure_ad_token=credential if isinstance(credential, str) and not is_key else None,
        azure_ad_token_provider=None if isinstance(credential, str) else credential,
        default_headers=config.extra_headers,
        timeout=timeout,
        max_retries=0,
        http_client=client,
    )
