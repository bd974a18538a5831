"""What all that read answers have in common."""

from typing import Protocol


class Reading(Protocol):
    """Reads answers of the load server, and counts the pieces of text in them."""

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        ...

    async def aclose(self) -> None:
        """Give the sockets back."""
        ...
