"""Requests over HTTP: sending a body, and reading the bytes of the response."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

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
from ..sdk.changes import request_error
from .answer_reading import AnswerReading
from .connections.response import Response
from .fault_bodies import Fault, read_fault
from .faults import FaultTable, retry_after_s
from .rate_limit_headers import RateLimitInserter
from .streams.decoder import AnswerDecoder
from .streams.sse import EVENT_LIMIT_BYTES

# A shorter key is a placeholder such as "EMPTY", and may occur in any sentence.
_SECRET_CHARS = 8
_STATUS_REDIRECTS = range(300, 400)


class Post(Protocol):
    """Sends a *body*. That of the response is unread.

    Raises:
        Refused: the response has an error status.
        OSError: there is no response.
    """

    async def __call__(self, body: bytes, /) -> Response: ...


class Refused(Exception):
    """The provider answered with an error status: *response*, its body read."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def _in_body(response: Response) -> Fault:
    return read_fault(response.content)


@dataclass(frozen=True, slots=True)
class VendorErrors:
    """How a vendor's errors become ours: *fault_of* reads the fault in an error response, *faults* maps it."""

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
        self, post: Post, vendor_errors: VendorErrors, secrets: Iterable[str | None], progress_timeout_s: float
    ) -> None:
        self._post = post
        self._vendor_errors = vendor_errors
        self._provider = vendor_errors.faults.provider
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
            response.close()

    async def collect(self, encode: Callable[[], bytes], decoder: AnswerDecoder, adapt: Adapt = _never) -> list[Delta]:
        """All deltas of the answer to the body that *encode* returns. Cancelling it aborts the HTTP request."""
        deltas: list[Delta] = []
        await self.stream(encode, decoder, deltas.extend, adapt)
        return deltas

    async def whole(self, encode: Callable[[], bytes], decode: Callable[[bytes], list[Delta]]) -> list[Delta]:
        """What *decode* returns for the body of the response. Cancelling it aborts the HTTP request."""
        response = await self._open(encode)
        try:
            return decode(await response.read(EVENT_LIMIT_BYTES))
        except ProviderError as error:
            raise self._scrubbed(error) from None
        except OSError as error:
            raise self._broken_off(error) from None
        finally:
            response.close()

    async def _open(self, encode: Callable[[], bytes], adapt: Adapt = _never) -> Response:
        """Send the request. The body of the response is unread."""
        body = self._encoded(encode)
        while True:
            try:
                return await self._post(body)
            except Exception as error:  # an authority's SDK may raise anything, and none of it may leave this package
                problem = self._scrubbed(self._error(error))
                try:
                    adapted = self._encoded(encode) if adapt(problem) else body
                    if adapted == body:
                        raise problem from None
                    body = adapted
                finally:
                    del problem  # whose traceback has this frame

    def _encoded(self, encode: Callable[[], bytes]) -> bytes:
        try:
            return encode()
        except UnicodeEncodeError:
            raise InvalidRequest(
                "a text contains a lone surrogate, which UTF-8 cannot encode", self._provider
            ) from None

    def _error(self, error: Exception) -> ProviderError:
        """*error* as one of ours. A bug of this package is raised as it is."""
        if isinstance(error, ProviderError):
            return error
        if isinstance(error, Refused):
            return self._refusal(error.response)
        if incompatible := request_error(error, self._provider):
            return incompatible
        return ProviderUnavailable(f"no answer from {self._provider}: {_cause(error)}", self._provider)

    def _refusal(self, response: Response) -> ProviderError:
        status, location = response.status, response.headers.get("location")
        if status in _STATUS_REDIRECTS and location is not None:
            problem = f"the server redirects to another address (HTTP {status}); give that address in the config"
            return InvalidRequest(problem, self._provider, status)
        wait_s = retry_after_s(response.headers, time.time())
        return self._vendor_errors.faults.error(self._vendor_errors.fault_of(response), status, wait_s)

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


def _cause(error: BaseException) -> str:
    """The message of the innermost cause of *error*: each layer that wraps it says less."""
    message = str(error)
    while error.__cause__ is not None:
        error = error.__cause__
        message = str(error) or message
    return message or type(error).__name__


def header_value(secret: str, field: str) -> str:
    """*secret* without surrounding spaces, if an HTTP header can contain it.

    Raises:
        InvalidConfig: it can't; *field* is named.
    """
    secret = secret.strip()
    if not (secret.isascii() and secret.isprintable()):
        raise InvalidConfig(field, "it contains characters that an HTTP header can't contain")
    return secret
