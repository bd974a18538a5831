"""The tools of a session that run in this program: whatever they return or raise, the model gets a result."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, Self, cast

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import ToolResult, ToolUse
from ....providers.schema.errors import ConfigError, InvalidConfig, RayconteurError, UnsupportedContent
from ....providers.schema.tools import ProviderTool, Tool
from ...api.errors import (
    HistoryFull,
    MailboxError,
    MessageTooLarge,
    NoApprovalNeeded,
    ToolResultError,
    ToolsWaiting,
)
from ...api.events import FromLLM, ToolBatch, ToolCompleted, ToolFailed
from ...api.messages import Interrupt, Receipt, RequestApproval, ToLLM, ToolResults, ToolUpdate
from ...api.options import OnToolError, RuntimeOptions
from ...api.tools.function_tool import FunctionTool, check_function
from ...logs.ids import ids
from ...tools.batches import Report, Runs
from ...tools.input_checks import check_input
from ...tools.results import beginning_of, error_result
from ...tools.runs import Outcome, ToolRun, function_run
from .abandoned_turns import AbandonedTurns

log = logging.getLogger(__name__)

RunTool = Callable[[ToolUse], Awaitable[object] | object]
"""Runs a tool and returns its result: a ``ToolResult``, or whatever a tool may return. It may be async."""

_REJECTIONS = (InvalidConfig, UnsupportedContent, MessageTooLarge, HistoryFull)
"""What the session may say of the content of a result."""


@dataclass(frozen=True, slots=True)
class SessionTools:
    """The tools of a session as this program knows them.

    *functions* are those that run here, by name. *declared* are all, by name, if they are known.
    """

    functions: Mapping[str, FunctionTool] = field(default_factory=dict[str, FunctionTool])
    declared: Mapping[str, Tool | ProviderTool] | None = None

    @classmethod
    def of(cls, tools: Iterable[Tool | ProviderTool]) -> Self:
        """The tools of a session that has *tools*."""
        declared = {tool.name: tool for tool in tools}
        functions = {
            name: tool for name, tool in declared.items() if isinstance(tool, FunctionTool) and not tool.run.place
        }
        return cls(functions, declared)


def checked_functions(tools: Iterable[FunctionTool]) -> SessionTools:
    """The *tools* that this program runs of a session that another one may have opened.

    Raises:
        InvalidConfig: one is no function tool.
    """
    functions = tuple(tools)
    if wrong := [each for each in cast("tuple[object, ...]", functions) if not isinstance(each, FunctionTool)]:
        raise InvalidConfig("tools", f"give functions below @rayconteur.tool, not {shown(wrong[0])}")
    for tool in functions:
        check_function(tool, "tools")
        if tool.run.place:
            raise InvalidConfig("tools", f"{shown(tool.name)} runs on Ray, not in a program: leave it out")
    return SessionTools({tool.name: tool for tool in functions})


def checked_run_tool(run_tool: object) -> None:
    """Raises:
    InvalidConfig: *run_tool* is neither a function nor ``None``.
    """
    if run_tool is not None and not callable(run_tool):
        raise InvalidConfig("run_tool", f"give a function that takes a ToolUse, not {shown(run_tool)}")


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """How many tools of a turn run at a time, how long ``run_tool`` may take, and how long the text of a result is.

    *on_error* is what happens when a tool raises.
    """

    max_parallel: int
    timeout_s: float
    max_result_bytes: int
    on_error: OnToolError = OnToolError.TELL

    @classmethod
    def of(cls, options: RuntimeOptions) -> Self:
        """The limits in *options*."""
        timeout_s, on_error = options.tool_timeout_s, options.on_tool_error
        return cls(options.max_parallel_tools, timeout_s, options.max_result_bytes, on_error)


class ToolSession(Protocol):
    """What tools need of the session that they run for."""

    id: str
    tools: SessionTools

    async def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox."""
        ...


