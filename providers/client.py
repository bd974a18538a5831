"""What every provider's client does."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from .deltas import Delta
from .request import Request


class Client(Protocol):
    """Sends requests to one provider. One client serves many sessions at once.

    Every error it raises is a ``ProviderError``; cancelling the task that awaits it aborts the HTTP request and is never swallowed.
    """

    @property
    def provider(self) -> str:
        """The provider's name, as thinking and opaque blocks are marked with it."""
        ...

    def stream(self, request: Request) -> AsyncIterator[Sequence[Delta]]:
        """The answer as it comes: each item holds the deltas that one read of the socket brought, at least one."""
        ...

    async def complete(self, request: Request) -> Sequence[Delta]:
        """The whole answer at once, not streamed, in the same deltas."""
        ...

    async def aclose(self) -> None:
        """Give the sockets back. No request may be under way."""
        ...
