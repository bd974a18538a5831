"""Azure OpenAI: Chat Completions and Responses of a deployment, through OpenAI's SDK."""

import openai

from ..auth.token_source import TokenSource
from ..transport import http
from ..transport.aiohttp_transport import AiohttpTransport, HTTPClient
from .client import OpenAIClient
from .config import AzureOpenAI
from .dialect import Dialect


def azure_client(config: AzureOpenAI) -> OpenAIClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    key = http.header_value(config.api_key, "provider.api_key") if config.api_key else None
    token = http.header_value(config.ad_token, "provider.ad_token") if config.ad_token else None
    source = TokenSource(config.ad_token_provider, config.name) if config.ad_token_provider else None
    endpoint = (http.http_url(config.endpoint, "provider.endpoint") or "").rstrip("/")
    dialect = Dialect(config.name, config.model or config.deployment, facts=config.facts, api=config.api)
    timeouts = http.timeouts(config.connect_timeout_s, config.idle_timeout_s)
    transport = AiohttpTransport(config.connect_timeout_s, config.idle_timeout_s)
    if config.api_version == "v1":
        sdk = openai.AsyncOpenAI(
            base_url=f"{endpoint}/openai/v1/",
            api_key=source.token if source else key or token,
            timeout=timeouts,
            max_retries=0,
            http_client=HTTPClient(transport),
        )
    else:
        sdk = openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint,
            azure_deployment=config.deployment,
            api_version=config.api_version,
            api_key=key,
            azure_ad_token=token,
            azure_ad_token_provider=source.token if source else None,
            timeout=timeouts,
            max_retries=0,
            http_client=HTTPClient(transport),
        )
    if source:
        return OpenAIClient(sdk, dialect, source.given, transport=None)
    return OpenAIClient(sdk, dialect, (key, token), transport)
