"""Transport: the calls from a process to a router, whatever carries them."""

from collections.abc import Awaitable
from typing import Protocol


class RouterGone(Exception):
    """The router has ended for good and will not be restarted. Any other error of a call may be temporary."""


class Transport(Protocol):
    """The calls of one process, a driver or a host, to one router. ``events.router`` says what they do there."""

    def publish(self, segments: bytes) -> Awaitable[None]:
        """Store encoded segments."""
        ...

    def positions(self) -> Awaitable[bytes]:
        """The encoded position of each session."""
        ...

    def update_subscriptions(self, update: bytes) -> Awaitable[list[int] | None]:
        """Apply an encoded ``SubscriptionUpdate``. Returns the ids of added subscriptions to unknown sessions.

        ``None``: the router does not know this driver, which must send all its subscriptions.
        """
        ...

    def end_lost_sessions(self, sessions: dict[str, int]) -> Awaitable[int]:
        """Report those of *sessions*, ids with their epochs, that have ended to the router. Returns how many."""
        ...

    def poll(self) -> Awaitable[bytes | None]:
        """Encoded deliveries as soon as there are any, or empty bytes after a timeout.

        ``None``: the router does not know this driver.
        """
        ...

    async def aclose(self) -> None:
        """Close the connection to the router."""
        ...
