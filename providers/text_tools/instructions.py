"""What the system prompt says about tools: how to use them, and what they are."""

from functools import lru_cache
from typing import Any

import msgspec

from ..schema.content import Text
from ..schema.tools import TextTools, Tool, ToolChoice
from ..wire.cache_points import SystemPrompt
from .examples import example_input
from .parameters import parameter_text
from .tags import CDATA, CDATA_END, PARAMETER, PARAMETER_END, RESULT, USE, USE_END, attribute

_USING = f"""# Tools

You can use the tools below. To use one, write this in your answer, on lines of its own and not in a code block:

<{USE} name="NAME">
<{PARAMETER} name="PARAMETER">VALUE{PARAMETER_END}
{USE_END}

- Write a value that is a string as it is, without quotes, and any other value as JSON. Where a parameter may be \
either, mark JSON: <{PARAMETER} name="PARAMETER" type="json">VALUE{PARAMETER_END}
- Put a value that contains < or & into {CDATA}...{CDATA_END}
- Leave out optional parameters that you don't need.
"""
_RESULTS = {
    "user": f'the results come in the next message, each as <{RESULT} name="NAME">...</{RESULT}>',
    "assistant": f'the results are added to your answer, each as <{RESULT} name="NAME">...</{RESULT}>',
    "inline": f'each result is added after its use, as <{RESULT} name="NAME">...</{RESULT}>',
}


def with_tools(
    system: SystemPrompt, tools: tuple[Tool, ...], text_tools: TextTools, choice: ToolChoice | None
) -> str | tuple[Text, ...]:
    """The prompt *system* with what the model has to know about *tools*, at least one."""
    section = _section(_Key(tools), text_tools, choice or ToolChoice())
    if isinstance(system, str) or not system:
        return f"{system}\n\n{section}" if system else section
    return (*system, Text(section))


def use_text(name: str, input: dict[str, Any], schema: dict[str, Any]) -> str:  # noqa: A002  what it is called
    """A use of the tool *name* with *input*, by the *schema* of its input."""
    parameters = [f"{parameter_text(each, value, schema)}\n" for each, value in input.items()]
    return f"<{USE} name={attribute(name)}>\n{''.join(parameters)}{USE_END}"


class _Key:
    """Some *tools*, compared by identity: a session's are the same in each of its requests."""

    __slots__ = ("tools",)

    def __init__(self, tools: tuple[Tool, ...]) -> None:
        self.tools = tools

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and list(map(id, other.tools)) == list(map(id, self.tools))

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.tools)))


@lru_cache(maxsize=64)
def _section(key: _Key, text_tools: TextTools, choice: ToolChoice) -> str:
    most = 1 if not choice.parallel else text_tools.max_calls
    number = "one tool" if most == 1 else f"up to {most:,} tools"
    parts = [
        f"{_USING}- You may use {number} in an answer. After the last one, end your answer: "
        f"{_RESULTS[text_tools.results]}. Never write a result yourself.",
        *map(_definition, key.tools),
        *_choice(choice),
    ]
    return "\n\n".join(parts)


def _definition(tool: Tool) -> str:
    schema = msgspec.json.encode(tool.input_schema).decode()
    example = use_text(tool.name, example_input(tool.input_schema), tool.input_schema)
    description = f"{tool.description.strip()}\n\n" if tool.description.strip() else ""
    return f"## {tool.name}\n\n{description}JSON Schema of its parameters: {schema}\n\nExample:\n\n{example}"


def _choice(choice: ToolChoice) -> list[str]:
    match choice:
        case ToolChoice(mode="none"):
            return ["Use none of these tools now: answer without them."]
        case ToolChoice(mode="tool", name=name):
            return [f"In your next answer, use the tool {name}, and no other."]
        case ToolChoice(mode=mode, allowed=allowed):
            only = f" Use no others than: {', '.join(allowed)}." if allowed else ""
            if mode == "required":
                return [f"In your next answer, use at least one tool.{only}"]
            return [only.strip()] if only else []
