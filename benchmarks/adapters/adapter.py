"""The seam between who is measured and who measures: sessions of whatever runtime, asked and heard by number."""

from collections.abc import Callable
from typing import Protocol

import msgspec

Hear = Callable[[str], None]
"""Is told each piece of text, in the moment in which it reaches the program that asked."""


class Site(msgspec.Struct, frozen=True):
    """Where the load server is, which speaks as Anthropic does, and how many *tokens* an answer of it shall have.

    *address* is the Ray cluster that those that need one join; ``None`` lets them start their own. Ours has so many
    *routers*.
    """

    url: str
    tokens: int
    address: str | None = None
    routers: int = 1


class Crowd(Protocol):
    """Sessions, each a conversation of its own: a second question goes out with the first and its answer."""

    async def open(self, sessions: int) -> None:
        """Have so many sessions, numbered from 0, none of which has been asked, in place of those there were before.

        What is there for all of them (a client, a cluster) is made with the first, and stays until ``close``.
        """
        ...

    async def ask(self, session: int, hear: Hear) -> None:
        """Ask *session*, and come back when its answer is complete. *hear* got all of its text by then.

        Cancelled, it leaves the session as it may be, for ``forget``, ``open`` or ``close``. Whatever goes wrong is
        raised.
        """
        ...

    async def forget(self, session: int) -> None:
        """Begin the conversation of *session* anew."""
        ...

    async def close(self) -> None:
        """Give everything back. Answers that are under way may be broken off."""
        ...
