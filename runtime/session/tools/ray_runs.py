"""The tools of sessions that run on Ray: their session starts them, and gets their results as from a program."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from hashlib import blake2b
from typing import Protocol, TypeVar

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import ToolUse
from ....providers.schema.errors import RayconteurError
from ....providers.schema.request import Settings
from ....providers.schema.tools import ProviderTool, Tool
from ...api.errors import ToolResultError
from ...api.messages import Interrupt, ToLLM, ToolResults, ToolUpdate
from ...api.tools.places import ShippedRun
from ...tools.batches import Report, Runs
from ...tools.results import beginning_of, error_result
from ...tools.runs import OnProgress, Outcome, retry_delay_s, timed_out
from .run_orders import BatchOrder, RunEnd, RunOrder

log = logging.getLogger(__name__)

_CANCELLED = "The tool was cancelled."
_KEPT_SETS = 64

S = TypeVar("S", bound=Settings)

Tools = tuple[Tool | ProviderTool, ...]

Stored = Callable[[], Awaitable[None] | None]

_encode = msgspec.msgpack.Encoder().encode


class ToolRunner(Protocol):
    """Runs tools elsewhere, for all sessions of a process."""

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunEnd:
        """Carry out *order*. *on_progress* takes what the tool yields meanwhile.

        Cancelling it ends the wait, and delays nobody. The tool is cancelled, too, unless it outlives this process:
        then it runs until ``drop``.
        """
        ...

    def drop(self, order: RunOrder) -> None:
        """Its result is not wanted, or is stored with the session: cancel the tool, and keep no result."""
        ...


class _NoRunner:
    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunEnd:
        return error_result(order.use, "The tool can't be run: it runs on Ray, and this session does not."), False

    def drop(self, order: RunOrder) -> None:
        pass


class RayRun:
    """Carries out *order* by *runner*, again if that fails and the tool says so."""

    def __init__(self, order: RunOrder, runner: ToolRunner) -> None:
        self.use = order.use
        self.parallel = order.tool.parallel
        self.max_parallel = order.tool.max_parallel
        self.max_result_bytes = order.tool.max_result_bytes
        self.is_wanted = True
        self._tool = order.tool
        self._runner = runner
        self._order = order
        self._task: asyncio.Task[RunEnd] | None = None

    def leave(self) -> None:
        """Another process takes its result: it does not start here, and nobody waits for it."""
        self.is_wanted = False
        if self._task:
            self._task.cancel()

    def cancel(self) -> None:
        """Its result is not wanted any more: it does not start, or is cancelled. One that has its result keeps it."""
        is_running = self._task is not None and not self._task.done()
        self.leave()
        if is_running:
            self.drop()

    def drop(self) -> None:
        """Its result is not wanted, or is stored."""
        if self._task:
            for attempt in range(self._order.id.attempt + 1):
                self._runner.drop(self._order.again(attempt))

    async def outcome(self, on_progress: OnProgress) -> Outcome:
        """Run it. The result is an error result if it took too long, or has been cancelled."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        result, may_repeat = await self._attempt(on_progress)
        for attempt in range(self._tool.retries if may_repeat else 0):
            await asyncio.sleep(retry_delay_s(attempt))
            self._order = self._order.again(attempt + 1)
            result, may_repeat = await self._attempt(on_progress)
            if not may_repeat:
                break
        return Outcome(result, loop.time() - started_at)

    async def _attempt(self, on_progress: OnProgress) -> RunEnd:
        if not self.is_wanted:
            return error_result(self.use, _CANCELLED), False
        running = self._runner.run(self._order, on_progress)
        self._task = task = asyncio.create_task(running, name=f"tool {self.use.name[:50]}")
        try:
            done, _ = await asyncio.wait({task}, timeout=self._tool.timeout_s)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if not done and self._tool.timeout_s is not None:
            return timed_out(self.use, self._tool.timeout_s), True
        if task.cancelled():
            return error_result(self.use, _CANCELLED), False
        if error := task.exception():
            log.error("the tool %s can't be run", shown(self.use.name), exc_info=error)
            return error_result(self.use, f"The tool can't be run: {type(error).__name__}: {error}"), False
        return task.result()


