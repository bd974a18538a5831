"""Cohere's v2 chat, through Cohere's SDK."""

from collections.abc import AsyncIterable, Mapping, Sequence
from functools import cache, partial
from ssl import SSLContext
from typing import cast

import aiohttp
import httpx

# The SDK hands out no raw bytes, and takes no ready body. So it is asked for the parts of a request that are its
# own (the address, the key, the headers), which this class has, and what it would send them with is public again.
# It is not in the documents: tests/providers/cohere/test_sdk.py holds it against what the SDK itself sends.
from cohere.core.client_wrapper import AsyncClientWrapper
from cohere.environment import ClientEnvironment

from ..schema.client import Sink
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.errors import ProviderError
from ..schema.request import Request, Settings
from ..sdk.changes import uses
from ..transport import http
from ..transport.connections.http_session import HTTPSession
from ..wire.extra_body import check_extras
from . import requests as cohere_requests
from .config import Cohere
from .content import check_content
from .decoder import answer_decoder
from .errors import FAULTS, PROVIDER
from .rules import Dialect, check_modes, check_settings
from .transport import AiohttpTransport

_PATH = "/v2/chat"


def _response(_: Exception) -> http.Response | None:
    """The SDK's own errors are made where it reads answers, which it does not here."""
    return None


_KINDS: dict[type[Exception], type[ProviderError]] = {}
SDK_ERRORS = http.SDKErrors(_response, _KINDS, (httpx.HTTPError, aiohttp.ClientError, OSError), FAULTS)


class CohereClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """

    def __init__(self, config: Cohere) -> None:
        check_extras(config, cohere_requests.OWN_MEMBERS)
        check_modes(config)
        key = http.header_value(config.api_key or "", "provider.api_key")
        base_url = http.http_url(config.base_url, "provider.base_url")
        transport = AiohttpTransport(HTTPSession(config.connect_timeout_s, config.idle_timeout_s, _tls))
        self._http = httpx.AsyncClient(transport=transport, follow_redirects=True)  # as the SDK's own clients do
        self._sdk = _sdk(key, base_url, self._http)
        self._dialect = Dialect(config.model, config.facts, cohere_requests.config_members(config))
        self._extra_headers = config.extra_headers or {}
        self._channel = http.Channel(
            self._post, SDK_ERRORS, (key, *self._extra_headers.values()), config.progress_timeout_s
        )

    @property
    def provider(self) -> str:
        return PROVIDER

    def check_settings(self, settings: Settings) -> None:
        check_settings(settings, self._dialect)

    def check_content(self, content: Sequence[Block]) -> None:
        check_content(content, self._dialect.media)

    async def stream(self, request: Request, sink: Sink) -> None:
        body = partial(cohere_requests.body, request, self._dialect, streaming=True)
        await self._channel.stream(body, answer_decoder(self._dialect.model), sink)

    async def complete(self, request: Request) -> list[Delta]:
        body = partial(cohere_requests.body, request, self._dialect, streaming=False)
        return await self._channel.collect(body, answer_decoder(self._dialect.model))

    async def aclose(self) -> None:
        await self._http.aclose()

    @uses("cohere")
    async def _post(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> http.UnreadResponse:
        own = {**await self._sdk.async_get_headers(), "content-type": "application/json", **headers}
        given = {**self._extra_headers, **own}
        url = self._sdk.get_base_url().rstrip("/") + _PATH
        request = self._http.build_request("POST", url, content=content, headers=given)
        answer = await self._http.send(request, stream=True)
        response = cast(http.UnreadResponse, answer)  # httpx returns what its transport made
        if answer.is_success:
            return response
        try:
            await response.aread()
        finally:
            await response.aclose()
        raise http.Refused(response)


@uses("cohere")
def _sdk(key: str, base_url: str | None, client: httpx.AsyncClient) -> AsyncClientWrapper:
    base_url = base_url or ClientEnvironment.PRODUCTION.value
    return AsyncClientWrapper(token=key, base_url=base_url, httpx_client=client)


@cache
def _tls() -> SSLContext:
    """The certificates to trust. Reading them takes some 20 ms, so all clients of a process share them."""
    return httpx.create_ssl_context()
