"""What a session has to do with its open tool uses: it runs some of them on Ray, and limits how long it waits."""

import asyncio
from collections.abc import Callable, Collection

from ...core.events import ApprovalDecided, ToolsTimedOut
from ...core.instructions import DecideApproval, StartToolTimer
from .approval_policies import uses_needing_approval
from .ray_runs import BatchRuns


class OpenTools:
    """The runs of a step on Ray, and at most one timer for results and one for approval.

    The task *deciding* asks the session's function about approval. *report* gets what happened.
    """

    __slots__ = ("_report", "_runs", "_timers", "deciding")

    def __init__(self, report: Callable[[ToolsTimedOut | ApprovalDecided], object]) -> None:
        self._report = report
        self._timers: dict[bool, asyncio.TimerHandle] = {}
        self._runs: BatchRuns | None = None
        self.deciding: asyncio.Task[None] | None = None

    def start_timer(self, start: StartToolTimer) -> None:
        """Start a timer, in the place of an earlier one of its kind."""
        if earlier := self._timers.get(start.approval):
            earlier.cancel()
        timed_out = ToolsTimedOut(timer=start.timer, approval=start.approval)
        loop = asyncio.get_running_loop()
        self._timers[start.approval] = loop.call_later(start.delay_s, self._report, timed_out)

    async def decide(self, asked: DecideApproval) -> None:
        """Have the policy decide which tool uses need approval."""
        needing = await uses_needing_approval(asked.uses, asked.policy)
        self._report(ApprovalDecided(tool_use_ids=tuple(use.id for use in asked.uses), needing=needing))

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

    def stop(self, leaves: bool = False) -> None:
        """No tool use is open any more: cancel the runs, the decision and the timers.

        If the session *leaves*, another process takes the results of the runs.
        """
        if self._runs and leaves:
            self._runs.leave()
        self.keep(())
        if self.deciding:
            self.deciding.cancel()
        for timer in self._timers.values():
            timer.cancel()
