"""Requests over HTTP: sending a body through an SDK, and reading the bytes of the response."""

import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from ..schema.client import Sink
from ..schema.deltas import Delta
from ..schema.errors import (
    IncompatibleSDK,
    IncompleteAnswer,
    InvalidConfig,
    InvalidRequest,
    ProviderError,
    ProviderUnavailable,
)
from ..sdk.changes import request_error, uses
from .answer_reading import AnswerReading
from .body_reader import BodyReader, End, Take
from .fault_bodies import Fault, read_fault
from .faults import FaultTable, retry_after_s
from .rate_limit_headers import RateLimitInserter
from .streams.decoder import AnswerDecoder

if TYPE_CHECKING:
    import httpx2

# aiohttp warns about larger bodies in one write: they may block the event loop.
ONE_WRITE_BYTES = 1 << 20
_CHUNK_BYTES = 256 << 10
# A shorter key is a placeholder such as "EMPTY", and may occur in any sentence.
_SECRET_CHARS = 8


class Response(Protocol):
    """A response of any transport, with the attributes of httpx2's."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by name, in any case."""
        ...

    @property
    def content(self) -> bytes:
        """The body, once it has been read."""
        ...

    async def aread(self) -> bytes:
        """Read the whole body."""
        ...

    async def aclose(self) -> None:
        """Close it: a body that was not read to its end is aborted."""
        ...


class UnreadResponse(Response, Protocol):
    """A response whose body can be read as it arrives."""

    def read_body(self, take: Take, end: End) -> BodyReader:
        """Read the body, see ``BodyReader``."""
        ...


class Post(Protocol):
    """Sends *content* through an SDK, with *headers* in addition to the SDK's. The body of the response is unread."""

    async def __call__(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> UnreadResponse: ...


class Refused(Exception):
    """The provider answered with an error status: *response*, its body read. Raised where no SDK is used."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _in_body(response: Response) -> Fault:
    return read_fault(response.content)


@dataclass(frozen=True, slots=True)
class SDKErrors:
    """How the errors of an SDK become ours.

    *response_of* returns the response that an error of the SDK carries, and *faults* maps it to our error. *classes*
    maps the SDK's errors without a response; *connection_errors* are those of the transport under it. *fault_of* reads
    the fault in the body of an error response.
    """

    response_of: Callable[[Exception], Response | None]
    classes: Mapping[type[Exception], type[ProviderError]]
    connection_errors: tuple[type[Exception], ...]
    faults: FaultTable
    fault_of: Callable[[Response], Fault] = _in_body


Adapt = Callable[[ProviderError], bool]
"""True if a request that failed with this error is to be encoded again, differently, and repeated at once."""


def _never(_: ProviderError) -> bool:
    return False


class Channel:
    """Sends requests through *post* and turns all errors into ours, without *secrets* in their messages.

    *secrets* may change while the channel is in use.
    """

    def __init__(
        self, post: Post, sdk_errors: SDKErrors, secrets: Iterable[str | None], progress_timeout_s: float
    ) -> None:
        self._post = post
        self._sdk_errors = sdk_errors
        self._provider = sdk_errors.faults.provider
        self._secrets = secrets
        self._progress_timeout_s = progress_timeout_s

    async def stream(
        self, encode: Callable[[], bytes], decoder: AnswerDecoder, sink: Sink, adapt: Adapt = _never
    ) -> None:
        """Give *sink* the deltas of the answer to the body that *encode* returns, as they arrive.

        Cancelling it aborts the HTTP request.
        """
        response = await self._open(encode, adapt)
        reading = AnswerReading(decoder, sink, RateLimitInserter(response.headers), self._progress_timeout_s)
        try:
            await reading.read(response)
        except ProviderError as error:
            if reading.broken is not None and type(error) is IncompleteAnswer:
                raise self._broken_off(reading.broken) from None
            raise self._scrubbed(error) from None
        finally:
            await response.aclose()

    async def collect(self, encode: Callable[[], bytes], decoder: AnswerDecoder, adapt: Adapt = _never) -> list[Delta]:
        """All deltas of the answer to the body that *encode* returns. Cancelling it aborts the HTTP request."""
        deltas: list[Delta] = []
        await self.stream(encode, decoder, deltas.extend, adapt)
        return deltas

    async def whole(self, encode: Callable[[], bytes], decode: Callable[[bytes], list[Delta]]) -> list[Delta]:
        """What *decode* returns for the body of the response. Cancelling it aborts the HTTP request."""
        response = await self._open(encode)
        try:
            return decode(await response.aread())
        except ProviderError as error:
            raise self._scrubbed(error) from None
        except self._sdk_errors.connection_errors as error:
            raise self._broken_off(error) from None
        finally:
            await response.aclose()

    async def _open(self, encode: Callable[[], bytes], adapt: Adapt = _never) -> UnreadResponse:
        """Send the request. The body of the response is unread."""
        body = self._encoded(encode)
        while True:
            try:
                return await self._send(body)
            except Exception as error:  # an SDK may raise anything, and none of it may leave this package
                problem = self._scrubbed(self._error(error))
                adapted = self._encoded(encode) if adapt(problem) else body
                if adapted == body:
                    raise problem from None
                body = adapted

    def _encoded(self, encode: Callable[[], bytes]) -> bytes:
        try:
            return encode()
        except UnicodeEncodeError:
            raise InvalidRequest(
                "a text contains a lone surrogate, which UTF-8 cannot encode", self._provider
            ) from None

    async def _send(self, body: bytes) -> UnreadResponse:
        if len(body) <= ONE_WRITE_BYTES:
            return await self._post(body, {})
        return await self._post(split(body), {"content-length": str(len(body))})

    def _error(self, error: Exception) -> ProviderError:
        """*error* as one of ours. A bug of this package, which an SDK may have wrapped, is raised as it is."""
        if own := _own_error(error):
            return own
        response = error.response if isinstance(error, Refused) else self._sdk_errors.response_of(error)
        if response is not None:
            wait_s = retry_after_s(response.headers, time.time())
            return self._sdk_errors.faults.error(self._sdk_errors.fault_of(response), response.status_code, wait_s)
        if incompatible := request_error(error, self._provider):
            return incompatible
        kinds = (ours for theirs, ours in self._sdk_errors.classes.items() if isinstance(error, theirs))
        return next(kinds, ProviderUnavailable)(f"no answer from {self._provider}: {_cause(error)}", self._provider)

    def _broken_off(self, error: Exception) -> ProviderError:
        return self._scrubbed(IncompleteAnswer(f"the answer broke off: {_cause(error)}", self._provider))

    def _scrubbed(self, error: ProviderError) -> ProviderError:
        if isinstance(error, IncompatibleSDK):
            return IncompatibleSDK(*map(self._scrub, error.args))
        vendor_code = error.vendor_code and self._scrub(error.vendor_code)
        return type(error)(
            self._scrub(error.message), error.provider, error.status, vendor_code, error.retry_after_s, error.details
        )

    def _scrub(self, text: str) -> str:
        for secret in self._secrets:
            if secret is None or len(secret) < _SECRET_CHARS:
                continue
            text = text.replace(secret, "***")
            # A truncated message may end inside the secret.
            cut = next((n for n in range(len(secret) - 1, 3, -1) if text.endswith(secret[:n])), 0)
            text = text[: len(text) - cut] + "***" if cut else text
        return text


def split(body: bytes) -> AsyncIterable[bytes]:
    """*body* in pieces that don't block the event loop when they are written. They can be read any number of times."""
    return _Pieces(body)


@dataclass(frozen=True, slots=True)
class _Pieces:
    body: bytes

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, len(self.body), _CHUNK_BYTES):
            yield self.body[start : start + _CHUNK_BYTES]


