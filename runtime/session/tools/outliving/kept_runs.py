"""Runs of tools for the sessions of other processes, each of which keeps its result until it is dropped."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from .....providers.schema.content import ToolUse
from ....tools.runs import timed_out
from ..ray_runs import ToolRunner
from ..run_orders import RunEnd, RunId, RunOrder
from .messages import encode

KEPT_S = 3_600.0
"""How long a result is kept that nobody drops: its session may have ended with its process, or go on later."""

KEPT_BYTES = 64 << 20
"""Results together, about. Beyond that, those that came first are dropped."""

OnText = Callable[[str], object]


@dataclass(slots=True, eq=False)
class _Run:
    """The run of *use*. *incarnation* is the last one of its session that has asked for it, and gets its progress."""

    use: ToolUse
    incarnation: int
    on_progress: OnText
    ending: "asyncio.Task[bytes]" = field(init=False)
    expiry: asyncio.TimerHandle | None = None
    size_bytes: int = 0

    def report(self, progress: object) -> None:
        """The tool says so."""
        self.on_progress(str(progress))


class KeptRuns:
    """Runs tools by *runner*. An order that is given again is the same run, or its result."""

    def __init__(self, runner: ToolRunner) -> None:
        self._runner = runner
        self._runs: OrderedDict[RunId, _Run] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """How many there are, with those that have ended and whose results are kept."""
        return len(self._runs)

    def knows(self, order: RunOrder) -> bool:
        """True if it was given before, and has not been dropped."""
        run = self._runs.get(order.id)
        return run is not None and run.use == order.use

    async def end(self, order: RunOrder, on_progress: OnText) -> bytes:
        """Carry out *order*, or wait for what was begun. Returns the encoded ``RunEnd``.

        Cancelling it ends the wait only. A run ends after the time that its tool has, whoever waits.
        """
        run = self._runs.get(order.id)
        if run is None or run.use != order.use:
            self._remove(order.id)
            run = self._runs[order.id] = _Run(order.use, order.incarnation, on_progress)
            run.ending = asyncio.get_running_loop().create_task(self._encoded_end(order, run))
            run.ending.add_done_callback(lambda _: self._on_end(order.id, run))
        elif order.incarnation >= run.incarnation:
            run.incarnation, run.on_progress = order.incarnation, on_progress
        return await asyncio.shield(run.ending)

    def drop(self, run_id: RunId, incarnation: int) -> None:
        """Cancel a run, and keep no result; unless a later incarnation of the session has asked for it."""
        run = self._runs.get(run_id)
        if run and run.incarnation <= incarnation:
            self._remove(run_id)

    async def _encoded_end(self, order: RunOrder, run: _Run) -> bytes:
        timeout_s = order.tool.timeout_s
        end: RunEnd
        try:
            async with asyncio.timeout(timeout_s):
                end = await self._runner.run(order, run.report)
        except TimeoutError:
            assert timeout_s is not None
            end = timed_out(order.use, timeout_s), True
        return encode(end)

    def _on_end(self, run_id: RunId, run: _Run) -> None:
        if self._runs.get(run_id) is not run:
            return  # it was dropped
        if run.ending.cancelled() or run.ending.exception():  # whoever waits is told
            del self._runs[run_id]
            return
        run.size_bytes = len(run.ending.result())
        run.expiry = asyncio.get_running_loop().call_later(KEPT_S, self._remove, run_id)
        self._bytes += run.size_bytes
        self._runs.move_to_end(run_id)
        while self._bytes > KEPT_BYTES and (ended := self._first_ended(run_id)):
            self._remove(ended)

    def _first_ended(self, last: RunId) -> RunId | None:
        return next((each for each, run in self._runs.items() if run.expiry and each != last), None)

    def _remove(self, run_id: RunId) -> None:
        if run := self._runs.pop(run_id, None):
            run.ending.cancel()
            self._bytes -= run.size_bytes
            if run.expiry:
                run.expiry.cancel()
