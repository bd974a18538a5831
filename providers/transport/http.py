"""What the clients behind HTTP share: sending a body through an SDK, and reading the bytes that come back."""

import ssl
import time
from asyncio import timeout
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from ..schema.deltas import AnswerStarted, Delta
from ..schema.errors import (
    IncompleteAnswer,
    InvalidConfig,
    InvalidRequest,
    ProviderError,
    ProviderUnavailable,
)
from .decoder import StreamDecoder
from .faults import Fault, FaultTable, read_fault, retry_after_s
from .rate_limit_headers import rate_limits

if TYPE_CHECKING:
    import httpx2

# What follows an answer's end is the end of the HTTP body. Read, it leaves a connection that can be used again.
_TAIL_S = 0.1
KEPT_IDLE_S = 15.0
# aiohttp warns of a larger body in one write, for it may hold up the event loop.
ONE_WRITE_BYTES = 1 << 20
_PIECE_BYTES = 256 << 10
# A shorter key is a word for none, such as "EMPTY", and may stand in any sentence.
_SECRET_CHARS = 8


class Response(Protocol):
    """An answer, of whatever transport: in the words of httpx2."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names, in whatever case."""
        ...

    @property
    def content(self) -> bytes:
        """The body, once it is read."""
        ...

    def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes."""
        ...

    async def aread(self) -> bytes:
        """The whole body."""
        ...

    async def aclose(self) -> None:
        """Be done with it: a body that is not read to its end is aborted."""
        ...


class Post(Protocol):
    """Sends *content* with *headers* besides its own through an SDK; the response's body is unread."""

    async def __call__(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> Response: ...


class Refused(Exception):
    """The provider's answer is *response*, a refusal, whose body is read. For what sends without an SDK."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _in_body(response: Response) -> Fault:
    return read_fault(response.content)


@dataclass(frozen=True, slots=True)
class SDKErrors:
    """How an SDK says that a request went wrong.

    *response_of* gives the answer that an error of the SDK stands for, and *faults* says which error of ours that is.
    *classes* are the SDK's errors without one, *connection_errors* those of the transport under it. *fault_of* reads
    the fault in the body of a refusal.
    """

    response_of: Callable[[Exception], Response | None]
    classes: Mapping[type[Exception], type[ProviderError]]
    connection_errors: tuple[type[Exception], ...]
    faults: FaultTable
    fault_of: Callable[[Response], Fault] = _in_body


class Channel:
    """Sends requests through *post*, an SDK's, and turns whatever goes wrong into our errors, *secrets* kept out.

    Those that come up later may be put among the *secrets*.
    """

    def __init__(self, post: Post, sdk_errors: SDKErrors, secrets: Sequence[str | None]) -> None:
        self._post = post
        self._sdk_errors = sdk_errors
        self._provider = sdk_errors.faults.provider
        self._secrets = secrets

    async def stream(self, encode: Callable[[], bytes], decoder: StreamDecoder) -> AsyncGenerator[list[Delta], None]:
        """What *decoder* makes of the answer to what *encode* gives, as it comes.

        Cancelling it, or closing it, aborts the HTTP request.
        """
        response = await self._open(encode)
        told = _Limits(response.headers)
        try:
            async with aclosing(response.aiter_bytes()) as chunks:
                async for chunk in chunks:
                    if deltas := decoder.feed(chunk):
                        yield deltas if told.done else told.put(deltas)
                    if decoder.done:
                        await self._read_tail(chunks)
                        break
            if deltas := decoder.finish():
                yield told.put(deltas)
        except ProviderError as error:
            raise self._scrubbed(error) from None
        except self._sdk_errors.connection_errors as error:
            raise self._broken_off(error) from None
        finally:
            await response.aclose()

    async def whole(self, encode: Callable[[], bytes], decode: Callable[[bytes], list[Delta]]) -> list[Delta]:
        """What *decode* makes of the whole answer to what *encode* gives. Cancelling it aborts the HTTP request."""
        response = await self._open(encode)
        try:
            return _Limits(response.headers).put(decode(await response.aread()))
        except ProviderError as error:
            raise self._scrubbed(error) from None
        except self._sdk_errors.connection_errors as error:
            raise self._broken_off(error) from None
        finally:
            await response.aclose()

    async def _open(self, encode: Callable[[], bytes]) -> Response:
        """The response, its body unread."""
        try:
            body = encode()
        except UnicodeEncodeError:
            raise InvalidRequest("a text holds a lone surrogate, which UTF-8 has no form for", self._provider) from None
        try:
            if len(body) <= ONE_WRITE_BYTES:
                return await self._post(body, {})
            return await self._post(_pieces(body), {"content-length": str(len(body))})
        except Exception as error:  # whatever an SDK may raise: none of it leaves this folder
            raise self._scrubbed(self._error(error)) from None

    async def _read_tail(self, chunks: AsyncGenerator[bytes, None]) -> None:
        with suppress(TimeoutError, *self._sdk_errors.connection_errors):
            async with timeout(_TAIL_S):
                async for _ in chunks:
                    pass

    def _error(self, error: Exception) -> ProviderError:
        response = error.response if isinstance(error, Refused) else self._sdk_errors.response_of(error)
        if response is not None:
            wait_s = retry_after_s(response.headers, time.time())
            return self._sdk_errors.faults.error(self._sdk_errors.fault_of(response), response.status_code, wait_s)
        kinds = (ours for theirs, ours in self._sdk_errors.classes.items() if isinstance(error, theirs))
        return next(kinds, ProviderUnavailable)(f"no answer from {self._provider}: {_cause(error)}", self._provider)

    def _broken_off(self, error: Exception) -> ProviderError:
        return self._scrubbed(IncompleteAnswer(f"the answer broke off: {_cause(error)}", self._provider))

    def _scrubbed(self, error: ProviderError) -> ProviderError:
        word = error.vendor_code and self._scrub(error.vendor_code)
        return type(error)(self._scrub(error.message), error.provider, error.status, word, error.retry_after_s)

    def _scrub(self, text: str) -> str:
        for secret in self._secrets:
            if secret is None or len(secret) < _SECRET_CHARS:
                continue
            text = text.replace(secret, "***")
            # A message cut short may end inside the secret.
            cut = next((n for n in range(len(secret) - 1, 3, -1) if text.endswith(secret[:n])), 0)
            text = text[: len(text) - cut] + "***" if cut else text
        return text


class _Limits:
    """Puts the limits that *headers* tell of where the answer begins."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._limits = rate_limits(headers, time.time())
        self.done = self._limits is None

    def put(self, deltas: list[Delta]) -> list[Delta]:
        """*deltas* with the limits in them, if the answer begins there."""
        first = deltas[0]
        if not self.done and isinstance(first, AnswerStarted):
            self.done = True
            deltas[0] = msgspec.structs.replace(first, rate_limits=self._limits)
        return deltas


async def _pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


def _cause(error: BaseException) -> str:
    """What was at the bottom of *error*: SDKs and transports wrap it more than once, and say less each time."""
    said = str(error)
    while error.__cause__ is not None:
        error = error.__cause__
        said = str(error) or said
    return said or type(error).__name__


def connection_errors() -> tuple[type[Exception], ...]:
    """What ``AiohttpTransport`` raises under an SDK."""
    import aiohttp
    import httpx2

    return httpx2.HTTPError, aiohttp.ClientError, OSError


def timeouts(connect_s: float, idle_s: float) -> "httpx2.Timeout":
    """No limit in all, but one to the way to a connection, the look-up of its name included, and one to a silence."""
    import httpx2

    return httpx2.Timeout(connect=connect_s, pool=connect_s, read=idle_s, write=idle_s)


@cache
def tls() -> ssl.SSLContext:
    """The certificates to trust. Reading them takes some 20 ms, so all clients of a process share them."""
    import httpx2

    return httpx2.create_ssl_context()


def http_url(url: str | None, field: str) -> str | None:
    """*url*, if an HTTP request can go there.

    Raises:
        InvalidConfig: it can't; *field* is named.
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
    """*secret*, if it fits into a header.

    Raises:
        InvalidConfig: it doesn't; *field* is named.
    """
    secret = secret.strip()
    if not (secret.isascii() and secret.isprintable()):
        raise InvalidConfig(field, "it holds characters that no HTTP header takes")
    return secret
