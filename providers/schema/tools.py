"""Tool definitions."""

from typing import Any, Literal

import msgspec


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model may use. *input_schema* is the JSON Schema of its input, an object."""

    name: str
    description: str = ""
    input_schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the model may, must or must not use tools.

    ``auto``: the model decides; ``required``: at least one; ``none``: none; ``tool``: the one called *name*.
    With *parallel* off, it uses one tool at a time.

    Raises:
        ValueError: *name* is given without ``tool``, or ``tool`` without *name*.
    """

    mode: Literal["auto", "required", "none", "tool"] = "auto"
    name: str | None = None
    parallel: bool = True

    def __post_init__(self) -> None:
        if (self.mode == "tool") != (self.name is not None):
            raise ValueError("ToolChoice takes a name with the mode 'tool', and only with it")
