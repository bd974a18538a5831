"""Tools that are functions: their definitions for the model, with the function beside them in this process."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from types import MethodType
from typing import Any, Self, cast

import msgspec

from ....providers.schema.checks.field_checks import check_value
from ....providers.schema.checks.shown import shown
from ....providers.schema.content import ToolUse
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.tools import ProviderTool, Tool
from .places import Place

NeedsApproval = Callable[[ToolUse], Awaitable[bool] | bool]
"""Tells whether a tool use needs approval. It may be async."""


@dataclass(frozen=True, slots=True)
class FunctionRun:
    """How a tool's *function* is run.

    *arguments* turns the input that the model wrote into the function's keyword arguments, and raises
    ``msgspec.ValidationError`` for input that does not fit. A run takes at most *timeout_s*; ``None`` is no limit.
    One that fails is repeated up to *retries* times. Tools that are not *parallel* run alone. *approval* tells whether
    a use needs approval. *place* is where on Ray it is run; by default, that is in this process. *is_method*: the
    function still needs the instance that it belongs to.
    """

    function: Callable[..., Any]
    arguments: Callable[[dict[str, Any]], dict[str, Any]]
    timeout_s: float | None
    parallel: bool
    retries: int = 0
    approval: NeedsApproval | None = None
    place: Place | None = None
    is_method: bool = False


class FunctionTool(Tool, frozen=True, gc=True, dict=True, tag="tool"):
    """A tool that is a function: ``rayconteur.tool`` makes it. It can be called as the function can.

    The function stays in this process; elsewhere the tool is a ``Tool``.
    """

    @classmethod
    def of(cls, definition: Tool, run: FunctionRun) -> Self:
        """The tool with *definition* that *run* runs."""
        made = cls(**msgspec.structs.asdict(definition))
        attributes = vars(made)
        attributes["_run"], attributes["__doc__"] = run, run.function.__doc__
        attributes["__wrapped__"] = run.function
        return made

    @property
    def run(self) -> FunctionRun:
        """How the function is run."""
        run: FunctionRun = self.__dict__["_run"]
        return run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.run.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Self:
        """The tool of one *instance*, if the function is a method."""
        if instance is None or not self.run.is_method:
            return self
        bound = MethodType(self.run.function, instance)
        return type(self).of(self, replace(self.run, function=bound, is_method=False))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (_definition, (msgspec.structs.asdict(self),))


def check_tools(tools: object, name: str) -> None:
    """Check the *tools* of settings; *name* is what errors call them.

    Raises:
        InvalidConfig: one is no tool.
    """
    if tools is msgspec.UNSET:
        return
    if isinstance(tools, list | tuple):
        tools = [_checked_tool(tool, f"{name}[{index}]") for index, tool in enumerate(cast("Sequence[object]", tools))]
    check_value(tools, tuple[Tool | ProviderTool, ...], name)


def check_function(tool: FunctionTool, name: str) -> None:
    """Raises:
    InvalidConfig: *tool*, which errors call *name*, has no function that can be called.
    """
    if "_run" not in vars(tool):
        raise InvalidConfig(name, "a changed copy has no function: write rayconteur.tool(name=...)(function)")
    if tool.run.is_method:
        raise InvalidConfig(name, f"{tool.name} is a method: give that of an instance")


def _checked_tool(tool: object, name: str) -> object:
    if isinstance(tool, FunctionTool):
        check_function(tool, name)
        return _definition(msgspec.structs.asdict(tool))
    if callable(tool):
        called = shown(getattr(tool, "__name__", "it"), quoted=False)
        raise InvalidConfig(name, f"a function needs its schema: write @rayconteur.tool above {called}")
    return tool


def _definition(fields: dict[str, Any]) -> Tool:
    return Tool(**fields)
