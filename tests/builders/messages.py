"""Messages of a history."""

from rayconteur.providers.schema.content import Block, Text
from rayconteur.providers.schema.messages import Message, Role

HI = Text("Hello, raven!")


def user(*content: Block, turn: int = 1) -> Message:
    """A user message."""
    return Message(role=Role.USER, content=content, turn=turn)


def assistant(*content: Block, turn: int = 1) -> Message:
    """An assistant message."""
    return Message(role=Role.ASSISTANT, content=content, turn=turn)
