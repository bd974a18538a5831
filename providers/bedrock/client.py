"""Amazon Bedrock's Converse and ConverseStream: botocore signs, aiohttp sends."""

import os
import ssl
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import aiohttp
import botocore
from yarl import URL

from ..auth.aws_credentials import AWSAccess
from ..schema.client import Sink
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.errors import InvalidConfig
from ..schema.request import Request, Settings
from ..transport import http
from ..transport.aiohttp_response import AiohttpResponse
from ..transport.authority import Authority
from ..transport.connections.http_session import HTTPSession, RequestHead
from ..transport.fault_bodies import Fault
from ..wire.extra_body import check_extras
from . import requests as bedrock_requests
from .config import Bedrock
from .content import check_citations, check_media_counts
from .decoder import BedrockReader, answer_decoder
from .dialect import Dialect
from .endpoints import endpoint
from .errors import FAULTS, PROVIDER, read_aws_fault
from .rules import check_settings


def _response(_: Exception) -> http.Response | None:
    """No SDK sends anything here."""
    return None


def _fault(response: http.Response) -> Fault:
    return read_aws_fault(response.content, response.headers.get("x-amzn-errortype"))


SDK_ERRORS = http.SDKErrors(_response, {}, (aiohttp.ClientError, OSError), FAULTS, _fault)


class BedrockClient:
    """The client of *config*, resolved.

    Raises:
        MissingKey: AWS's chain has no credentials here.
        InvalidConfig: no request can be made of it.
    """

    def __init__(self, config: Bedrock) -> None:
        access = AWSAccess(config.auth, "bedrock", PROVIDER, "provider")
        url = http.http_url(config.endpoint_url, "provider.endpoint_url") or endpoint(access.region)
        self._authority, self._endpoint = access.authority, url.rstrip("/")
        self._target = config.target
        self._dialect = Dialect.of(config)
        check_extras(config, bedrock_requests.own_members(self._dialect), bedrock_requests.LISTS)
        self._headers = _unsigned(config.extra_headers or {})
        self._http = HTTPSession(config.connect_timeout_s, config.idle_timeout_s, _tls)
        self._progress_timeout_s = config.progress_timeout_s

    @property
    def provider(self) -> str:
        return PROVIDER

    def check_settings(self, settings: Settings) -> None:
        check_settings(settings, self._dialect)

    def check_content(self, content: Sequence[Block]) -> None:
        self._dialect.media.check(content)
        check_media_counts(content)
        check_citations(content, self._dialect.model, self._dialect.traits)

    async def stream(self, request: Request, sink: Sink) -> None:
        call = self._call(request, streaming=True)
        await self._channel(call).stream(call.encode, answer_decoder(call.reader), sink)

    async def complete(self, request: Request) -> list[Delta]:
        call = self._call(request, streaming=False)
        return await self._channel(call).collect(call.encode, answer_decoder(call.reader))

    async def aclose(self) -> None:
        await self._http.aclose()

    def _call(self, request: Request, streaming: bool) -> "_Call":
        reader = BedrockReader(self._dialect.model, f"{PROVIDER}-{request.number}")
        url = self._endpoint + bedrock_requests.path(self._target, streaming)
        body = partial(bedrock_requests.body, request, self._dialect, streaming)
        return _Call(self._http, self._authority, self._headers, body, reader, url)

    def _channel(self, call: "_Call") -> http.Channel:
        return http.Channel(call.post, SDK_ERRORS, self._authority.secrets, self._progress_timeout_s)


@dataclass(slots=True)
class _Call:
    """One call to *url*, whose answer *reader* reads."""

    session: HTTPSession
    authority: Authority
    extra_headers: Mapping[str, str]
    build: Callable[[], bytes]
    reader: BedrockReader
    url: str
    body: bytes = b""

    def encode(self) -> bytes:
        """The body, which is kept for signing."""
        self.body = self.build()
        return self.body

    async def post(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> http.UnreadResponse:
        """Send *content*, which is the body or its pieces."""
        signed = await self.authority.headers("POST", self.url, self.body)
        # Encoded, or the address would be made anew and the signature would be of another one.
        url = URL(self.url, encoded=True)
        all_headers = {**self.extra_headers, **headers, **signed}
        head = RequestHead("POST", url, tuple(all_headers.items()))
        answer = await self.session.send(head, content, auto_decompress=True)
        response = AiohttpResponse(answer, self.session.idle_timeout_s)
        if answer.status != 200:
            async with answer:
                await response.aread()
            raise http.Refused(response)
        self.reader.message_id = answer.headers.get("x-amzn-requestid") or self.reader.message_id
        return response


def _unsigned(headers: Mapping[str, str]) -> Mapping[str, str]:
    """*headers*, none of which a signature must contain.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

    Raises:
        InvalidConfig: one must be signed.
    """
    for name in headers:
        if name.lower().startswith("x-amz-"):
            raise InvalidConfig(f"provider.extra_headers[{name!r}]", "it would have to be signed; leave it out")
    return headers


@cache
def _tls() -> ssl.SSLContext:
    """The certificates to trust: those of ``AWS_CA_BUNDLE`` alone, or the system's and botocore's."""
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        return ssl.create_default_context(cafile=bundle)
    context = ssl.create_default_context()
    context.load_verify_locations(Path(botocore.__file__).with_name("cacert.pem"))
    return context
