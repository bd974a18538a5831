"""The timers that limit how long a session waits for results of tools, and for approvals."""

import asyncio
from collections.abc import Callable

from ..core.events import ToolsTimedOut
from ..core.instructions import StartToolTimer


class ToolTimers:
    """At most one timer of each kind: a new one takes the place of the earlier one. *on_end* gets what happened."""

    __slots__ = ("_on_end", "_timers")

    def __init__(self, on_end: Callable[[ToolsTimedOut], object]) -> None:
        self._on_end = on_end
        self._timers: dict[bool, asyncio.TimerHandle] = {}

    def start(self, start: StartToolTimer) -> None:
        """Start a timer."""
        if earlier := self._timers.get(start.approval):
            earlier.cancel()
        timed_out = ToolsTimedOut(timer=start.timer, approval=start.approval)
        loop = asyncio.get_running_loop()
        self._timers[start.approval] = loop.call_later(start.delay_s, self._on_end, timed_out)

    def stop(self) -> None:
        """Cancel the timers."""
        for timer in self._timers.values():
            timer.cancel()
