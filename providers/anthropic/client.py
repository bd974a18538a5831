"""Anthropic's Messages API."""

from collections.abc import Sequence
from functools import partial

from ..schema.client import Sink
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.draft import Answer, Draft
from ..schema.request import Request, Settings
from ..transport import http
from ..transport.authority import Secrets
from ..transport.connections.http_session import HTTPSession
from ..transport.form_sender import FormSender
from ..wire.extra_body import check_extras, merged
from . import requests as anthropic_requests
from . import rules
from .compaction import check_compaction, compaction_body, summary
from .config import Anthropic
from .decoder import answer_decoder
from .endpoint.authority import authority_of
from .endpoint.headers import BETA, MESSAGES, request_headers
from .errors import FAULTS, PROVIDER
from .facts import documented_facts

VENDOR_ERRORS = http.VendorErrors(FAULTS)


class AnthropicClient:
    """The client of *config*, resolved, with its request forms.

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
        secrets = Secrets(authority, (key, *config.header_secrets))
        headers = {BETA: None, **request_headers(config, self._dialect)}
        form = config.form_of(MESSAGES).with_headers(headers)
        self._sender = FormSender(HTTPSession(config.connect_timeout_s, config.idle_timeout_s), authority)
        self._channel = http.Channel(self._sender.post(form), VENDOR_ERRORS, secrets, config.progress_timeout_s)

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
        await self._sender.aclose()
