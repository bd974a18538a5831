"""Chat Completions as tests write them: a stream's chunks, and the messages of a request."""

from typing import Any

import msgspec

from rayconteur.providers.openai.chat.decoder import stream_decoder
from rayconteur.providers.openai.chat.requests import body
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.schema.content import Block, Text
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings

DONE = "[DONE]"
HI = Text("Hello, raven!")
PLAIN = Settings()
DIALECT = Dialect("raven", "gpt-x")


def chunk(delta: str = "{}", reason: str = "null") -> str:
    """A chunk with *delta* and the *reason* for stopping."""
    return f'{{"id":"c1","model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}'


def calls(*tool_calls: str) -> str:
    """A chunk with *tool_calls*."""
    return chunk(f'{{"tool_calls":[{",".join(tool_calls)}]}}')


def read(*data: str, number: int = 7) -> list[Delta]:
    """What a stream of *data* brings, the answer to request *number*."""
    decoder = stream_decoder("raven", number)
    return decoder.feed("".join(f"data: {one}\n\n" for one in data).encode()) + decoder.finish()


def said(*data: str) -> list[Delta]:
    """What *data* bring between the start of an answer and its end."""
    return read(*data, DONE)[1:-1]


def user(*content: Block) -> Message:
    """What the user says."""
    return Message(role=Role.USER, content=content, turn=1)


def assistant(*content: Block) -> Message:
    """What the model says."""
    return Message(role=Role.ASSISTANT, content=content, turn=1)


def sent(
    *messages: Message, settings: Settings = PLAIN, streaming: bool = True, dialect: Dialect = DIALECT
) -> dict[str, Any]:
    """The body of a request with *messages*."""
    asked = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(asked, dialect, streaming), type=dict[str, Any])


def messages(*given: Message) -> list[Any]:
    """*given* on the wire."""
    return list(sent(*given)["messages"])
