"""The liveness of another process: whether it responds, asked by many, and answered by few calls."""

import asyncio
from collections.abc import Awaitable, Callable

from ..api.errors import Unreachable
from .calls import CallTimedOut

_FRESH = 0.25
"""How old a response may be, as a share of the time in which another one would have to come."""


class Liveness:
    """Whether a process responds to *ping*. Callers at about the same time share a ping."""

    def __init__(self, ping: Callable[[], Awaitable[None]]) -> None:
        self._ping = ping
        self._responded_at = float("-inf")
        self._pinging: asyncio.Task[None] | None = None

    async def check(self, within_s: float) -> None:
        """Return if the process responds, or can't be reached for another reason than its silence.

        Raises:
            CallTimedOut: it did not respond within *within_s*.
        """
        try:
            await self.reach(within_s)
        except CallTimedOut:
            raise
        except Exception:  # whatever it is, it is reported to those who are concerned by those who watch the process
            pass

    async def reach(self, within_s: float) -> None:
        """Return if the process responds.

        Raises:
            CallTimedOut: it did not respond within *within_s*.
            Exception: what the ping raised: the process can't be reached, or is dead.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - self._responded_at < _FRESH * within_s:
            return
        if self._pinging is None:
            self._pinging = loop.create_task(self._respond(within_s))
            self._pinging.add_done_callback(_retrieve_error)
        await asyncio.shield(self._pinging)

    async def _respond(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._ping()
            self._responded_at = asyncio.get_running_loop().time()
        except TimeoutError:
            raise CallTimedOut from None
        finally:
            self._pinging = None


def no_answer(callee: str, timeout_s: float) -> Unreachable:
    """The error for a call that *callee* has not answered."""
    return Unreachable(
        f"{callee} did not answer within {timeout_s:g} s; it may be stopped, overloaded, or on a node that can't be "
        "reached: try again later, or give it longer with RuntimeOptions(call_timeout_s=...)"
    )


def _retrieve_error(pinging: asyncio.Task[None]) -> None:
    """All who asked may have been cancelled: then nobody else retrieves it, and asyncio would complain."""
    if not pinging.cancelled():
        pinging.exception()
