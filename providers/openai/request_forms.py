"""What OpenAI's SDK sends: to OpenAI, to servers that speak like it, and to Azure OpenAI."""

from collections.abc import Callable
from functools import partial

import httpx2
import openai

from ..schema.checks.addresses import http_url
from ..schema.config import RequestForm, RequestForms
from ..sdk.captured import run_apart
from ..sdk.changes import uses
from ..sdk.httpx2_capture import Capture, timeouts
from ..transport import http
from .api_choice import CHAT_PATH, INFERENCE_PATH, RESPONSES_PATH
from .config import AzureOpenAI, OpenAI
from .responses import compaction

_PATHS = (CHAT_PATH, RESPONSES_PATH, compaction.PATH)
_V1_PATH = "/openai/v1"
_INFERENCE_VERSION = "2024-05-01-preview"  # https://learn.microsoft.com/rest/api/aifoundry/modelinference/
_REPLACED = "unused"
"""The credential of a form whose requests an authority authenticates."""

_OpenSDK = Callable[[httpx2.AsyncClient], openai.AsyncOpenAI]


def openai_forms(config: OpenAI) -> RequestForms:
    """The forms of requests of *config*, resolved, by their path.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    http_url(config.base_url, "provider.base_url")
    key = _REPLACED if config.aws else http.header_value(config.api_key or "", "provider.api_key")
    return _forms(partial(_openai_sdk, config, key))


def azure_forms(config: AzureOpenAI) -> RequestForms:
    """The forms of requests of *config*, resolved, by their path.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    endpoint = (http_url(config.endpoint, "provider.endpoint") or "").rstrip("/")
    credential = config.api_key or config.ad_token
    if credential:
        credential = http.header_value(credential, "provider.api_key" if config.api_key else "provider.ad_token")
    return _forms(partial(_azure_sdk, config, endpoint, credential))


def _forms(open_sdk: _OpenSDK) -> RequestForms:
    async def forms() -> RequestForms:
        return {path: await _form(open_sdk, path) for path in _PATHS}

    return run_apart(forms())


@uses("openai")
async def _form(open_sdk: _OpenSDK, path: str) -> RequestForm:
    async with Capture() as capture:
        await open_sdk(capture.client).post(
            path, cast_to=httpx2.Response, content=b"{}", stream=True, stream_cls=openai.AsyncStream[bytes]
        )
    if capture.form is None:
        raise TypeError("post() sends nothing through the HTTP client that the SDK was given")
    return capture.form


@uses("openai")
def _openai_sdk(config: OpenAI, key: str, client: httpx2.AsyncClient) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=config.base_url,
        organization=config.organization,
        project=config.project,
        timeout=timeouts(config.connect_timeout_s, config.idle_timeout_s),
        max_retries=0,
        default_headers=config.extra_headers,
        http_client=client,
    )


@uses("openai")
def _azure_sdk(
    config: AzureOpenAI, endpoint: str, credential: str | None, client: httpx2.AsyncClient
) -> openai.AsyncOpenAI:
    """The SDK for *endpoint*. *credential* is the key or the token; ``None`` if an authority gives tokens."""
    timeout = timeouts(config.connect_timeout_s, config.idle_timeout_s)
    is_key = config.api_key is not None
    if endpoint.endswith(INFERENCE_PATH):
        return openai.AsyncOpenAI(
            base_url=endpoint,
            api_key=credential or _REPLACED,
            default_query={"api-version": _INFERENCE_VERSION},
            default_headers={
                **({"api-key": credential} if is_key and credential else {}),
                **(config.extra_headers or {}),
            },
            timeout=timeout,
            max_retries=0,
            http_client=client,
        )
    if config.api_version == "v1":
        return openai.AsyncOpenAI(
            base_url=endpoint if endpoint.endswith(_V1_PATH) else endpoint + _V1_PATH,
            api_key=credential or _REPLACED,
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
        azure_ad_token=None if is_key else credential,
        azure_ad_token_provider=None if credential else lambda: _REPLACED,
        default_headers=config.extra_headers,
        timeout=timeout,
        max_retries=0,
        http_client=client,
    )
