"""Google's Gemini models, at the Gemini API and at Vertex AI, through Google's SDK."""

from collections.abc import AsyncIterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import httpx2
import msgspec
from google import genai
from google.auth import exceptions as auth
from google.auth.credentials import Credentials
from google.genai import errors as sdk_errors
from google.genai.types import HttpOptions
from google.oauth2.credentials import Credentials as UserCredentials
from google.oauth2.service_account import Credentials as ServiceCredentials

from ..schema.client import Sink
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.errors import AuthenticationFailed, InvalidConfig, ProviderError, ProviderUnavailable
from ..schema.request import Request, Settings
from ..sdk.changes import uses
from ..transport import http
from ..transport.aiohttp_transport import AiohttpTransport, HTTPClient, UnreadResponse
from ..transport.fault_bodies import Fault
from ..wire.extra_body import check_extras
from . import requests as google_requests
from .config import Google
from .content import check_content
from .decoder import answer_decoder
from .errors import FAULTS, PROVIDER, read_google_fault
from .rules import Dialect, check_config, check_settings

# google-auth has no type hints for their constructors.
_service_account, _user = cast(Any, ServiceCredentials), cast(Any, UserCredentials)

# https://developers.google.com/identity/protocols/oauth2/scopes#vertex-ai
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]

# Those of the SDK's errors that no response goes with; the first that fits counts.
_KINDS: dict[type[Exception], type[ProviderError]] = {
    auth.TransportError: ProviderUnavailable,
    auth.ResponseError: ProviderUnavailable,
    auth.GoogleAuthError: AuthenticationFailed,
}


def _response(error: Exception) -> http.Response | None:
    answer: object = getattr(error, "response", None) if isinstance(error, sdk_errors.APIError) else None
    return answer if isinstance(answer, httpx2.Response) else None


def _fault(response: http.Response) -> Fault:
    return read_google_fault(response.content)


SDK_ERRORS = http.SDKErrors(_response, _KINDS, http.connection_errors(), FAULTS, _fault)


class GoogleClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """

    def __init__(self, config: Google) -> None:
        check_extras(config, google_requests.OWN_MEMBERS)
        check_config(config)
        key = http.header_value(config.api_key, "provider.api_key") if config.api_key else None
        base_url = http.http_url(config.base_url, "provider.base_url")
        self._transport = HTTPClient(AiohttpTransport(config.connect_timeout_s, config.idle_timeout_s))
        self._sdk = _sdk(config, key, base_url, self._transport)
        self._extra_headers = config.extra_headers or {}
        self._dialect = Dialect(
            config.model, bool(config.vertex), config.facts, config.source, google_requests.config_members(config)
        )
        secrets = key, *self._extra_headers.values()
        limit_s = config.progress_timeout_s
        self._streams = http.Channel(
            partial(self._post, self._dialect.path(streaming=True)), SDK_ERRORS, secrets, limit_s
        )
        self._wholes = http.Channel(
            partial(self._post, self._dialect.path(streaming=False)), SDK_ERRORS, secrets, limit_s
        )

    @property
    def provider(self) -> str:
        return PROVIDER

    def check_settings(self, settings: Settings) -> None:
        check_settings(settings, self._dialect)

    def check_content(self, content: Sequence[Block]) -> None:
        check_content(content, self._dialect.media)

    async def stream(self, request: Request, sink: Sink) -> None:
        body = partial(google_requests.body, request, self._dialect)
        await self._streams.stream(body, answer_decoder(request.number), sink)

    async def complete(self, request: Request) -> list[Delta]:
        body = partial(google_requests.body, request, self._dialect)
        return await self._wholes.collect(body, answer_decoder(request.number))

    async def aclose(self) -> None:
        await self._transport.aclose()
        self._sdk.close()

    @uses("google-genai")
    async def _post(
        self, path: str, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]
    ) -> UnreadResponse:
        # The SDK has no public way to the bytes of an answer, nor for a body that is ready. The smallest private one
        # makes the request (address, credentials, headers) and sends it, without the retries, the automatic function
        # calls and the continuations that stand above it. A test (tests/providers/google/test_client.py) fails when it
        # changes.
        inner: Any = self._sdk._api_client  # pyright: ignore[reportPrivateUsage]
        asked = inner._build_request("post", path, {})
        asked.headers.update({**self._extra_headers, **headers})
        asked.data = content if isinstance(content, bytes) else b"".join([piece async for piece in content])
        answer = await inner._async_request_once(asked, stream=True, implicit_retry=False)
        if not isinstance(response := answer.response_stream, UnreadResponse):
            raise TypeError(f"_async_request_once() returns {type(response).__name__}, not a response of httpx2")
        return response


@uses("google-genai")
def _sdk(config: Google, key: str | None, base_url: str | None, transport: HTTPClient) -> genai.Client:
    return genai.Client(
        vertexai=bool(config.vertex),
        api_key=key,
        project=config.project,
        location=config.location,
        credentials=_credentials(config.credentials),
        http_options=HttpOptions(
            api_version=config.api_version,
            base_url=base_url,
            httpx_async_client=transport,
            # The SDK opens two transports more, which nothing uses: they need not read the certificates again.
            client_args={"verify": http.tls()},
            async_client_args={"verify": http.tls(), "ssl": http.tls()},
        ),
    )


@uses("google-auth")
def _credentials(given: str | None) -> Credentials | None:
    """The credentials in the JSON *given*; without it, the SDK uses the default credentials of the machine.

    Raises:
        InvalidConfig: they are of an unsupported type, or incomplete.
    """
    if given is None:
        return None
    try:
        info = msgspec.json.decode(given, type=dict[str, Any])
        match info.get("type"):
            case "service_account":
                return cast(Credentials, _service_account.from_service_account_info(info, scopes=_SCOPES))
            case "authorized_user":
                return cast(Credentials, _user.from_authorized_user_info(info, scopes=_SCOPES))
            case _:
                problem = "give those of a service account or a user; other types work as default credentials only"
    except (ValueError, auth.GoogleAuthError):
        problem = "these are not complete Google credentials"
    raise InvalidConfig("provider.credentials", problem)
