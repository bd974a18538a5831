"""A peer of a listener: the process whose calls it serves, which it can send something unasked."""

from collections.abc import Callable
from typing import Protocol


class Peer(Protocol):
    """A connected process. When it connects again, that is another peer with the same *id*.

    Who pushes sets *on_writable* and *on_lost*. The first is called when the peer is writable again, the second once,
    when the connection is lost: nothing more is served or pushed.
    """

    id: str
    on_writable: Callable[[], None]
    on_lost: Callable[[], None]

    @property
    def is_writable(self) -> bool:
        """False while the socket takes no more. What is pushed nevertheless waits in memory."""
        ...

    def push(self, data: bytes) -> None:
        """Send *data* unasked. It arrives in order with the replies, unless the connection is lost.

        Raises:
            FrameError: it is too large.
        """
        ...


def ignore() -> None:
    """Until somebody sets what is to be called."""
