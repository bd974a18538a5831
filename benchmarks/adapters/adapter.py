"""The interface of a system that is compared: sessions that are numbered, asked, and read."""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

OnText = Callable[[str], None]
"""Receives each piece of text at the moment when it reaches the program that asked."""


Tool = Literal["none", "in the program", "on Ray"]
"""Where the sessions run their tool, ``look_around``, if they have it."""


class AdapterConfig(msgspec.Struct, frozen=True):
    """The *url* of the load server, which is asked as Anthropic's API, and the number of *tokens* of its answers.

    *address* is the Ray cluster to join, for systems on Ray; with ``None`` they start their own. This runtime has
    *routers* routers; its sessions are stored in a SQLite file if they are *durable*. With a *tool*, sessions run it as
    often as the model asks for it.
    """

    url: str
    tokens: int
    address: str | None = None
    routers: int = 1
    tool: Tool = "none"
    durable: bool = False


class Adapter(Protocol):
    """Sessions that are conversations: a second question is sent with the first and its answer."""

    async def open(self, sessions: int) -> None:
        """Open new sessions, numbered from 0, in place of the earlier ones.

        What they share (a client, a cluster) is created by the first call, and stays until ``close``.
        """
        ...

    async def ask(self, session: int, on_text: OnText) -> None:
        """Ask *session* a question; returns when the answer is complete and *on_text* got all of its text.

        Tool uses are answered with the tool's results until there is text.

        Errors are raised. After a cancellation the session is good only for ``reset``, ``open`` or ``close``.
        """
        ...

    async def reset(self, session: int) -> None:
        """Start a new conversation in *session*."""
        ...

    async def close(self) -> None:
        """Release all resources; answers in progress may be aborted."""
        ...
