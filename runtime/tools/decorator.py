"""``rayconteur.tool``: turns a function into a tool."""

import inspect
from collections.abc import Callable
from typing import Any, Literal, cast, overload

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.tools import Approval, Tool, ToolStart
from ..api.tools.function_tool import FunctionRun, FunctionTool, NeedsApproval
from ..api.tools.places import Place
from .docstrings import descriptions
from .portable_schemas import NotPortable, portable_schema
from .schemas import Parameters, parameters_of, written_function

TIMEOUT_S = 30.0
"""How long a run may take, unless the tool says otherwise."""


@overload
def tool(function: Callable[..., Any]) -> FunctionTool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float | None = TIMEOUT_S,
    parallel: bool = True,
    strict: bool = False,
    deferred: bool = False,
    ends_turn: bool = False,
    approve: Approval | Literal["never", "always"] | NeedsApproval | None = None,
    start: ToolStart | Literal["complete", "streaming"] | None = None,
    retries: int = 0,
    runs: Place | None = None,
) -> Callable[[Callable[..., Any]], FunctionTool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float | None = TIMEOUT_S,
    parallel: bool = True,
    strict: bool = False,
    deferred: bool = False,
    ends_turn: bool = False,
    approve: Approval | Literal["never", "always"] | NeedsApproval | None = None,
    start: ToolStart | Literal["complete", "streaming"] | None = None,
    retries: int = 0,
    runs: Place | None = None,
) -> FunctionTool | Callable[[Callable[..., Any]], FunctionTool]:
    """A tool that runs *function*: ``@tool`` above it, or ``@tool(timeout_s=5)``. It may be async, or a method.

    Its *name* and *description*, and those of its parameters, come from the function, its annotations
    (``Annotated[str, "the town"]``) and its docstring; the JSON Schema from its types: those that msgspec knows,
    structs and dataclasses among them, and pydantic models. A run takes at most *timeout_s* seconds. Tools that are not
    *parallel* run alone. One that raises or takes too long is repeated up to *retries* times. *approve* is whether its
    uses wait for approval: ``"always"``, ``"never"``, or a function, async or not, that tells it of a ``ToolUse``.
    *start* is when they run: ``"streaming"``, as soon as their input is complete, or ``"complete"``, with the answer.
    *strict*, *deferred* and *ends_turn* are those of ``Tool``; a strict schema requires all parameters. It runs in the
    program that reads the reply, unless *runs* is a place on Ray: a ``RayTask``, or an ``ActorMethod``, which is called
    instead of the function.

    Raises:
        InvalidConfig: a parameter has no type, or one without a JSON Schema, or an option is invalid. It is named.
    """
    run_options = _checked_options(timeout_s, parallel, retries, approve) | _checked_place(runs, approve)
    own = _own_settings(approve, start) | {"deferred": deferred, "ends_turn": ends_turn}

    def made(function: Callable[..., Any]) -> FunctionTool:
        definition, parameters = _definition(function, name, description)
        definition = _strict_form(definition) if strict else definition
        run = FunctionRun(function, parameters, is_method=_is_method(function), **run_options)
        return FunctionTool.of(msgspec.structs.replace(definition, **own), run)

    return made if function is None else made(function)


def _checked_options(timeout_s: object, parallel: object, retries: object, approve: object) -> dict[str, Any]:
    """The options of runs, by name.

    Raises:
        InvalidConfig: one is invalid; it is named.
    """
    if timeout_s is not None and not (isinstance(timeout_s, int | float) and timeout_s > 0):
        raise InvalidConfig("tool.timeout_s", f"give a number of seconds above 0, or None, not {shown(timeout_s)}")
    if not isinstance(parallel, bool):
        raise InvalidConfig("tool.parallel", f"give True or False, not {shown(parallel)}")
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise InvalidConfig("tool.retries", f"give a number, 0 or more, not {shown(retries)}")
    if approve is not None and approve not in tuple(Approval) and not callable(approve):
        raise InvalidConfig("tool.approve", f"give 'always', 'never', or a function, not {shown(approve)}")
    function = approve if callable(approve) else None
    return {"timeout_s": timeout_s, "parallel": parallel, "retries": retries, "approval": function}


