"""The tools that a session answers itself, and the inputs that they take."""

import msgspec

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


class QuestionInput(msgspec.Struct, frozen=True):
    """The input of ``ASK_USER``."""

    question: str
    choices: tuple[str, ...] | None = None
