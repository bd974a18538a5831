"""The tools of one answer: several run at a time, and what becomes of them is reported as it happens."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from ...providers.schema.content import ToolResult, ToolUse
from .results import text_of
from .runs import OnProgress, Outcome

REPORT_AFTER_S = 0.05
"""A tool that runs longer is reported as started. What it says of its progress waits so long for more."""
_QUIET_S = 60.0
"""So long nothing is reported of tools that run, then that they go on."""
_NOTHING = object()


class Run(Protocol):
    """A run of a tool, such as a ``ToolRun``."""

    @property
    def use(self) -> ToolUse:
        """The tool use that it is for."""
        ...

    @property
    def parallel(self) -> bool:
        """False if it runs alone."""
        ...

    async def outcome(self, on_progress: OnProgress) -> Outcome:
        """Run it, whatever happens."""
        ...


class Report(msgspec.Struct, frozen=True):
    """Ids of the tool uses that have *started* and run on, what others say of their *progress*, and *outcomes*.

    If there is nothing of these, *going_on* are the ids of those that still run.
    """

    started: tuple[str, ...]
    progress: dict[str, str]
    outcomes: list[Outcome]
    going_on: tuple[str, ...] = ()

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """The results of the outcomes."""
        return tuple(outcome.result for outcome in self.outcomes)

    @property
    def durations_s(self) -> dict[str, float]:
        """How long the tools ran, by tool use id."""
        return {outcome.result.tool_use_id: outcome.duration_s for outcome in self.outcomes}


@dataclass(slots=True)
class _Running:
    """A run, and when the next report of it is due."""

    run: Run
    batch: "Runs"
    due_at: float | None
    is_told: bool = False
    is_dropped: bool = False
    progress: object = _NOTHING

    def tell(self, progress: object) -> None:
        """Keep what the run says of its progress for the next report."""
        self.progress = progress
        if self.due_at is None:
            self.due_at = self.batch.loop.time() + REPORT_AFTER_S
            self.batch.wake()


@dataclass(slots=True)
class Runs:
    """Runs of tools, at most *max_parallel* at a time; one at a time from when one is added that runs alone."""

    max_parallel: int
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    waiting: deque[Run] = field(default_factory=deque[Run])
    running: dict[asyncio.Task[Outcome], _Running] = field(default_factory=dict["asyncio.Task[Outcome]", _Running])
    news: asyncio.Future[None] | None = None

    def add(self, runs: Iterable[Run]) -> None:
        """Run *runs* after those that were added before, as soon as there is room."""
        self.waiting += runs
        if not all(run.parallel for run in self.waiting):
            self.max_parallel = 1
        self.wake()

    def drop(self, tool_use_id: str) -> None:
        """Cancel the run of a tool use, or do not start it. Nothing more is reported of it."""
        self.waiting = deque(run for run in self.waiting if run.use.id != tool_use_id)
        for task, running in self.running.items():
            if running.run.use.id == tool_use_id:
                running.is_dropped = True
                task.cancel()

    async def reports(self) -> AsyncGenerator[Report, None]:
        """What becomes of the runs, as it happens, until none is left. Runs still going are cancelled."""
        try:
            while True:
                while self.waiting and len(self.running) < self.max_parallel:
                    self._start(self.waiting.popleft())
                if not self.running:
                    return
                report = await self._next_report()
                if report.started or report.progress or report.outcomes or report.going_on:
                    yield report
        finally:
            await self._cancel()

    def _start(self, run: Run) -> None:
        running = _Running(run, self, self.loop.time() + REPORT_AFTER_S)
        task = asyncio.create_task(run.outcome(running.tell), name=f"tool {run.use.name[:50]}")
        task.add_done_callback(self._on_done)
        self.running[task] = running

    def _on_done(self, task: "asyncio.Task[Outcome]") -> None:
        self.wake()

    def wake(self) -> None:
        if self.news and not self.news.done():
            self.news.set_result(None)

    async def _next_report(self) -> Report:
        """What has happened since the last report, once something has, or nothing for a while."""
        due_at = min((each.due_at for each in self.running.values() if each.due_at is not None), default=None)
        is_quiet = False

        def on_time() -> None:
            nonlocal is_quiet
            is_quiet = due_at is None
            self.wake()

        self.news = self.loop.create_future()
        if any(task.done() for task in self.running):
            self.wake()
        timer = self.loop.call_at(self.loop.time() + _QUIET_S if due_at is None else due_at, on_time)
        try:
            await self.news
        finally:
            timer.cancel()
        ended = [task for task in self.running if task.done()]
        outcomes = [task.result() for task in ended if not self.running.pop(task).is_dropped]
        if is_quiet and not ended:
            return Report((), {}, [], going_on=tuple(each.run.use.id for each in self.running.values()))
        return self._report(outcomes, self.loop.time())

    def _report(self, outcomes: list[Outcome], now: float) -> Report:
        running = (each for each in self.running.values() if not each.is_dropped)
        due = [each for each in running if each.due_at is not None and each.due_at <= now]
        started = tuple(each.run.use.id for each in due if not each.is_told)
        progress = {each.run.use.id: text_of(each.progress) for each in due if each.progress is not _NOTHING}
        for each in due:
            each.is_told, each.due_at, each.progress = True, None, _NOTHING
        return Report(started, progress, outcomes)

    async def _cancel(self) -> None:
        for task in self.running:
            task.cancel()
        if self.running:
            await asyncio.wait(self.running)