def _own_settings(approve: object, start: object) -> dict[str, Any]:
    """What the definition has of *approval*, which has been checked, and of *start*.

    Raises:
        InvalidConfig: *start* is none of ``ToolStart``.
    """
    if start is not None and start not in tuple(ToolStart):
        raise InvalidConfig("tool.start", f"give 'streaming', 'complete' or None, not {shown(start)}")
    return {
        "approve": Approval.NEVER if callable(approve) else approve,
        "start": None if start is None else ToolStart(cast(str, start)),
    }


def _checked_place(place: object, approve: object) -> dict[str, Any]:
    """Where it runs, as an option of runs.

    Raises:
        InvalidConfig: it is no place; or the tool has a function that can be asked in programs only.
    """
    if place is not None and not isinstance(place, Place):
        raise InvalidConfig("tool.runs", f"give a RayTask or an ActorMethod, or None, not {shown(place)}")
    if place is not None and callable(approve):
        raise InvalidConfig("tool.approve", "give 'always' or 'never': a tool on Ray is not run by a program that asks")
    return {"place": place}


def _definition(function: Callable[..., Any], name: str | None, description: str | None) -> tuple[Tool, Parameters]:
    """The definition of the tool that runs *function*, and its parameters, which turn input into arguments."""
    if isinstance(function, type):
        made = shown(function.__name__, quoted=False)
        raise InvalidConfig("tool", f"give a function, not the class {made}: a method of an instance, for example")
    if isinstance(function, staticmethod | classmethod):
        raise InvalidConfig("tool", "write @staticmethod above @tool, not below it; a class method can't be a tool")
    if not callable(function):
        raise InvalidConfig("tool", f"give a function, not {shown(function)}")
    written = written_function(function)
    name = name or str(getattr(written, "__name__", type(written).__name__))
    told = descriptions(written)
    parameters = parameters_of(function, told.parameters, name, without_first=_is_method(function))
    description = told.function if description is None else description
    return Tool(name=name, description=description, input_schema=parameters.schema), parameters


def _strict_form(definition: Tool) -> Tool:
    """*definition* with the schema in the form to which providers hold a model: closed objects, all of it required.

    Raises:
        InvalidConfig: a parameter has no such form.
    """
    schema, written = definition.input_schema, dict[str, Any]()
    for name, part in schema["properties"].items():
        try:
            told = _with_default(part)
            written[name] = portable_schema({**part, **told, "$defs": schema.get("$defs", {})})
        except NotPortable:
            raise InvalidConfig(
                f"tool.{definition.name}.{name}",
                "a strict tool takes no open objects, tuples, recursive types or values of any type: "
                "give the parameter another type, or leave out strict",
            ) from None
    closed = {"type": "object", "properties": written, "required": list(written), "additionalProperties": False}
    return msgspec.structs.replace(definition, strict=True, input_schema=closed)


def _with_default(part: dict[str, Any]) -> dict[str, str]:
    """The description of *part* with its default, which strict schemas do not have."""
    if "default" not in part:
        return {}
    default = f"default: {msgspec.json.encode(part['default']).decode()}"
    return {"description": "; ".join(filter(None, (part.get("description"), default)))}


def _is_method(function: Callable[..., Any]) -> bool:
    """True if *function* is defined in a class, whose instance is its first argument."""
    owner, _, _ = getattr(function, "__qualname__", "").rpartition(".")
    if not owner or owner.endswith("<locals>") or inspect.ismethod(function):
        return False
    first = next(iter(inspect.signature(function).parameters.values()), None)
    return first is not None and first.name == "self" and first.annotation is inspect.Parameter.empty
