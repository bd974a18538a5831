"""Runs of tools, each within its time: whatever a tool does, its run has an outcome."""

import asyncio
import contextvars
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from inspect import isasyncgen, isasyncgenfunction, isawaitable, iscoroutinefunction, isfunction, isgenerator, ismethod
from typing import Any, cast

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.content import ToolResult, ToolUse
from ..api.tools.function_tool import FunctionTool, NeedsApproval
from .event_loop import run_in_kept_loop
from .results import MAX_TEXT_BYTES, error_result, result_of

log = logging.getLogger(__name__)

_CANCELLED_WITHIN_S = 1.0
"""A tool that does not end so soon after it was cancelled is left alone."""


_FIRST_DELAY_S, _MAX_DELAY_S = 0.5, 8.0
"""How long a run that failed waits before it is repeated: twice as long each time."""


class _TimedOut(Exception):
    """A run took longer than it may."""


class InvalidInput(Exception):
    """The input that the model wrote does not fit the parameters of the function."""


OnProgress = Callable[[object], object]
"""Takes what a generator yields."""


class Outcome(msgspec.Struct, frozen=True):
    """The *result* of a run that took *duration_s*; the *error* is what the tool raised, or ``TimeoutError``."""

    result: ToolResult
    duration_s: float
    error: Exception | None = None


class ToolRun(msgspec.Struct, frozen=True):
    """One run: what *function*, called with *arguments*, returns, is the result of *use*.

    It may take *timeout_s*; ``None`` is no limit. One that fails or takes too long is repeated up to *retries* times.
    One that is not *parallel* runs alone. The text of an error is cut to *max_result_bytes*. *arguments* raises
    ``InvalidInput``. *approval* tells whether the use needs approval.
    """

    use: ToolUse
    function: Callable[..., object]
    arguments: Callable[[], dict[str, Any]]
    timeout_s: float | None
    max_result_bytes: int
    parallel: bool = True
    retries: int = 0
    approval: NeedsApproval | None = None

    async def outcome(self, on_progress: OnProgress) -> Outcome:
        """Run it. The result is an error for the model if the input does not fit, the run fails, or takes too long."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        for attempt in range(self.retries):
            result, error = await self._attempt(on_progress)
            if error is None:
                return Outcome(result, loop.time() - started_at)
            await asyncio.sleep(retry_delay_s(attempt))
        result, error = await self._attempt(on_progress)
        return Outcome(result, loop.time() - started_at, error)

    async def needs_approval(self) -> bool:
        """True if the tool says that this use needs approval, or can't say it."""
        if self.approval is None:
            return False
        return await needs_approval(self.use, _decision(self.approval, self.use), None)

    async def _attempt(self, on_progress: OnProgress) -> tuple[ToolResult, Exception | None]:
        """The result of one attempt, and the error that may not occur in another one."""
        try:
            call, name = partial(self.function, **self.arguments()), self.use.name
            returned = await _within(self.timeout_s, _outcome(call, name, on_progress), f"tool {name[:50]}")
        except Exception as error:
            return self._failed(error)
        return self._result(returned), None

    def attempt_in_this_thread(self, on_progress: OnProgress) -> tuple[ToolResult, Exception | None]:
        """The result of one attempt, and the error that may not occur in another one; without a time-out.

        The function runs in this thread. What interrupts it, if that is the main thread, ends the attempt.
        """
        try:
            returned = _outcome_in_this_thread(partial(self.function, **self.arguments()), on_progress)
        except Exception as error:
            return self._failed(error)
        return self._result(returned), None

    def _failed(self, error: Exception) -> tuple[ToolResult, Exception | None]:
        """The result of an attempt that ended with *error*: any error of a tool, and the model is told."""
        use, name = self.use, shown(self.use.name)
        match error:
            case InvalidInput():
                log.info("the input of the tool %s does not fit its schema", name)  # the error quotes it
                problem = f"The input does not fit the schema of the tool: {error}. Nothing was run."
                return error_result(use, problem), None
            case _TimedOut() if self.timeout_s is not None:
                problem = f"the tool {name} did not end within {self.timeout_s:g} s"
                return timed_out(use, self.timeout_s), TimeoutError(problem)
            case _:
                log.warning("the tool %s failed:\n%s", name, _printable_traceback(error))
                return error_result(use, _problem(error), self.max_result_bytes), error

    def _result(self, returned: object) -> ToolResult:
        """The result of an attempt that *returned* something."""
        result = result_of(self.use, returned, MAX_TEXT_BYTES)
        if result.is_error and not (isinstance(returned, ToolResult) and returned.is_error):
            log.error("the tool %s returned a %s that is no result", shown(self.use.name), type(returned).__name__)
        return result


def function_run(tool: FunctionTool, use: ToolUse, max_result_bytes: int) -> ToolRun:
    """The run of *tool* for *use*."""
    run = tool.run
    arguments = partial(checked_arguments, run.arguments, use)
    return ToolRun(
        use, run.function, arguments, run.timeout_s, max_result_bytes, run.parallel, run.retries, run.approval
    )


def checked_arguments(arguments: Callable[[dict[str, Any]], dict[str, Any]], use: ToolUse) -> dict[str, Any]:
    """What *arguments* makes of the input of *use*.

    Raises:
        InvalidInput: it does not fit.
    """
    try:
        return arguments(use.input)
    except msgspec.ValidationError as error:
        raise InvalidInput(shown(str(error), quoted=False, limit=500)) from None


