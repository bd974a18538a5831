"""Chat Completions through OpenAI's SDK: OpenAI itself, and the servers that speak like it."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from . import http
from .configs import OpenAI
from .content import Block
from .deltas import Delta
from .errors import MissingExtra, ProtocolError, ProviderError, ProviderUnavailable
from .request import Request, Settings
from .wire import chat_requests
from .wire.chat_answers import stream_decoder, whole_answer
from .wire.chat_requests import Dialect
from .wire.chat_words import faults

try:
    import httpx2
    import openai
except ModuleNotFoundError:
    raise MissingExtra("openai", "openai") from None

# Those of the SDK's errors that no status goes with.
_KINDS: dict[type[Exception], type[ProviderError]] = {
    openai.APIConnectionError: ProviderUnavailable,
    openai.APIResponseValidationError: ProtocolError,
}
_DROPS = http.transport_errors("openai", "openai")
_OWN_HOSTS = ("openai.com", "azure.com")


class ChatClient:
    """Asks for what *dialect* says, through *sdk*. None of *secrets* stands in its errors."""

    def __init__(self, sdk: openai.AsyncOpenAI, dialect: Dialect, secrets: tuple[str | None, ...]) -> None:
        self._sdk = sdk
        self._dialect = dialect
        self._channel = http.Channel(self._post, vendor(dialect.provider), secrets)

    @property
    def provider(self) -> str:
        return self._dialect.provider

    def check(self, settings: Settings) -> None:
        chat_requests.check(settings, self._dialect)

    def check_content(self, content: Sequence[Block]) -> None:
        self._dialect.media.check(content)

    def stream(self, request: Request) -> AsyncGenerator[list[Delta], None]:
        body = partial(chat_requests.body, request, self._dialect, streaming=True)
        return self._channel.stream(body, stream_decoder(self.provider, request.number))

    async def complete(self, request: Request) -> list[Delta]:
        body = partial(chat_requests.body, request, self._dialect, streaming=False)
        return await self._channel.whole(body, partial(whole_answer, self.provider, request.number))

    async def aclose(self) -> None:
        await self._sdk.close()

    async def _post(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> httpx2.Response:
        answer = await self._sdk.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            content=content,
            options={"headers": headers},
            stream=True,
            stream_cls=openai.AsyncStream[bytes],
        )
        # Asked for one, the SDK gives the response itself, its body unread. Its types don't tell.
        return cast(httpx2.Response, answer)


def openai_client(config: OpenAI) -> ChatClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    key = http.credential(config.api_key or "", "provider.api_key")
    base_url = http.address(config.base_url, "provider.base_url")
    timeouts = http.timeouts(config.connect_timeout_s, config.idle_timeout_s)
    sdk = openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        organization=config.organization,
        project=config.project,
        timeout=timeouts,
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(timeout=timeouts, limits=http.limits(), verify=http.tls()),
    )
    return ChatClient(sdk, Dialect(config.name, config.model, _is_own(base_url), config.facts), (key,))


def vendor(provider: str) -> http.Vendor:
    """How the SDK says that a request to *provider* went wrong."""
    return http.Vendor(_response, _KINDS, _DROPS, faults(provider))


def _response(error: Exception) -> httpx2.Response | None:
    return error.response if isinstance(error, openai.APIStatusError) else None


def _is_own(base_url: str | None) -> bool:
    """Whether the server at *base_url* is OpenAI's: others may take what OpenAI does not, and less."""
    host = urlsplit(base_url).hostname if base_url else None
    return host is None or host.endswith(_OWN_HOSTS)
