"""Tool definitions."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from .checks.field_checks import check_fields
from .checks.shown import short_repr, shown
from .errors import InvalidConfig

ToolProtocol = Literal["auto", "native", "text"]
"""How a model uses tools: through its API, or in the text of its answer; ``auto`` is the latter if it has no tools."""


class _AnyTool(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True
):
    """A tool that the model may use."""

    __repr__ = short_repr


def is_object(schema: dict[str, Any]) -> bool:
    """True if *schema* allows objects. Google also writes this type as ``OBJECT``, or as its number."""
    kind: object = schema.get("type", "object")
    kinds = cast(list[object], kind) if isinstance(kind, list) else [kind]
    return any(isinstance(kind, int) or str(kind).lower() == "object" for kind in kinds)


class Approval(StrEnum):
    """Whether tool uses wait until somebody has approved them."""

    NEVER = "never"
    ALWAYS = "always"


class ToolStart(StrEnum):
    """When the tools of an answer start."""

    COMPLETE = "complete"
    """When the answer is complete."""
    STREAMING = "streaming"
    """Each as soon as its own input is complete, while the model goes on writing."""


BuiltIn = Literal["ask_user", "read_result", "read_messages", "search_tools"]
"""The tools that sessions answer themselves."""


class Tool(_AnyTool, frozen=True):
    """A tool that the program runs. *input_schema* is the JSON Schema of its input, an object.

    With *strict*, the provider guarantees input that matches the schema, and rejects schemas for which it can't.
    A *deferred* tool is not shown to the model before a tool search has found it. *approve* is whether its uses wait
    for approval, *start* when they run; ``None`` leaves it to the session's settings. With *ends_turn*, the turn ends
    when the tool has a result that is no error: the model does not get it before the next turn. None of these three is
    sent to the provider.

    *shipped* is how the session itself runs the tool, in a form of its own: ``rayconteur.tool(runs=...)`` leads to it.
    *builtin* names a tool that the session answers itself, such as ``rayconteur.runtime.ASK_USER``. Leave both out. No
    provider gets them.
    """

    name: str
    description: str = ""
    input_schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool = False
    deferred: bool = False
    approve: Approval | None = None
    start: ToolStart | None = None
    ends_turn: bool = False
    shipped: bytes | None = None
    builtin: BuiltIn | None = None

    def __post_init__(self) -> None:
        if callable(self.approve):
            raise InvalidConfig(
                "tool.approve", "a function decides for a rayconteur.tool, or for all tools as SessionConfig.approve"
            )
        check_fields(self, "tool")
        if not self.name:
            raise InvalidConfig("tool.name", "give the tool a name")
        if self.builtin and self.name != self.builtin:
            raise InvalidConfig("tool.name", f"the built-in tool {self.builtin} keeps its name")
        if not is_object(self.input_schema):
            raise InvalidConfig(
                "tool.input_schema",
                f"the input of {shown(self.name)} must be an object: give a schema of type 'object'",
            )


class TextTools(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How tools are used in the text of an answer, by a model that has none.

    An answer has at most *max_calls* tool uses: what it says after the last of them is not read. *results* is where
    the model finds their results: in the next message (``user``), at the end of its answer (``assistant``), or each
    after its use (``inline``).
    """

    __repr__ = short_repr

    max_calls: Annotated[int, Meta(gt=0)] = 10
    results: Literal["user", "assistant", "inline"] = "user"

    def __post_init__(self) -> None:
        check_fields(self, "text_tools")


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The tool names that an API takes: those for which *fits* is true. *form* describes them in an error message."""

    fits: Callable[[str], bool]
    form: str


class ProviderTool(_AnyTool, frozen=True):
    """A tool that only *provider* knows, such as its web search: *definition* is sent to it as it is.

    Other providers reject it. Tools that the provider runs itself leave opaque blocks and citations in the answer.

    Raises:
        InvalidConfig: *definition* is empty.
    """

    provider: str
    definition: dict[str, Any]

    def __post_init__(self) -> None:
        check_fields(self, "tool")
        if not self.definition:
            raise InvalidConfig(
                "tool.definition", "ProviderTool takes the definition that the provider documents, not an empty one"
            )

    @property
    def name(self) -> str:
        """The name of the tool, or its type where the definition has no name."""
        return str(self.definition.get("name") or self.definition.get("type") or next(iter(self.definition)))


class ToolChoice(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Whether the model may, must or must not use tools.

    ``auto``: the model decides; ``required``: at least one; ``none``: none; ``tool``: the one called *name*;
    ``validated``: the model decides, and its input is held to the schemas. *allowed* limits the choice to some of the
    tools, while all definitions stay in the prompt and its cache. With *parallel* off, it uses one tool at a time.

    Raises:
        InvalidConfig: *name* is given without ``tool``, ``tool`` without *name*, or *allowed* with a mode that leaves
            no choice.
    """

    __repr__ = short_repr

    mode: Literal["auto", "required", "none", "tool", "validated"] = "auto"
    name: str | None = None
    parallel: bool = True
    allowed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, "tool_choice")
        if (self.mode == "tool") != (self.name is not None):
            raise InvalidConfig("tool_choice.name", "ToolChoice takes a name with the mode 'tool', and only with it")
        if self.allowed and self.mode in ("none", "tool"):
            raise InvalidConfig(
                "tool_choice.allowed",
                "ToolChoice takes allowed tools with the modes 'auto', 'required' and 'validated'",
            )
