"""Silence: when nothing arrives for a reader, somebody has to find out whether anything can."""

import asyncio
from collections.abc import Awaitable, Callable

from ..api.errors import Unreachable
from ..events.reader import Reader

_INTERVAL = 0.25
"""How often, as a share of the timeout, a reader is checked. The check takes half of it: it is over in time."""

_WITHIN = 0.5


class SilenceWatch:
    """Fails *reader*, of one session, with ``Unreachable`` at most *timeout_s* after its events can't come any more.

    While nothing arrives, *check* is called with the seconds that it may take; it raises that error. Until ``stop``.
    """

    def __init__(self, reader: Reader, check: Callable[[float], Awaitable[None]], timeout_s: float) -> None:
        self._reader = reader
        self._check = check
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._position = reader.position
        self._checking: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(_INTERVAL * timeout_s, self._look)

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()
        if self._checking:
            self._checking.cancel()

    def _look(self) -> None:
        position = self._reader.position
        if position == self._position:
            self._checking = self._loop.create_task(self._fail_if_unreachable())
        self._position = position
        self._timer = self._loop.call_later(_INTERVAL * self._timeout_s, self._look)

    async def _fail_if_unreachable(self) -> None:
        try:
            await self._check(_WITHIN * self._timeout_s)
        except Unreachable as error:
            self._reader.fail(error)
