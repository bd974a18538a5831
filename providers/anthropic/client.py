"""Anthropic's Messages API, through Anthropic's SDK."""

from collections.abc import AsyncIterable, Mapping, Sequence
from functools import partial

import anthropic
import httpx2

from ..schema.client import Sink
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.draft import Answer, Draft
from ..schema.errors import ProtocolError, ProviderError, ProviderUnavailable
from ..schema.request import Request, Settings
from ..sdk.changes import uses
from ..transport import http
from ..transport.aiohttp_transport import AiohttpTransport, HTTPClient, UnreadResponse
from ..transport.authority import Secrets
from ..transport.sdk_bypass import SDKBypass
from ..wire.extra_body import check_extras, merged
from . import requests as anthropic_requests
from . import rules
from .compaction import check_compaction, compaction_body, summary
from .config import Anthropic
from .decoder import answer_decoder
from .endpoint.authority import authority_of
from .endpoint.headers import request_headers
from .errors import FAULTS, PROVIDER
from .facts import documented_facts

# Those of the SDK's errors that no status goes with.
_KINDS: dict[type[Exception], type[ProviderError]] = {
    anthropic.APIConnectionError: ProviderUnavailable,
    anthropic.APIResponseValidationError: ProtocolError,
    anthropic.APIWebhookValidationError: ProtocolError,
}


def _response(error: Exception) -> httpx2.Response | None:
    return error.response if isinstance(error, anthropic.APIStatusError) else None


SDK_ERRORS = http.SDKErrors(_response, _KINDS, http.connection_errors(), FAULTS)


class AnthropicClient:
    """The client of *config*, resolved.

    Raises:
        InvalidConfig: no request can be made of it.
    """

    def __init__(self, config: Anthropic) -> None:
        check_extras(config, anthropic_requests.OWN_MEMBERS)
        facts = config.facts.or_else(documented_facts(config))
        extra_body = merged({"fallbacks": config.fallback_entries} if config.fallbacks else {}, config.extra_body)
        self._dialect = anthropic_requests.Dialect(config.model, facts, config.source, extra_body)
        authority = authority_of(config)
        key = http.header_value(config.api_key or "", "provider.api_key")
        transport = AiohttpTransport(config.connect_timeout_s, config.idle_timeout_s, authority)
        # Without a key of its own, the SDK would look for one in the environment.
        sdk_key = "unused" if authority else key
        self._sdk = _sdk(config, sdk_key, request_headers(config, self._dialect), transport)
        self._auth_headers = {"Authorization": anthropic.Omit()} if authority else {}
        secrets = Secrets(authority, (key, *(config.extra_headers or {}).values()))
        self._channel = http.Channel(
            SDKBypass(transport, self._post, "/messages").post, SDK_ERRORS, secrets, config.progress_timeout_s
        )

    @property
    def provider(self) -> str:
        return PROVIDER

    def check_settings(self, settings: Settings) -> None:
        rules.check_settings(settings, self._dialect)

    def check_content(self, content: Sequence[Block]) -> None:
        self._dialect.media.check(content)

    async def stream(self, request: Request, sink: Sink) -> None:
        body = partial(anthropic_requests.body, request, self._dialect, streaming=True)
        await self._channel.stream(body, answer_decoder(), sink)

    async def complete(self, request: Request) -> list[Delta]:
        body = partial(anthropic_requests.body, request, self._dialect, streaming=False)
        return await self._channel.collect(body, answer_decoder())

    async def compact(self, request: Request, instructions: str | None) -> Answer:
        check_compaction(self._dialect, instructions)
        body = partial(compaction_body, request, self._dialect, instructions)
        draft = Draft(PROVIDER)
        await self._channel.stream(body, answer_decoder(), draft.add)
        return summary(draft.finish())

    async def aclose(self) -> None:
        await self._sdk.close()

    @uses("anthropic")
    async def _post(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> UnreadResponse:
        answer: object = await self._sdk.post(
            "/v1/messages",
            cast_to=httpx2.Response,
            content=content,
            options={"headers": {**self._auth_headers, **headers}},
            stream=True,
            stream_cls=anthropic.AsyncStream[bytes],
        )
        # The SDK returns the response itself, body unread. Its types don't say so.
        if not isinstance(answer, UnreadResponse):
            raise TypeError(f"post() returns {type(answer).__name__}, not a response")
        return answer


@uses("anthropic")
def _sdk(
    config: Anthropic, key: str, headers: Mapping[str, str], transport: AiohttpTransport
) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        api_key=key,
        base_url=http.http_url(config.base_url, "provider.base_url"),
        timeout=http.timeouts(config.connect_timeout_s, config.idle_timeout_s),
        max_retries=0,
        default_headers=headers,
        http_client=HTTPClient(transport),
    )