def _own_error(error: BaseException | None) -> ProviderError | None:
    """The error of ours in *error* or among its causes: that of an ``Authority``, which an SDK wraps."""
    while error is not None and not isinstance(error, ProviderError):
        error = error.__cause__
    return error


def _cause(error: BaseException) -> str:
    """The message of the innermost cause of *error*: each layer that wraps it says less."""
    message = str(error)
    while error.__cause__ is not None:
        error = error.__cause__
        message = str(error) or message
    return message or type(error).__name__


def connection_errors() -> tuple[type[Exception], ...]:
    """What ``AiohttpTransport`` raises under an SDK."""
    import aiohttp
    import httpx2

    return httpx2.HTTPError, aiohttp.ClientError, OSError


@uses("httpx2")
def timeouts(connect_s: float, idle_s: float) -> "httpx2.Timeout":
    """No total timeout, but one for connecting, name resolution included, and one for silence."""
    import httpx2

    return httpx2.Timeout(connect=connect_s, pool=connect_s, read=idle_s, write=idle_s)


@cache
def tls() -> ssl.SSLContext:
    """The trusted certificates. Reading them takes some 20 ms, so all clients of a process share them."""
    import httpx2

    return httpx2.create_ssl_context()


def http_url(url: str | None, field: str) -> str | None:
    """*url*, if it is an HTTP address.

    Raises:
        InvalidConfig: it is not; *field* is named.
    """
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise InvalidConfig(field, "give an address that begins with http:// or https://")
    return url


def header_value(secret: str, field: str) -> str:
    """*secret* without surrounding spaces, if an HTTP header can contain it.

    Raises:
        InvalidConfig: it can't; *field* is named.
    """
    secret = secret.strip()
    if not (secret.isascii() and secret.isprintable()):
        raise InvalidConfig(field, "it contains characters that an HTTP header can't contain")
    return secret
