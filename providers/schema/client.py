"""What every provider's client does."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from .content import Block
from .deltas import Delta
from .request import Request, Settings


class Client(Protocol):
    """Sends requests to one provider. One client serves many sessions at once.

    Every error it raises is a ``ProviderError``; cancelling the task that awaits it aborts the HTTP request and is
    never swallowed.
    """

    @property
    def provider(self) -> str:
        """The provider's name, as thinking and opaque blocks are marked with it."""
        ...

    def check_settings(self, settings: Settings) -> None:
        """Say before anything is sent that *settings* ask for what the provider has not.

        Raises:
            InvalidConfig: the field is named.
        """
        ...

    def check_content(self, content: Sequence[Block]) -> None:
        """Say before a message is taken that *content*, a driver's, holds what the provider or model does not take.

        Raises:
            UnsupportedContent: the block is named by its place.
        """
        ...

    def stream(self, request: Request) -> AsyncGenerator[Sequence[Delta], None]:
        """The answer as it comes: each item holds the deltas that one read of the socket brought, at least one.

        Closing the generator aborts the HTTP request, too.
        """
        ...

    async def complete(self, request: Request) -> Sequence[Delta]:
        """The whole answer at once, not streamed, in the same deltas."""
        ...

    async def aclose(self) -> None:
        """Give the sockets back. No request may be under way."""
        ...