class BatchRuns:
    """The *runs* of those uses of a batch, in *turn*, that are run on Ray, and of later batches of the same step.

    *tell* puts a message into the session's mailbox. *stored* is done when what it was told so far is stored.
    """

    def __init__(self, runs: Sequence[RayRun], turn: int, tell: Callable[[ToLLM], object], stored: Stored) -> None:
        self._runs = {run.use.id: run for run in runs}
        self._all = Runs(min(run.max_parallel for run in runs))
        self._all.add(runs)
        self._is_over = False
        self._turn = turn
        self._tell = tell
        self._stored = stored
        self._dropping: set[asyncio.Task[None]] = set()

    def take_in(self, others: "BatchRuns") -> bool:
        """Run *others*, of the same step, together with these. False if these are over."""
        if not self._is_over:
            self._runs |= others._runs
            self._all.add(others._runs.values())
        return not self._is_over

    async def run(self) -> None:
        """Run them, and send each result as soon as it is there."""
        try:
            async with aclosing(self._all.reports()) as all_reports:
                async for report in all_reports:
                    self._report(report)
        finally:
            self._is_over = True

    def keep(self, wanted: Collection[str]) -> None:
        """Cancel the runs of uses that are not *wanted* any more; none of them starts."""
        for run in self._runs.values():
            if run.is_wanted and run.use.id not in wanted:
                run.cancel()

    def leave(self) -> None:
        """Another process takes the results: wait for none."""
        for run in self._runs.values():
            run.leave()

    def _report(self, report: Report) -> None:
        running = tuple(each for each in (*report.started, *report.going_on) if self._runs[each].is_wanted)
        progress = {each: text for each, text in report.progress.items() if self._runs[each].is_wanted}
        if running or progress:
            with suppress(RayconteurError):  # what is said of the progress may be more than there is room for
                self._tell(ToolUpdate(started=running, progress=progress))
        for outcome in report.outcomes:
            if (run := self._runs[outcome.result.tool_use_id]).is_wanted:
                self._send(outcome, run.max_result_bytes)
                dropping = asyncio.get_running_loop().create_task(self._drop_when_stored(run))
                self._dropping.add(dropping)
                dropping.add_done_callback(self._dropping.discard)

    async def _drop_when_stored(self, run: RayRun) -> None:
        with suppress(RayconteurError):  # it may not be stored: another process asks for the result again
            if stored := self._stored():
                await stored
            run.drop()

    def _send(self, outcome: Outcome, max_bytes: int) -> None:
        """Send the result; in the place of one that the session rejects, the model gets an error with the reason."""
        use = ToolUse(outcome.result.tool_use_id, "", {})
        durations_s = {use.id: outcome.duration_s}
        beginning = beginning_of(outcome.result, max_bytes)
        whole = ToolResults(results=(outcome.result,), durations_s=durations_s, max_result_bytes=max_bytes)
        cut = ToolResults(results=(beginning,), durations_s=durations_s)
        rejection: RayconteurError | None = None
        try:
            for results in (whole, cut) if beginning != outcome.result else (whole,):
                try:
                    self._tell(results)
                    return
                except ToolResultError as error:
                    log.info("the result of tool use %s is not wanted: %s", shown(use.id), error)
                    return
                except RayconteurError as error:
                    rejection = error
            log.error("the result of tool use %s was rejected: %s", shown(use.id), rejection)
            problem = f"the tool returned a result that is rejected: {rejection}"
            self._tell(ToolResults(results=(error_result(use, problem),), durations_s=durations_s))
        except RayconteurError:  # not even the reason is accepted: the turn would wait for ever
            self._tell(Interrupt(turn=self._turn))


OnTools = Callable[[BatchOrder, Tools, Collection[str]], BatchRuns]
"""``RayTools.batch_runs``."""


class RayTools:
    """Starts the tools that run on Ray, for all sessions of a process. *tell* and *stored* are those of the host."""

    def __init__(
        self,
        tell: Callable[[tuple[str, int], bytes], object],
        stored: Callable[[tuple[str, int]], Awaitable[None] | None],
    ) -> None:
        self.runner: ToolRunner = _NoRunner()
        self._tell = tell
        self._stored = stored
        self._sets: OrderedDict[bytes, Tools] = OrderedDict()

    def shared(self, settings: S) -> S:
        """*settings* with the tools of a session that has equal ones: each is held, and encoded, once for all."""
        if not settings.tools:
            return settings
        key = blake2b(_encode(settings.tools)).digest()
        shared = self._sets.setdefault(key, settings.tools)
        self._sets.move_to_end(key)
        if len(self._sets) > _KEPT_SETS:
            self._sets.popitem(last=False)
        return settings if shared is settings.tools else msgspec.structs.replace(settings, tools=shared)

    def batch_runs(self, order: BatchOrder, tools: Tools, hidden: Collection[str]) -> BatchRuns:
        """The runs of *order*, in a session that has *tools*. The variables *hidden* are kept from them."""
        batch, key = order.batch, (order.session.session_id, order.session.epoch)
        used = {use.name for use in batch.uses}
        on_ray = (tool for tool in tools if isinstance(tool, Tool) and tool.shipped and tool.name in used)
        shipped = {tool.name: ShippedRun.of(tool) for tool in on_ray}
        uses = [use for use in batch.uses if use.id in batch.on_ray]
        runs = [RayRun(order.order(shipped[use.name], use, tuple(hidden)), self.runner) for use in uses]
        return BatchRuns(runs, batch.turn, lambda message: self._tell(key, _encode(message)), lambda: self._stored(key))
