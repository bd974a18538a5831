"""Chat Completions and Responses: OpenAI itself, the servers that speak like it, and Azure OpenAI."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from ..auth.aws import aws_authority
from ..auth.token_source import EntraAuthority, TokenSource
from ..schema.client import Sink
from ..schema.content import Block, ToolResult
from ..schema.deltas import Delta
from ..schema.draft import Answer, Draft
from ..schema.errors import ProviderError
from ..schema.request import Request, Settings
from ..transport import http
from ..transport.authority import Authority, Secrets
from ..transport.connections.http_session import HTTPSession
from ..transport.connections.response import Response
from ..transport.fault_bodies import Fault
from ..transport.form_sender import FormSender
from ..transport.streams.decoder import AnswerDecoder
from ..wire.extra_body import check_extras
from .adaptation import adapted, refused_member
from .api_choice import (
    CHAT_PATH,
    INFERENCE_PATH,
    RESPONSES_PATH,
    api_for,
    azure_apis,
    documented_facts,
    is_own,
    openai_apis,
)
from .chat import decoder as chat_answers
from .chat import requests as chat_requests
from .config import ApiName, AzureOpenAI, OpenAI
from .details import read_openai_fault
from .dialect import Dialect
from .responses import compaction
from .responses import decoder as responses_answers
from .responses import requests as responses_requests
from .responses.errors import faults
from .rules import check_image_details


@dataclass(frozen=True, slots=True)
class _Api:
    """One of the two APIs: where it is, what it takes, and what its answers mean."""

    path: str
    check_settings: Callable[[Settings, Dialect], None]
    body: Callable[[Request, Dialect, bool], bytes]
    answer_decoder: Callable[[str, int], AnswerDecoder]
    own_members: frozenset[str]


_APIS: dict[ApiName, _Api] = {
    "chat": _Api(
        CHAT_PATH,
        chat_requests.check_settings,
        chat_requests.body,
        chat_answers.answer_decoder,
        chat_requests.OWN_MEMBERS,
    ),
    "responses": _Api(
        RESPONSES_PATH,
        responses_requests.check_settings,
        responses_requests.body,
        responses_answers.answer_decoder,
        responses_requests.OWN_MEMBERS,
    ),
}


class Connection:
    """Sends the requests of *config*, which *authority* authenticates, or the key in its forms.

    None of *secrets* appears in errors.
    """

    def __init__(
        self, config: OpenAI | AzureOpenAI, authority: Authority | None, secrets: Sequence[str | None]
    ) -> None:
        self._config = config
        self._secrets = Secrets(authority, (*secrets, *config.header_secrets))
        self._sender = FormSender(HTTPSession(config.connect_timeout_s, config.idle_timeout_s), authority)

    def channel(self, path: str) -> http.Channel:
        """A channel for requests to *path*."""
        post = self._sender.post(self._config.form_of(path))
        errors = http.VendorErrors(faults(self._config.name), _fault)
        return http.Channel(post, errors, self._secrets, self._config.progress_timeout_s)

    async def aclose(self) -> None:
        """Close it."""
        await self._sender.aclose()


@dataclass(frozen=True, slots=True)
class _Route:
    """One of the APIs, and how to reach it."""

    api: _Api
    dialect: Dialect
    channel: http.Channel


class OpenAIClient:
    """Sends requests in *dialect* over *connection*, each to the one of *apis* that its settings call for.

    The first one is preferred. The wire forms of a history are those of one API: a session's requests go to another one
    only if its settings change.
    """

    def __init__(self, connection: Connection, dialect: Dialect, apis: tuple[ApiName, ...]) -> None:
        self._connection = connection
        self._apis = apis
        self.routes = {
            name: _Route(
                _APIS[name],
                replace(dialect, api=name),
                connection.channel(_APIS[name].path),
            )
            for name in apis
        }
        self._dialect = self.routes[apis[0]].dialect

    @property
    def provider(self) -> str:
        return self._dialect.provider

    def check_settings(self, settings: Settings) -> None:
        route = self._route(settings)
        route.api.check_settings(settings, route.dialect)

    def check_content(self, content: Sequence[Block]) -> None:
        self._dialect.media.check(content)
        check_image_details(content, self.provider)

    async def stream(self, request: Request, sink: Sink) -> None:
        route = self._route(request.settings)
        body = _AdaptableBody(self, route.dialect.api, request, True)
        decoder = route.api.answer_decoder(self.provider, request.number)
        await route.channel.stream(body.encode, decoder, sink, body.adapt)

    async def complete(self, request: Request) -> list[Delta]:
        route = self._route(request.settings)
        body = _AdaptableBody(self, route.dialect.api, request, False)
        decoder = route.api.answer_decoder(self.provider, request.number)
        return await route.channel.collect(body.encode, decoder, body.adapt)

    async def compact(self, request: Request, instructions: str | None) -> Answer:
        dialect = self._route(request.settings).dialect
        compaction.check_compaction(dialect)
        channel = self._connection.channel(compaction.PATH)
        body = partial(compaction.compaction_body, request, dialect, instructions)
        draft = Draft(self.provider)
        draft.add(await channel.whole(body, partial(compaction.decode_compaction, self.provider, dialect.model)))
        return draft.finish()

    async def aclose(self) -> None:
        await self._connection.aclose()

    def body(self, route: _Route, request: Request, streaming: bool) -> bytes:
        """The body of *request*.

        Raises:
            UnsupportedContent: the last message has media that only the preferred API takes.
        """
        if route.dialect.api != self._dialect.api and request.messages:
            last = request.messages[-1].content
            route.dialect.media.check([block for block in last if not isinstance(block, ToolResult)])
        return route.api.body(request, route.dialect, streaming)

    def _route(self, settings: Settings) -> _Route:
        return self.routes[api_for(settings, self._apis, self._dialect.documented, self._dialect.known)]


class _AdaptableBody:
    """The body of *request* to *api*, in the dialect that *client* knows the server to take so far."""

    def __init__(self, client: OpenAIClient, api: ApiName, request: Request, streaming: bool) -> None:
        self._client = client
        self._api: ApiName = api
        self._request = request
        self._streaming = streaming
        self._sent: Dialect | None = None

    def encode(self) -> bytes:
        route = self._client.routes[self._api]
        self._sent = route.dialect
        return self._client.body(route, self._request, self._streaming)

    def adapt(self, error: ProviderError) -> bool:
        """True if the request is to be repeated: *error* tells what the server takes. The client remembers it."""
        route = self._client.routes[self._api]
        dialect = self._sent and adapted(self._sent, route.dialect, error)
        if dialect is None:
            return False
        self._client.routes[self._api] = replace(route, dialect=dialect)
        return True


def openai_client(config: OpenAI) -> OpenAIClient:
    """The client of *config*, resolved, with its request forms.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    authority = aws_authority(config.aws, config.name) if config.aws else None
    connection = Connection(config, authority, (config.api_key and config.api_key.strip(),))
    apis = openai_apis(config)
    return OpenAIClient(connection, dialect_of(config, apis, is_own(config.base_url, config.model)), apis)


