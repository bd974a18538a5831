"""Runs tools as tasks on Ray, for the sessions of a process, which owns the tasks."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable
from contextlib import suppress
from itertools import count
from typing import Protocol, cast

import msgspec
import ray
from ray import ObjectRef
from ray.exceptions import (
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RuntimeEnvSetupError,
    TaskCancelledError,
    WorkerCrashedError,
)

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import ToolUse
from ...api.tools.places import RayTask
from ...session.tools.run_orders import RunEnd, RunOrder
from ...tools.results import error_result
from ...tools.runs import OnProgress
from ..actor_logs import logged
from .progress import ReportsTo
from .resources import KnownNodes
from .task import TaskOrder, TaskSettings, decode_end, encode_order, run_tool

log = logging.getLogger(__name__)

_GRACE_S = 1.0
"""A task that has not ended so long after it was cancelled is ended with its process."""

_LOOK_S = 5.0
"""While a task has no result, it is looked so often whether a node still has what it requests."""

_INLINE_BYTES = 10_000
"""A larger function goes into Ray's object store, once: smaller ones travel faster with each task."""

_KEPT_FUNCTIONS = 64
_KEPT_FORMS = 256

_encode = msgspec.msgpack.Encoder().encode

_ACTOR_CALL = RayTask(num_cpus=0)
"""What calls an actor's method, and waits for it, takes no CPU."""


class _TaskForm(Protocol):
    """``run_tool`` with its options."""

    def remote(self, function: "bytes | ObjectRef[bytes]", order: bytes, /) -> "ObjectRef[bytes]":
        """Start a task."""
        ...


class TaskRunner:
    """Runs tools as tasks: a ``ToolRunner``. *actor* is the name and the namespace of that of this process.

    It hands what it is told of their progress to ``report``.
    """

    def __init__(self, actor: tuple[str, str]) -> None:
        self._actor = actor
        self._nodes = KnownNodes()
        self._functions: OrderedDict[bytes, ObjectRef[bytes]] = OrderedDict()
        self._forms: OrderedDict[bytes, _TaskForm] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()
        self._numbers = count()
        self._on_progress: dict[int, OnProgress] = {}

    def report(self, run: int, progress: str) -> None:
        """The tool of the run with that number says so; a run that has ended is ignored."""
        if on_progress := self._on_progress.get(run):
            on_progress(progress)

    def drop(self, order: RunOrder) -> None:
        """Whoever waited for it has been cancelled, and with it the task."""

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunEnd:
        """Carry out an order: it has an error result, too, if no node has what it requests, or its process dies."""
        tool, use = order.tool, order.use
        task = tool.place if isinstance(tool.place, RayTask) else _ACTOR_CALL
        if problem := await self._nodes.missing(task):
            return _never_starts(use, problem)
        number = next(self._numbers)
        settings = TaskSettings(tool.max_result_bytes, order.hidden, logged())
        task_order = TaskOrder(tool.place, use, settings, ReportsTo(*self._actor, number))
        try:
            ref = self._form(task, use.name).remote(self._shared(tool.function), encode_order(task_order))
        except (RayError, ValueError, TypeError) as error:  # Ray does not take the runtime_env, for instance
            return failed_task(use, error)
        result = asyncio.ensure_future(_value(ref))
        self._on_progress[number] = on_progress
        try:
            while not (await asyncio.wait({result}, timeout=_LOOK_S))[0]:
                if problem := await self._nodes.missing(task):
                    return _never_starts(use, problem)
            return decode_end(result.result())
        except RayError as error:
            return failed_task(use, error)
        finally:
            del self._on_progress[number]
            if not result.done():
                self._cancel(ref, result)

    def _form(self, task: RayTask, name: str) -> "_TaskForm":
        """The remote function for tools *name* that request what *task* does: making it takes longer than a call."""
        key = _encode((task, name))
        if key not in self._forms:
            self._forms[key] = run_tool.options(
                num_cpus=task.num_cpus,
                num_gpus=task.num_gpus,
                memory=task.memory_bytes,
                resources=task.resources,
                runtime_env=task.runtime_env or None,
                max_retries=0,
                name=f"tool {name[:50]}",
            )
        self._forms.move_to_end(key)
        if len(self._forms) > _KEPT_FORMS:
            self._forms.popitem(last=False)
        return self._forms[key]

    def _shared(self, function: bytes) -> "bytes | ObjectRef[bytes]":
        """*function*, or where all tasks find it."""
        if len(function) <= _INLINE_BYTES:
            return function
        if function not in self._functions:
            self._functions[function] = ray.put(function)
        self._functions.move_to_end(function)
        if len(self._functions) > _KEPT_FUNCTIONS:
            self._functions.popitem(last=False)
        return self._functions[function]

    def _cancel(self, ref: "ObjectRef[bytes]", result: "asyncio.Future[bytes]") -> None:
        """Cancel the task now, and end its process if it goes on all the same."""
        with suppress(RayError):
            ray.cancel(ref)
        ending = asyncio.get_running_loop().create_task(_end(ref, result))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


async def _value(ref: "ObjectRef[bytes]") -> bytes:
    return await cast("Awaitable[bytes]", ref)


async def _end(ref: "ObjectRef[bytes]", result: "asyncio.Future[bytes]") -> None:
    if not (await asyncio.wait({result}, timeout=_GRACE_S))[0]:
        with suppress(RayError):
            ray.cancel(ref, force=True)
    await asyncio.wait({result})
    result.exception()  # retrieved: nobody asks for it


def _never_starts(use: ToolUse, problem: str) -> RunEnd:
    log.error("the tool %s can't run: %s", shown(use.name), problem)
    return error_result(use, f"The tool can't run: {problem}."), False


def failed_task(use: ToolUse, error: Exception) -> RunEnd:
    """The result of *use*, whose task failed: a tool's own errors are results of it."""
    first_line = shown(str(error).strip().partition("\n")[0], quoted=False, limit=500)
    match error:
        case OutOfMemoryError():
            problem = "The tool's process was ended because its node ran out of memory."
        case NodeDiedError():
            problem = "The node that the tool ran on has died."
        case WorkerCrashedError():
            problem = "The tool's process ended before there was a result: it crashed, or was killed."
        case RuntimeEnvSetupError():
            problem = f"The tool's runtime_env can't be set up: {first_line}"
        case TaskCancelledError():
            problem = "The tool was cancelled."
        case _:
            problem = f"The tool can't be run: {type(error).__name__}: {first_line}"
    log.warning("the tool %s failed: %s", shown(use.name), error)
    return error_result(use, problem), isinstance(error, RayError) and not isinstance(error, TaskCancelledError)
