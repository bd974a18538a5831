"""Transport: the calls from a process to a router, and the router's pushes, whatever carries them."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class RouterGone(Exception):
    """The router has ended for good and will not be restarted. Any other error of a call may be temporary."""


class UpdateRejected(Exception):
    """The router did not accept an update; the connection is as it was. Whether a part was applied is unknown."""


class Transport(Protocol):
    """The connection of one process, a driver or a host, to one router. ``events.router`` says what calls do there.

    It is opened by the first call, and again by the next call after it broke. Calls arrive in the order in which they
    were made. Calls in flight when it breaks fail: the router may have served them or not.

    Subscriptions belong to a connection and end with it, for both sides.
    """

    def receive_pushes(self, on_push: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        """Call *on_push* with each push, encoded deliveries, in the order in which the router made them.

        *on_lost* is called when an open connection breaks, also if no call is in flight. Nothing of a connection
        arrives after it broke or was closed.
        """
        ...

    def publish(self, segments: bytes) -> Awaitable[bytes | None]:
        """Store encoded segments. Returns the encoded ids and epochs of sessions that were taken over, if any."""
        ...

    def find_gaps(self, sessions: bytes) -> Awaitable[bytes]:
        """The encoded ``RouterGaps`` in the encoded list of held sessions."""
        ...

    def ping(self) -> Awaitable[None]:
        """Return when the router responds."""
        ...

    def positions(self) -> Awaitable[bytes]:
        """The encoded position of each session."""
        ...

    def update_subscriptions(self, update: bytes) -> Awaitable[list[int]]:
        """Apply an encoded ``SubscriptionUpdate``. Returns the ids of added subscriptions to unknown sessions.

        Raises:
            UpdateRejected: the router did not accept it.
        """
        ...

    def end_lost_sessions(self, sessions: dict[str, int]) -> Awaitable[list[str]]:
        """Report those of *sessions*, ids with their epochs, that have ended to the router.

        Returns the ids of those of which nobody knows yet whether they have.
        """
        ...

    def disconnect(self) -> None:
        """Close the connection: its subscriptions end. The next call opens another one."""
        ...

    async def aclose(self) -> None:
        """Close the connection for good."""
        ...
