"""A line: the calls that go from a process to a router, whatever carries them."""

from collections.abc import Awaitable
from typing import Protocol


class RouterGone(Exception):
    """There is no router at the end of the line any more, and none will come. Whatever else a call raises may pass."""


class Line(Protocol):
    """One driver's line. ``plane.router`` says what the calls do."""

    def positions(self) -> Awaitable[bytes]:
        """How far each session is, encoded."""
        ...

    def watch(self, wishes: bytes) -> Awaitable[list[int] | None]:
        """Tell encoded ``Wishes``; the ids of those watches begun whose session the router knows nothing of.

        ``None``: the router doesn't know us, and must be told all wishes.
        """
        ...

    def end_gone(self, sessions: dict[str, int]) -> Awaitable[int]:
        """Let the router know which of *sessions*, ids with their epochs, have ended; how many these are."""
        ...

    def poll(self) -> Awaitable[bytes | None]:
        """Encoded deliveries once there are any, or nothing after a while. ``None``: the router doesn't know us."""
        ...