def azure_client(config: AzureOpenAI) -> OpenAIClient:
    """The client of *config*, resolved, with its request forms.

    Raises:
        InvalidConfig: no request can be made of it.
    """
    source = TokenSource(config.ad_token_provider, config.name) if config.ad_token_provider else None
    secrets = [secret and secret.strip() for secret in (config.api_key, config.ad_token)]
    connection = Connection(config, EntraAuthority(source) if source else None, secrets)
    apis = azure_apis(config)
    own = not (config.endpoint or "").rstrip("/").endswith(INFERENCE_PATH)
    return OpenAIClient(connection, replace(dialect_of(config, apis, own), deployment=config.deployment), apis)


def dialect_of(config: OpenAI | AzureOpenAI, apis: tuple[ApiName, ...], own: bool) -> Dialect:
    """The dialect of *config*, whose requests go to *apis*.

    Raises:
        InvalidConfig: an extra member or header of *config* can't be sent.
    """
    check_extras(config, {member for api in apis for member in _APIS[api].own_members}, responses_requests.LISTS)
    return Dialect(
        config.name,
        config.model,
        own,
        config.facts.or_else(documented_facts(config)),
        source=config.source,
        reasoning=config.reasoning,
        extra_body=config.extra_body,
        stream_options=config.stream_options,
    )


def _fault(response: Response) -> Fault:
    fault = read_openai_fault(response.content)
    member = refused_member(response.status, response.content)
    if member is None or member in fault.message:
        return fault
    return msgspec.structs.replace(fault, message=f"{member}: {fault.message}")
