"""Cohere's v2 chat."""

from collections.abc import Sequence
from functools import partial

from ..schema.client import Sink
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.request import Request, Settings
from ..transport import http
from ..transport.connections.http_session import HTTPSession
from ..transport.form_sender import FormSender
from ..wire.extra_body import check_extras
from . import requests as cohere_requests
from .config import Cohere
from .content import check_content
from .decoder import answer_decoder
from .errors import FAULTS, PROVIDER
from .rules import Dialect, check_modes, check_settings

VENDOR_ERRORS = http.VendorErrors(FAULTS)


class CohereClient:
    """The client of *config*, resolved, with its request forms.

    Raises:
        InvalidConfig: no request can be made of it.
    """

    def __init__(self, config: Cohere) -> None:
        check_extras(config, cohere_requests.OWN_MEMBERS)
        check_modes(config)
        self._dialect = Dialect(config.model, config.facts, cohere_requests.config_members(config))
        self._sender = FormSender(HTTPSession(config.connect_timeout_s, config.idle_timeout_s))
        secrets = config.api_key and config.api_key.strip(), *config.header_secrets
        post = self._sender.post(config.form_of(cohere_requests.CHAT))
        self._channel = http.Channel(post, VENDOR_ERRORS, secrets, config.progress_timeout_s)

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
        await self._sender.aclose()
