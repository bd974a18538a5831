"""What a session answers itself: the uses of built-in tools."""

from typing import TypeVar

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import ToolUse
from ....providers.schema.tools import BuiltIn, Tool
from ...api import events as out
from ...api.config import SessionConfig
from ...api.tools.builtins import QuestionInput
from ..turn import Turn
from .batch import ToolBatch
from .search import ToolIndex

T = TypeVar("T")

_NAMES, _LINE_CHARACTERS, _BREAK = 50, 300, "\n"
"""A search without success names so many tools. Of the description of one that is found, it shows the first line."""


class InvalidInput(Exception):
    """The input that the model wrote does not fit the schema of a built-in tool."""


def builtin_uses(uses: tuple[ToolUse, ...], config: SessionConfig) -> dict[str, BuiltIn]:
    """Which of *uses*, by id, are those of built-in tools in *config*."""
    builtins: dict[str, BuiltIn] = {
        tool.name: tool.builtin for tool in config.tools if isinstance(tool, Tool) and tool.builtin
    }
    return {use.id: builtins[use.name] for use in uses if use.name in builtins} if builtins else {}


def ask_questions(turn: Turn, batch: ToolBatch, uses: dict[str, BuiltIn]) -> tuple[ToolBatch, list[out.FromLLM]]:
    """*batch* with its questions to the user, those of *uses*, and their events. Invalid ones get an error result."""
    events: list[out.FromLLM] = []
    for use in batch.open:
        if uses.get(use.id) != "ask_user":
            continue
        try:
            asked = input_of(use, QuestionInput)
        except InvalidInput as error:
            batch = batch.with_errors((use,), str(error))
            continue
        batch = batch.with_question(use.id)
        events += (
            out.ToolStarted(turn=turn.number, tool_use_id=use.id, name=use.name),
            out.QuestionAsked(
                turn=turn.number,
                tool_use_id=use.id,
                question=asked.question,
                choices=asked.choices or (),
                step=turn.steps,
            ),
        )
    return batch, events


def found_tools(query: str, deferred: ToolIndex) -> tuple[list[str], str]:
    """The names of those of *deferred* that fit *query*, and what the model is told of them."""
    found = deferred.search(query)
    if not found:
        names = ", ".join(tool.name for tool in deferred.tools[:_NAMES])
        return [], f"No tool fits these words. Some of the tools: {names}"
    lines = (f"- {tool.name}: {tool.description.strip().partition(_BREAK)[0]}"[:_LINE_CHARACTERS] for tool in found)
    return [tool.name for tool in found], "\n".join(("These tools can be used from now on:", *lines))


def input_of(use: ToolUse, kind: type[T]) -> T:
    """The input of *use*.

    Raises:
        InvalidInput: it does not fit *kind*.
    """
    try:
        return msgspec.convert(use.input, kind)
    except msgspec.ValidationError as error:
        problem = shown(str(error), quoted=False)
        raise InvalidInput(f"The input does not fit the schema of the tool: {problem}. Nothing was run.") from None
