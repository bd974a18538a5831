"""The interface of all provider clients."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

from .content import Block
from .deltas import Delta
from .draft import Answer
from .request import Request, Settings

Sink = Callable[[Sequence[Delta]], Awaitable[None] | None]
"""Takes the deltas of one read of the socket, at least one. It may be called in the callback of the socket, so it never
waits; if it has no room for more, it returns an awaitable that is done when it has."""


class Client(Protocol):
    """Sends requests to one provider. One client serves many sessions at once.

    Every error it raises is a ``ProviderError``; cancelling the task that awaits it aborts the HTTP request and is
    never swallowed.
    """

    @property
    def provider(self) -> str:
        """The provider's name. Thinking and opaque blocks carry it."""
        ...

    def check_settings(self, settings: Settings) -> None:
        """Reject settings that the provider or the model does not have, before anything is sent.

        Raises:
            InvalidConfig: the field is named.
        """
        ...

    def check_content(self, content: Sequence[Block]) -> None:
        """Reject the *content* of a user message that the provider or the model does not take, before anything is sent.

        Raises:
            UnsupportedContent: the block is named by its position.
        """
        ...

    async def stream(self, request: Request, sink: Sink) -> None:
        """Give the answer to *sink* as it arrives. Returns when it has ended.

        While *sink* has no room, nothing is read from the socket.
        """
        ...

    async def complete(self, request: Request) -> Sequence[Delta]:
        """Get the whole answer without streaming, in the same deltas."""
        ...

    async def aclose(self) -> None:
        """Close all connections. No request may be in progress."""
        ...


@runtime_checkable
class CompactingClient(Client, Protocol):
    """A client of a provider whose API compacts a history itself."""

    async def compact(self, request: Request, instructions: str | None) -> Answer:
        """Let the provider compact the messages of *request*, which end with a complete turn or step.

        The content of the answer stands for all of these messages: opaque blocks, which requests to this provider
        begin with from then on. *instructions* say what to keep, where the provider takes that.

        Raises:
            ProviderError: it failed, or the provider wrote no summary.
            InvalidConfig: the model or the API has no compaction.
        """
        ...
