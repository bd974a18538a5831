"""Chat Completions and Responses through OpenAI's SDK: OpenAI itself, and the servers that speak like it."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import httpx2
import openai

from ..auth.aws import aws_authority
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.errors import ProtocolError, ProviderError, ProviderUnavailable
from ..schema.request import Request, Settings
from ..transport import http
from ..transport.aiohttp_transport import AiohttpTransport, HTTPClient
from ..transport.decoder import StreamDecoder
from ..transport.sdk_bypass import SDKBypass
from .chat import decoder as chat_answers
from .chat import requests as chat_requests
from .chat.errors import faults
from .config import ApiName, OpenAI
from .dialect import Dialect
from .responses import decoder as responses_answers
from .responses import requests as responses_requests

# Those of the SDK's errors that no status goes with.
_KINDS: dict[type[Exception], type[ProviderError]] = {
    openai.APIConnectionError: ProviderUnavailable,
    openai.APIResponseValidationError: ProtocolError,
}
_DROPS = http.connection_errors()
_OWN_DOMAINS = ("openai.com", "azure.com", "azure.us")


@dataclass(frozen=True, slots=True)
class _Api:
    """One of the two APIs: where it is, what it takes, and what its answers mean."""

    path: str
    check_settings: Callable[[Settings, Dialect], None]
    body: Callable[[Request, Dialect, bool], bytes]
    stream_decoder: Callable[[str, int], StreamDecoder]
    decode_answer: Callable[[str, int, bytes], list[Delta]]


_APIS: dict[ApiName, _Api] = {
    "chat": _Api(
        "/chat/completions",
        chat_requests.check_settings,
        chat_requests.body,
        chat_answers.stream_decoder,
        chat_answers.decode_answer,
    ),
    "responses": _Api(
        "/responses",
        responses_requests.check_settings,
        responses_requests.body,
        responses_answers.stream_decoder,
        responses_answers.decode_answer,
    ),
}


class OpenAIClient:
    """Sends requests in *dialect* through *sdk*. None of *secrets* appears in its errors.

    *transport* is the transport under the SDK, given only where the credentials don't change, to bypass the SDK.
    """

    def __init__(
        self,
        sdk: openai.AsyncOpenAI,
        dialect: Dialect,
        secrets: Sequence[str | None],
        transport: AiohttpTransport | None,
    ) -> None:
        self._sdk = sdk
        self._dialect = dialect
        self._api = _APIS[dialect.api]
        post = SDKBypass(transport, self._post).post if transport else self._post
        self._channel = http.Channel(post, sdk_errors(dialect.provider), secrets)

    @property
    def provider(self) -> str:
        return self._dialect.provider

    def check_settings(self, settings: Settings) -> None:
        self._api.check_settings(settings, self._dialect)

    def check_content(self, content: Sequence[Block]) -> None:
        self._dialect.media.check(content)

    def stream(self, request: Request) -> AsyncGenerator[list[Delta], None]:
        body = partial(self._api.body, request, self._dialect, True)
        return self._channel.stream(body, self._api.stream_decoder(self.provider, request.number))

    async def complete(self, request: Request) -> list[Delta]:
        body = partial(self._api.body, request, self._dialect, False)
        return await self._channel.whole(body, partial(self._api.decode_answer, self.provider, request.number))

    async def aclose(self) -> None:
        await self._sdk.close()

    async def _post(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> httpx2.Response:
        answer = await self._sdk.post(
            self._api.path,
            cast_to=httpx2.Response,
            content=content,
            options={"headers": headers},
            stream=True,
            stream_cls=openai.AsyncStream[bytes],
        )
        # The SDK returns the response itself, body unread. Its types don't say so.
        return cast(httpx2.Response, answer)


def openai_client(config: OpenAI) -> OpenAIClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    authority = aws_authority(config.aws, config.name) if config.aws else None
    key = http.header_value(config.api_key or "", "provider.api_key")
    base_url = http.http_url(config.base_url, "provider.base_url")
    timeouts = http.timeouts(config.connect_timeout_s, config.idle_timeout_s)
    transport = AiohttpTransport(config.connect_timeout_s, config.idle_timeout_s, authority)
    sdk = openai.AsyncOpenAI(
        api_key="unused" if authority else key,  # an authority replaces the header
        base_url=base_url,
        organization=config.organization,
        project=config.project,
        timeout=timeouts,
        max_retries=0,
        http_client=HTTPClient(transport),
    )
    dialect = Dialect(config.name, config.model, _is_own(base_url), config.facts, config.api)
    return OpenAIClient(sdk, dialect, authority.secrets if authority else (key,), transport)


def sdk_errors(provider: str) -> http.SDKErrors:
    """How the SDK's errors of a request to *provider* become ours."""
    return http.SDKErrors(_response, _KINDS, _DROPS, faults(provider))


def _response(error: Exception) -> httpx2.Response | None:
    return error.response if isinstance(error, openai.APIStatusError) else None


def _is_own(base_url: str | None) -> bool:
    """True if the server at *base_url* is OpenAI's or Azure's. Compatible servers may take more or less."""
    host = urlsplit(base_url).hostname if base_url else None
    return host is None or any(f".{host}".endswith(f".{domain}") for domain in _OWN_DOMAINS)
