"""The tools that a session answers itself, and the inputs that they take."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ....compaction.placeholders import READ_RESULT_NAME
from ....providers.schema.tools import Tool

ASK_USER = Tool(
    name="ask_user",
    description=(
        "Ask the user a question, and wait for the answer. "
        "Use it only for what you need to go on and can't find out in another way."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "question": {"type": "string", "description": "The question."},
            "choices": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Answers to choose from, if there are some. The user may give another one.",
            },
        },
        "required": ["question"],
    },
    builtin="ask_user",
)
"""In the ``tools`` of a session, it lets the model ask the user: ``QuestionAsked``, answered by ``AnswerQuestion``."""


READ_RESULT = Tool(
    name=READ_RESULT_NAME,
    description=(
        "Read the result of a tool that was cut off or left out, or find the places in it that have a certain text."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "The id of the result, as the note in its place says."},
            "offset": {"type": "integer", "minimum": 0, "description": "The character to start from; 0 is the first."},
            "search": {"type": "string", "description": "Show the places that have exactly this text, instead."},
        },
        "required": ["id"],
    },
    builtin="read_result",
)
"""Lets the model read on in results that were cut, or left out by a compaction: a session offers it by itself then."""

READ_MESSAGES = Tool(
    name="read_messages",
    description=(
        "Read earlier messages of this conversation that were left out to save room: a note or a summary stands in "
        "their place. Without input, it shows how the turns begin that were left out."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "turn": {"type": "integer", "minimum": 1, "description": "The number of the turn to read."},
            "offset": {"type": "integer", "minimum": 0, "description": "The character to start from; 0 is the first."},
            "search": {"type": "string", "description": "Show the places that have exactly this text, instead."},
        },
    },
    builtin="read_messages",
)
"""In the ``tools`` of a session, it lets the model read again what compactions have left out of the history."""

SEARCH_TOOLS = Tool(
    name="search_tools",
    description=(
        "Find more tools: you are shown only some of those that there are. Use it when none of them does what is "
        "needed. The tools that are found can be used from then on."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "Words for what the tool should do, or the name of a tool."}
        },
        "required": ["query"],
    },
    builtin="search_tools",
)
"""Finds tools whose definitions are deferred. A session offers it by itself when it defers some."""

RESERVED_NAMES = (READ_RESULT.name, SEARCH_TOOLS.name)
"""The names of tools that a session may add to those of its settings."""


class QuestionInput(msgspec.Struct, frozen=True):
    """The input of ``ASK_USER``."""

    question: str
    choices: tuple[str, ...] | None = None


class ReadInput(msgspec.Struct, frozen=True):
    """The input of ``READ_RESULT``."""

    id: str
    offset: Annotated[int, Meta(ge=0)] = 0
    search: str | None = None


class MessagesInput(msgspec.Struct, frozen=True):
    """The input of ``READ_MESSAGES``."""

    turn: Annotated[int, Meta(ge=1)] | None = None
    offset: Annotated[int, Meta(ge=0)] = 0
    search: str | None = None


class SearchInput(msgspec.Struct, frozen=True):
    """The input of ``SEARCH_TOOLS``."""

    query: str
