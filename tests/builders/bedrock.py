"""Short words for tests of requests to Bedrock."""

from typing import Any

import msgspec

from rayconteur.providers.bedrock.requests import Dialect, body
from rayconteur.providers.schema.content import Block, Text
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings

HI = Text("Hello, raven!")
CLAUDE = Dialect("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
NOVA = Dialect("us.amazon.nova-2-lite-v1:0")
LLAMA = Dialect("meta.llama3-2-1b-instruct-v1:0")
PLAIN = Settings(prompt_caching=False)


def user(*content: Block, turn: int = 1) -> Message:
    """A user's message."""
    return Message(role=Role.USER, content=content, turn=turn)


def assistant(*content: Block, turn: int = 1) -> Message:
    """A model's message."""
    return Message(role=Role.ASSISTANT, content=content, turn=turn)


def sent(*messages: Message, settings: Settings = PLAIN, dialect: Dialect = CLAUDE) -> dict[str, Any]:
    """A request on the wire, "Hello, raven!" if there are no *messages*."""
    return msgspec.json.decode(body(Request(1, messages or (user(HI),), settings), dialect), type=dict[str, Any])


def blocks(*content: Block, dialect: Dialect = CLAUDE) -> list[Any]:
    """A user's *content* on the wire."""
    return [block for message in sent(user(*content), dialect=dialect)["messages"] for block in message["content"]]