class TurnTools:
    """Runs the tools of one turn in the background, and sends their results."""

    def __init__(self, session: ToolSession, limits: ToolLimits, abandoned_turns: AbandonedTurns) -> None:
        self._session = session
        self._limits = limits
        self._abandoned_turns = abandoned_turns
        self._tasks: set[asyncio.Task[None]] = set()
        self._step = 0  # whose tools run
        self._runs: Runs | None = None  # of that step, while some go on
        self._decisions: list[asyncio.Event] = []  # of that step: which groups of runs know that they may run
        self._in_order = False  # one of that step runs alone: each group waits for those before it
        self._asked: set[str] = set()  # the uses for which approval was asked
        self.own_tools: SessionTools | None = None
        """The tools of the turn, if they are not those of the session."""
        self.run_tool: RunTool | None = None
        """What runs the tools that are no functions of the session."""
        self.error: Exception | None = None
        """Why the turn was interrupted: its results were not accepted, or a tool failed whose error is to be raised."""

    @property
    def running(self) -> bool:
        """True while a tool runs."""
        return any(not task.done() for task in self._tasks)

    def start(self, batch: ToolBatch, required: bool) -> None:
        """Run the tool uses of *batch* as far as they run here. The turn no longer waits for those of earlier steps.

        Raises:
            ToolsWaiting: one does not run here, and all are *required* to. None was started.
        """
        runs = {use.id: run for use in batch.uses if (run := self._run_of(use))}
        if required and (waiting := sorted({use.name for use in batch.uses if use.id not in runs})):
            names = shown(", ".join(waiting), quoted=False)
            raise ToolsWaiting(f"the model asks for {names}; pass run_tool to answer(), or send ToolResults")
        if batch.step != self._step:
            self._step = batch.step
            self._asked.clear()
            self.cancel()
            self._runs, self._in_order = None, False
            self._decisions.clear()
        self._in_order |= not all(run.parallel for run in runs.values())
        self._tasks = {task for task in self._tasks if not task.done()}
        for group in _groups(list(runs.values())):
            before = tuple(self._decisions) if self._in_order else ()
            self._decisions.append(asyncio.Event())
            self._tasks.add(asyncio.create_task(self._run(batch.turn, group, before, self._decisions[-1])))

    def note(self, event: FromLLM) -> None:
        """Cancel the run of a tool use if *event* says that it has its result, or needs none any more."""
        if self._runs and isinstance(event, ToolCompleted | ToolFailed):
            self._runs.drop(event.tool_use_id)

    def cancel(self) -> None:
        """Cancel what runs: no tool is started any more, and no result is sent."""
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """As ``cancel``; and wait until it has ended."""
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _run_of(self, use: ToolUse) -> ToolRun | None:
        tools, limits = self.own_tools or self._session.tools, self._limits
        if tool := tools.functions.get(use.name):
            return function_run(tool, use, limits.max_result_bytes)
        run_tool = self.run_tool
        if (run_tool or tools.functions) and tools.declared and use.name not in tools.declared:
            run_tool = partial(_unknown, sorted(tools.declared))
        if run_tool is None:
            return None
        arguments = partial(_no_arguments, (tools.declared or {}).get(use.name), use)
        return ToolRun(use, partial(run_tool, use), arguments, limits.timeout_s, limits.max_result_bytes)

    async def _run(
        self, turn: int, runs: list[ToolRun], before: Iterable[asyncio.Event], decision: asyncio.Event
    ) -> None:
        try:
            for each in before:
                await each.wait()
            try:
                runs = await self._approved(runs)
            finally:
                decision.set()
            if self._runs:
                self._runs.add(runs)  # to those of the same answer that could run before
            else:
                await self._run_all(runs)
        except Exception as error:
            if isinstance(error, RayconteurError) and not isinstance(error, MailboxError | ConfigError):
                session = self._session.id
                log.info(
                    "a tool result of session %s could not be sent: %s", session, error.code, extra=ids(session, turn)
                )
                return  # the reader of the turn's events is told of it, too
            self.error = error  # not even the reason is accepted: the turn would wait for ever
            await self._abandoned_turns.interrupt_and_wait(self._session, Interrupt(turn=turn))

    async def _run_all(self, runs: list[ToolRun]) -> None:
        all_runs = self._runs = Runs(self._limits.max_parallel)
        all_runs.add(runs)
        try:
            async with aclosing(all_runs.reports()) as all_reports:
                async for report in all_reports:
                    self._raise_error_of(report)
                    await self._send(report)
        finally:
            if self._runs is all_runs:
                self._runs = None

    async def _approved(self, runs: list[ToolRun]) -> list[ToolRun]:
        """Those of *runs* that may run now. For the others, approval is asked; they come again when they have it."""
        waiting: set[str] = set()
        for run in runs:
            use = run.use.id
            if use not in self._asked and await run.needs_approval():
                self._asked.add(use)
                if await self._ask_approval(use):
                    waiting.add(use)
        return [run for run in runs if run.use.id not in waiting]

    async def _ask_approval(self, tool_use_id: str) -> bool:
        """Have the tool use wait for approval. Returns false if it has it, or if an earlier approval covers it."""
        try:
            await self._session.send(RequestApproval(tool_use_ids=(tool_use_id,)))
        except NoApprovalNeeded:
            return False
        except ToolResultError:
            pass  # another program has asked, or has answered it
        return True

    def _raise_error_of(self, report: Report) -> None:
        errors = [outcome.error for outcome in report.outcomes if outcome.error]
        if errors and self._limits.on_error is OnToolError.RAISE:
            raise errors[0]

    async def _send(self, report: Report) -> None:
        """Send the results. In the place of one that the session rejects, the model gets an error with the reason."""
        if report.started or report.progress:
            with suppress(ToolResultError, *_REJECTIONS):  # their turn is over, another program answered, no room
                await self._session.send(ToolUpdate(started=report.started, progress=report.progress))
        for use in report.going_on:  # each in its own message: another program may have answered some
            with suppress(RayconteurError):  # or the session can't be reached for a while
                await self._session.send(ToolUpdate(started=(use,)))
        if not report.outcomes:
            return
        try:
            await self._session.send(
                ToolResults(
                    results=report.results,
                    durations_s=report.durations_s,
                    max_result_bytes=self._limits.max_result_bytes,
                )
            )
            return
        except (ToolResultError, *_REJECTIONS):
            pass  # nothing of them was accepted
        for outcome in report.outcomes:
            try:
                await self._send_one(outcome)
            except ToolResultError as error:  # its turn is over, or another program answered it
                session = self._session.id
                log.info("a tool result of session %s is not wanted: %s", session, error, extra=ids(session))

    async def _send_one(self, outcome: Outcome) -> None:
        whole, max_bytes = outcome.result, self._limits.max_result_bytes
        durations_s = {whole.tool_use_id: outcome.duration_s}
        beginning = beginning_of(whole, max_bytes)
        messages = [ToolResults(results=(whole,), durations_s=durations_s, max_result_bytes=max_bytes)]
        if beginning != whole:
            messages.append(ToolResults(results=(beginning,), durations_s=durations_s))
        rejection: RayconteurError | None = None
        for message in messages:
            try:
                await self._session.send(message)
                return
            except _REJECTIONS as error:
                rejection = error
        use = ToolUse(whole.tool_use_id, "", {})
        log.error("the result of tool use %s was rejected: %s", shown(use.id), rejection)
        results = (error_result(use, f"the tool returned a result that is rejected: {rejection}"),)
        await self._session.send(ToolResults(results=results, durations_s=durations_s))


def _groups(runs: list[ToolRun]) -> list[list[ToolRun]]:
    """*runs*, those apart for which a function is asked about approval: it may take long, and holds up no other.

    If one of them runs alone, all stay together: they run in the model's order.
    """
    if not all(run.parallel for run in runs):
        return [runs]
    free = [run for run in runs if run.approval is None]
    return [*([free] if free else []), *([run] for run in runs if run.approval is not None)]


def _no_arguments(tool: Tool | ProviderTool | None, use: ToolUse) -> dict[str, Any]:
    """None: ``run_tool`` gets *use* itself, the input of which fits the schema of *tool*, if that is known."""
    if isinstance(tool, Tool):
        check_input(tool.input_schema, use)
    return {}


def _unknown(declared: Sequence[str], use: ToolUse) -> ToolResult:
    names = shown(", ".join(declared), quoted=False, limit=1_000)
    return error_result(use, f"There is no tool {shown(use.name)}. The tools are: {names}.")
