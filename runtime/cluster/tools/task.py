"""The task on Ray that runs one tool, in a process of its own."""

import os
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache, partial
from typing import Any, cast

import msgspec
import ray
from ray import ObjectRef
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from ....providers.presets import preset_variables
from ....providers.registry import SECRET_VARIABLES
from ....providers.schema.checks.shown import shown
from ....providers.schema.content import ToolUse
from ...api.tools.places import ActorMethod, Place
from ...session.tools.run_orders import RunEnd
from ...tools.results import error_result
from ...tools.runs import OnProgress, ToolRun, checked_arguments
from ..actor_logs import Logged, log_as
from .interrupts import let_interrupts_end_waits
from .pickling import loads
from .progress import ProgressReports, ReportsTo

_KEPT_FUNCTIONS = 64

Function = tuple[Callable[..., object] | None, Callable[[dict[str, Any]], dict[str, Any]]]
"""What runs a tool, if it is no actor, and what turns input into its arguments."""


class TaskSettings(msgspec.Struct, frozen=True):
    """How a task runs its tool: without the variables *hidden*, and logging as *logged*.

    The text of an error has at most *max_result_bytes*.
    """

    max_result_bytes: int
    hidden: Collection[str]
    logged: Logged


class TaskOrder(msgspec.Struct, frozen=True, array_like=True):
    """What a task has to do, in one piece: Ray takes longer for each argument than for all of this."""

    place: Place
    use: ToolUse
    settings: TaskSettings
    reports_to: ReportsTo


def run_tool_here(order: TaskOrder, pickled: bytes, on_progress: OnProgress) -> RunEnd:
    """The result of the order, and whether another run may have a better one. *pickled* is a ``Function``.

    A result is cut here, before it travels, to what a session takes.
    """
    place, use, settings = order.place, order.use, order.settings
    _hide_secrets(place, settings.hidden)
    log_as(settings.logged)
    try:
        function, arguments = _loaded(pickled)
    except Exception as error:  # whatever its modules raise
        return error_result(use, f"The tool can't be loaded where it runs: {type(error).__name__}: {error}"), False
    if isinstance(place, ActorMethod):
        function = partial(_call_actor, place, use, on_progress)
    assert function is not None
    run = ToolRun(use, function, partial(checked_arguments, arguments, use), None, settings.max_result_bytes)
    result, problem = run.attempt_in_this_thread(on_progress)
    return result, problem is not None


def _hide_secrets(place: Place, hidden: Collection[str]) -> None:
    """Remove the keys of providers from the environment, except those that the tool itself is given."""
    own = {} if isinstance(place, ActorMethod) else cast("dict[str, str]", place.runtime_env.get("env_vars", {}))
    for name in SECRET_VARIABLES.union(preset_variables(), hidden).difference(own):
        os.environ.pop(name, None)


@lru_cache(_KEPT_FUNCTIONS)
def _loaded(pickled: bytes) -> Function:
    return cast(Function, loads(pickled))


def _call_actor(place: ActorMethod, use: ToolUse, on_progress: OnProgress, /, **arguments: Any) -> object:
    """What the method of the actor returns, or yields last."""
    try:
        actor = cast(Any, ray.get_actor(place.actor_name, namespace=place.namespace))
    except ValueError:
        where = f"in the namespace {shown(place.namespace)}"
        return error_result(use, f"There is no actor called {shown(place.actor_name)} {where}. Nothing was run.")
    method = getattr(actor, place.method, None)
    if method is None:
        problem = f"The actor {shown(place.actor_name)} has no method {shown(place.method)}. Nothing was run."
        return error_result(use, problem)
    try:
        returned: Any = method.remote(**arguments)
        value: object = None
        if isinstance(returned, ObjectRef):
            return _get(returned)
        for each in cast("Iterable[Any]", returned):
            value = _get(each)
            on_progress(value)
        return value
    except RayTaskError as error:
        if not isinstance(error.cause, Exception):
            raise
        error.cause.add_note(str(error))  # the traceback there
        raise error.cause from None
    except ActorDiedError:
        return error_result(use, f"The actor {shown(place.actor_name)} has died.")
    except RayActorError:
        return error_result(use, f"The actor {shown(place.actor_name)} can't be reached, or is being restarted.")


_get: Callable[[Any], object] = ray.get


def run_encoded(pickled: bytes, order: bytes) -> bytes:
    """``run_tool_here``, encoded, in the main thread of a process of Ray's."""
    let_interrupts_end_waits()
    decoded = _decode_order(order)
    reports = ProgressReports(decoded.reports_to.tell)
    try:
        end = run_tool_here(decoded, pickled, reports.take)
    finally:
        reports.close()
    try:
        return encode_end(end)
    except Exception as error:  # of what a ToolResult holds besides its text
        problem = f"the tool returned a result that is rejected: {shown(str(error), quoted=False)}"
        return encode_end((error_result(decoded.use, problem), False))


encode_order: Callable[[TaskOrder], bytes] = msgspec.msgpack.Encoder().encode
encode_end: Callable[[RunEnd], bytes] = msgspec.msgpack.Encoder().encode
_decode_order = msgspec.msgpack.Decoder(TaskOrder).decode
decode_end: Callable[[bytes], RunEnd] = msgspec.msgpack.Decoder(RunEnd).decode

run_tool = ray.remote(run_encoded)
