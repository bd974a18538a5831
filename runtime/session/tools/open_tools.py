"""What a session has to do with its open tool uses: it runs some of them on Ray, and limits how long it waits."""

import asyncio
from collections.abc import Callable, Collection

from ...core.events import ToolsTimedOut
from ...core.instructions import StartToolTimer
from .ray_runs import BatchRuns


class OpenTools:
    """The runs of a step on Ray, and at most one timer for results and one for approval.

    *on_timeout* gets what happened.
    """

    __slots__ = ("_on_timeout", "_runs", "_timers")

    def __init__(self, on_timeout: Callable[[ToolsTimedOut], object]) -> None:
        self._on_timeout = on_timeout
        self._timers: dict[bool, asyncio.TimerHandle] = {}
        self._runs: BatchRuns | None = None

    def start_timer(self, start: StartToolTimer) -> None:
        """Start a timer, in the place of an earlier one of its kind."""
        if earlier := self._timers.get(start.approval):
            earlier.cancel()
        timed_out = ToolsTimedOut(timer=start.timer, approval=start.approval)
        loop = asyncio.get_running_loop()
        self._timers[start.approval] = loop.call_later(start.delay_s, self._on_timeout, timed_out)

    def join(self, runs: BatchRuns) -> bool:
        """Cancel *runs* when their tool uses are no longer open. True if those that go on have taken them in."""
        if self._runs and self._runs.take_in(runs):
            return True
        self._runs = runs
        return False

    def keep(self, open_ids: Collection[str]) -> None:
        """Cancel the runs of all tool uses but those in *open_ids*."""
        if self._runs:
            self._runs.keep(open_ids)

    def stop(self) -> None:
        """No tool use is open any more: cancel the runs and the timers."""
        self.keep(())
        for timer in self._timers.values():
            timer.cancel()