async def needs_approval(use: ToolUse, decision: Coroutine[Any, Any, object], timeout_s: float | None) -> bool:
    """What *decision* says, which may take *timeout_s*: whether *use* needs approval. It does, unless that is false."""
    try:
        needed = await _within(timeout_s, decision, f"approval of {use.name[:50]}")
        if isinstance(needed, bool):
            return needed
        raise TypeError(f"the function returned {shown(needed)}, neither True nor False")
    except Exception as error:
        name = shown(use.name)
        log.error("approval of the tool %s failed, so it is asked for:\n%s", name, _printable_traceback(error))
        return True


async def returned_by(function: Callable[[], object], name: str) -> object:
    """What *function* returns, in a thread of its own unless it is async. It may take as long as it likes."""
    return await _within(None, _outcome(partial(function), name, _ignore), name)


def timed_out(use: ToolUse, timeout_s: float) -> ToolResult:
    """The result of *use*, a run of which did not end within *timeout_s*."""
    log.warning("the tool %s did not end within %g s", shown(use.name), timeout_s)
    return error_result(use, f"The tool did not end within {timeout_s:g} seconds.")


def retry_delay_s(attempt: int) -> float:
    """How long a run waits that failed after so many failed ones before."""
    return min(_FIRST_DELAY_S * float(2**attempt), _MAX_DELAY_S)


def _printable_traceback(error: Exception) -> str:
    """The traceback of *error*, whatever it holds: a lone surrogate has no place in a log file."""
    return "".join(traceback.format_exception(error)).encode(errors="backslashreplace").decode()


async def _decision(approval: NeedsApproval, use: ToolUse) -> object:
    try:
        answer = approval(use)
        return await answer if isawaitable(answer) else answer
    except SystemExit as error:  # which would end the event loop
        raise RuntimeError(_problem(error)) from error


async def _within(timeout_s: float | None, work: Coroutine[Any, Any, object], name: str) -> object:
    """The result of *work*, in a task of its own: one that ignores that it is cancelled holds nobody up.

    Raises:
        _TimedOut: it did not end in time.
    """
    task = asyncio.create_task(work, name=name)
    try:
        await asyncio.sleep(0)  # one that ends at once needs no timer
        if not task.done() and not (await asyncio.wait({task}, timeout=timeout_s))[0]:
            raise _TimedOut(f"the {name} did not end within {timeout_s:g} s")
        if task.cancelled():
            raise RuntimeError("the tool was cancelled")
        error = task.exception()
        if error is None or isinstance(error, Exception):
            return task.result()
        raise RuntimeError(_problem(error))
    finally:
        if not task.done():
            await _stop(task)


async def _stop(task: asyncio.Task[object]) -> None:
    task.cancel()
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # retrieved: nobody asks for it
    _, left = await asyncio.wait({task}, timeout=_CANCELLED_WITHIN_S)
    if left:
        log.warning("the %s goes on although it was cancelled", task.get_name())


def _problem(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # its own __str__ fails
        return type(error).__name__


async def _outcome(call: partial[object], name: str, on_progress: OnProgress) -> object:
    """What *call* returns, in a thread of its own unless it is async; what it awaits, or yields last, in the loop."""
    try:
        if _is_async(call.func):
            made = call()
        else:
            loop = asyncio.get_running_loop()

            def tell(progress: object) -> None:
                with suppress(RuntimeError):  # the loop is closed: nobody reads it any more
                    loop.call_soon_threadsafe(partial(on_progress, progress))

            made = await in_thread(partial(_returned, call, tell), f"tool {name[:50]}")
        return await _awaited(made, on_progress)
    except SystemExit as error:  # which would end the event loop
        raise RuntimeError(_problem(error)) from error


def _outcome_in_this_thread(call: partial[object], on_progress: OnProgress) -> object:
    """As ``_outcome``. Only what is async runs in an event loop, which an interrupt does not end at once."""
    try:
        made = _returned(call, on_progress)
        is_async = isawaitable(made) or isasyncgen(made)
        return run_in_kept_loop(_awaited(made, on_progress)) if is_async else made
    except (SystemExit, asyncio.CancelledError) as error:  # which would end the process
        raise RuntimeError(_problem(error)) from error


def _ignore(progress: object) -> None:
    """Progress that nobody is told."""


async def _awaited(made: object, on_progress: OnProgress) -> object:
    """What *made* leads to: what it returns if it can be awaited, and what that yields last if it is a generator."""
    outcome = cast(object, await made if isawaitable(made) else made)
    if not isasyncgen(outcome):
        return outcome
    yielded: object = None
    async for each in cast("AsyncIterator[object]", outcome):
        yielded = each
        on_progress(each)
    return yielded


def _returned(call: Callable[[], object], on_progress: OnProgress) -> object:
    """What *call* returns, or yields last: the code of a generator runs only while it is read."""
    returned = call()
    if not isgenerator(returned):
        return returned
    yielded: object = None
    for each in cast("Iterator[object]", returned):
        yielded = each
        on_progress(each)
    return yielded


def _is_async(function: Callable[..., object]) -> bool:
    called = function if isfunction(function) or ismethod(function) else type(function).__call__
    return any(check(function) or check(called) for check in (iscoroutinefunction, isasyncgenfunction))


async def in_thread(call: Callable[[], object], name: str) -> object:
    """What *call* returns in a thread of its own, with that *name*.

    One that never returns keeps no other from running, nor the process from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: object, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            fits = isinstance(error, Exception) and not isinstance(error, StopIteration)  # which no future takes
            future.set_exception(error if fits else RuntimeError(_problem(error)))

    def work() -> None:
        value: object = None
        failure: BaseException | None = None
        try:
            value = context.run(call)
        except BaseException as error:  # whatever a tool raises must not leave its turn waiting
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await future
