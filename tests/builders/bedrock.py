"""Bodies of requests to Amazon Bedrock."""

from typing import Any

import msgspec
from builders.messages import HI, user

from rayconteur.providers.bedrock.dialect import Dialect
from rayconteur.providers.bedrock.requests import body
from rayconteur.providers.schema.content import Block
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings

CLAUDE = Dialect("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
NOVA = Dialect("us.amazon.nova-2-lite-v1:0")
LLAMA = Dialect("meta.llama3-2-1b-instruct-v1:0")
PLAIN = Settings(prompt_caching=False)


def request_body(*messages: Message, settings: Settings = PLAIN, dialect: Dialect = CLAUDE) -> dict[str, Any]:
    """The body of a request with *messages*, a greeting by default."""
    request = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(request, dialect), type=dict[str, Any])


def wire_blocks(*content: Block, dialect: Dialect = CLAUDE) -> list[Any]:
    """The *content* of a user message as it is in the body of a request."""
    messages = request_body(user(*content), dialect=dialect)["messages"]
    return [block for message in messages for block in message["content"]]
