"""Amazon Bedrock's Converse and ConverseStream: botocore signs."""

import os
import ssl
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlsplit

import botocore

from ..auth.aws_credentials import AWSAccess
from ..schema.checks.addresses import http_url
from ..schema.checks.shown import shown
from ..schema.client import Sink
from ..schema.config import RequestForm
from ..schema.content import Block
from ..schema.deltas import Delta
from ..schema.errors import InvalidConfig
from ..schema.request import Request, Settings
from ..transport import http
from ..transport.authority import Secrets
from ..transport.connections.http_session import HTTPSession
from ..transport.connections.response import Response
from ..transport.fault_bodies import Fault
from ..transport.form_sender import FormSender
from ..wire.extra_body import check_extras
from . import requests as bedrock_requests
from .config import Bedrock
from .content import check_citations, check_media_counts
from .decoder import BedrockReader, answer_decoder
from .dialect import Dialect
from .endpoints import endpoint
from .errors import FAULTS, PROVIDER, read_aws_fault
from .rules import check_settings


def _fault(response: Response) -> Fault:
    return read_aws_fault(response.content, response.headers.get("x-amzn-errortype"))


VENDOR_ERRORS = http.VendorErrors(FAULTS, _fault)


class BedrockClient:
    """The client of *config*, resolved.

    Raises:
        MissingKey: AWS's chain has no credentials here.
        InvalidConfig: no request can be made of it.
    """

    def __init__(self, config: Bedrock) -> None:
        access = AWSAccess(config.auth, "bedrock", PROVIDER, "provider")
        url = http_url(config.endpoint_url, "provider.endpoint_url") or endpoint(access.region)
        if "@" in urlsplit(url).netloc:
            raise InvalidConfig(
                "provider.endpoint_url", "leave out the user name and password: AWS's signature replaces them"
            )
        self._dialect = Dialect.of(config)
        check_extras(config, bedrock_requests.own_members(self._dialect), bedrock_requests.LISTS)
        headers = _unsigned(config.extra_headers or {})
        self._authority = access.authority
        self._secrets = Secrets(self._authority, config.header_secrets)
        session = HTTPSession(config.connect_timeout_s, config.idle_timeout_s, trusted_certificates)
        self._sender = FormSender(session, self._authority)
        forms = (
            RequestForm(
                "POST", url.rstrip("/") + bedrock_requests.path(config.target, streaming), tuple(headers.items())
            )
            for streaming in (False, True)
        )
        self._posts = [self._sender.post(form) for form in forms]
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
        reader = self._reader(request)
        body = partial(bedrock_requests.body, request, self._dialect, True)
        await self._channel(reader, streaming=True).stream(body, answer_decoder(reader), sink)

    async def complete(self, request: Request) -> list[Delta]:
        reader = self._reader(request)
        body = partial(bedrock_requests.body, request, self._dialect, False)
        return await self._channel(reader, streaming=False).collect(body, answer_decoder(reader))

    async def aclose(self) -> None:
        await self._sender.aclose()

    def _reader(self, request: Request) -> BedrockReader:
        return BedrockReader(self._dialect.model, f"{PROVIDER}-{request.number}")

    def _channel(self, reader: BedrockReader, streaming: bool) -> http.Channel:
        post = partial(_post, self._posts[streaming], reader)
        return http.Channel(post, VENDOR_ERRORS, self._secrets, self._progress_timeout_s)


async def _post(send: http.Post, reader: BedrockReader, body: bytes, /) -> Response:
    """Send *body*. The answer gets its id from a header."""
    response = await send(body)
    reader.message_id = response.headers.get("x-amzn-requestid") or reader.message_id
    return response


def _unsigned(headers: Mapping[str, str]) -> Mapping[str, str]:
    """*headers*, none of which a signature must contain.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

    Raises:
        InvalidConfig: one must be signed.
    """
    for name in headers:
        if name.lower().startswith("x-amz-"):
            raise InvalidConfig(f"provider.extra_headers[{shown(name)}]", "it would have to be signed; leave it out")
    return headers


@cache
def trusted_certificates() -> ssl.SSLContext:
    """The certificates to trust: those of ``AWS_CA_BUNDLE`` alone, or the system's and botocore's."""
    if bundle := os.environ.get("AWS_CA_BUNDLE"):
        return ssl.create_default_context(cafile=bundle)
    context = ssl.create_default_context()
    context.load_verify_locations(Path(botocore.__file__).with_name("cacert.pem"))
    return context
