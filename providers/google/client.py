"""Google's Gemini models, at the Gemini API and at Vertex AI."""

from collections.abc import Sequence
from functools import partial

from ..schema.client import Sink
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.request import Request, Settings
from ..transport import http
from ..transport.authority import Authority, Secrets
from ..transport.connections.http_session import HTTPSession
from ..transport.connections.response import Response
from ..transport.fault_bodies import Fault
from ..transport.form_sender import FormSender
from ..wire.extra_body import check_extras
from . import requests as google_requests
from .config import Google
from .content import check_content
from .decoder import answer_decoder
from .endpoint.addresses import form_for, has_authority
from .errors import FAULTS, PROVIDER, read_google_fault
from .rules import Dialect, check_config, check_settings


def _fault(response: Response) -> Fault:
    return read_google_fault(response.content)


VENDOR_ERRORS = http.VendorErrors(FAULTS, _fault)


class GoogleClient:
    """The client of *config*, resolved, with its request forms.

    Raises:
        InvalidConfig: no request can be made of it.
    """

    def __init__(self, config: Google) -> None:
        check_extras(config, google_requests.OWN_MEMBERS)
        check_config(config)
        authority = _authority(config)
        self._sender = FormSender(HTTPSession(config.connect_timeout_s, config.idle_timeout_s), authority)
        self._dialect = Dialect(
            config.model, bool(config.vertex), config.facts, config.source, google_requests.config_members(config)
        )
        key = config.api_key and config.api_key.strip()
        self._secrets = Secrets(authority, (key, *config.header_secrets))
        self._streams, self._wholes = (self._channel(config, streaming) for streaming in (True, False))

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
        await self._sender.aclose()

    def _channel(self, config: Google, streaming: bool) -> http.Channel:
        post = self._sender.post(form_for(config, self._dialect.path(streaming)))
        return http.Channel(post, VENDOR_ERRORS, self._secrets, config.progress_timeout_s)


def _authority(config: Google) -> Authority | None:
    """What authenticates requests of *config*; ``None`` if it is the key.

    Raises:
        InvalidConfig: there are no credentials that can be used.
    """
    if not has_authority(config):
        return None
    from .endpoint.authority import GoogleAuthority

    return GoogleAuthority(config.credentials)
