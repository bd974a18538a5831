"""The requests that a vendor's SDK makes, captured instead of sent."""

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from ..schema.config import RequestForm

_OF_BODY = ("content-length", "transfer-encoding")
T = TypeVar("T")


class _Headers(Protocol):
    @property
    def raw(self) -> Sequence[tuple[bytes, bytes]]: ...


class SDKRequest(Protocol):
    """A request of httpx or of httpx2."""

    @property
    def method(self) -> str: ...

    @property
    def url(self) -> object: ...

    @property
    def headers(self) -> _Headers: ...


def form_of(request: SDKRequest) -> RequestForm:
    """The form of *request*, with the names of its headers as the SDK writes them."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    headers = tuple(pair for pair in pairs if pair[0].lower() not in _OF_BODY)
    return RequestForm(request.method, str(request.url), headers)


def run_apart(coroutine: Coroutine[None, None, T]) -> T:
    """Run *coroutine* in an event loop of its own, in a thread, and wait for it: the caller may be in a loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
