"""What goes to a session of the tools that it runs on Ray."""

import asyncio
from collections.abc import Iterable
from typing import TypeVar, cast

import msgspec
import ray
from ray.exceptions import RayError

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.tools import Tool
from ...api.config import SessionSettings
from ...api.options import RuntimeOptions
from ...api.settings.changes import TurnSettings
from ...api.tools.approval_policy import ApprovalPolicy
from ...api.tools.function_tool import FunctionTool
from ...api.tools.places import ActorMethod, Place, RayTask, ShippedRun
from ..ray_calls import gcs_result
from ..ray_errors import translated
from .pickling import dumps
from .resources import Nodes, missing, read_nodes
from .task import Function

S = TypeVar("S", bound=SessionSettings | TurnSettings)


async def with_shipped_tools(settings: S, options: RuntimeOptions, name: str) -> S:
    """*settings*, which errors call *name*; the tools in them that run on Ray hold what runs them.

    So does the function that decides about approval. A tool's is pickled once, however many sessions have it.

    Raises:
        InvalidConfig: one can't be pickled, or requests what no node has; it is named, and the reason.
    """
    settings = _with_shipped_policy(settings, f"{name}.approve")
    tools = cast(object, getattr(settings, "tools", ()))
    given = list(cast("Iterable[object]", tools)) if isinstance(tools, tuple | list) else []
    if not any(isinstance(tool, FunctionTool) and tool.run.place for tool in given):
        return settings  # or what the validation of settings rejects
    shipped = await asyncio.to_thread(_shipped_tools, given, await _nodes(options), options, f"{name}.tools")
    return msgspec.structs.replace(settings, tools=shipped)


def _with_shipped_policy(settings: S, name: str) -> S:
    match cast(object, getattr(settings, "approve", None)):
        case ApprovalPolicy(function=function) if not isinstance(function, bytes):
            policy = ApprovalPolicy(_dumped(function, name, "the function"))
            return msgspec.structs.replace(settings, approve=policy)
        case _:
            return settings


async def _nodes(options: RuntimeOptions) -> Nodes:
    try:
        return await gcs_result(options.call_timeout_s, read_nodes)
    except RayError as error:
        raise translated(error) from None


def _shipped_tools(tools: list[object], nodes: Nodes, options: RuntimeOptions, name: str) -> tuple[object, ...]:
    return tuple(
        _shipped(tool, tool.run.place, nodes, options, f"{name}[{number}]")
        if isinstance(tool, FunctionTool) and tool.run.place
        else tool
        for number, tool in enumerate(tools)
    )


def _shipped(tool: FunctionTool, place: Place, nodes: Nodes, options: RuntimeOptions, name: str) -> Tool:
    if isinstance(place, RayTask):
        if problem := missing(place, nodes):
            raise InvalidConfig(f"{name}.runs", f"the tool {shown(tool.name)} can't run: {problem}")
    else:
        place = ActorMethod(
            place.actor_name,
            place.method or getattr(tool.run.function, "__name__", tool.name),
            place.namespace or cast(str, ray.get_runtime_context().namespace),
        )
    run = ShippedRun(
        place=place,
        function=_pickled(tool, name),
        timeout_s=tool.run.timeout_s,
        parallel=tool.run.parallel,
        max_parallel=options.max_parallel_tools,
        max_result_bytes=options.max_result_bytes,
        retries=tool.run.retries,
    )
    return run.on(Tool(**msgspec.structs.asdict(tool)))


def _pickled(tool: FunctionTool, name: str) -> bytes:
    attributes = vars(tool)
    if "_pickled" not in attributes:
        is_actors = isinstance(tool.run.place, ActorMethod)
        function: Function = (None if is_actors else tool.run.function, tool.run.arguments)
        attributes["_pickled"] = _dumped(function, name, f"the tool {shown(tool.name)}")
    pickled: bytes = attributes["_pickled"]
    return pickled


def _dumped(function: object, name: str, called: str) -> bytes:
    try:
        return dumps(function)
    except Exception as error:  # whatever the methods of its parts raise
        reason = shown(f"{type(error).__name__}: {error}", quoted=False, limit=300)
        raise InvalidConfig(name, f"{called} can't be sent to Ray: {reason}") from error
