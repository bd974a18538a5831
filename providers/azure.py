"""Azure OpenAI: Chat Completions of a deployment, through OpenAI's SDK."""

from . import http
from .configs import AzureOpenAI
from .errors import MissingExtra
from .wire.openai_dialect import Dialect

try:
    import openai
except ModuleNotFoundError:
    raise MissingExtra("azureopenai", "openai") from None

from .openai import OpenAIClient


def azure_client(config: AzureOpenAI) -> OpenAIClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    key = http.credential(config.api_key, "provider.api_key") if config.api_key else None
    token = http.credential(config.ad_token, "provider.ad_token") if config.ad_token else None
    timeouts = http.timeouts(config.connect_timeout_s, config.idle_timeout_s)
    sdk = openai.AsyncAzureOpenAI(
        azure_endpoint=http.address(config.endpoint, "provider.endpoint") or "",
        azure_deployment=config.deployment,
        api_version=config.api_version,
        api_key=key,
        azure_ad_token=token,
        timeout=timeouts,
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(timeout=timeouts, limits=http.limits(), verify=http.tls()),
    )
    return OpenAIClient(sdk, Dialect(config.name, config.model or config.deployment, facts=config.facts), (key, token))
