"""Cohere's v2 chat as tests write it: a stream's events, and the messages of a request."""

from typing import Any

import msgspec

from rayconteur.providers.cohere.decoder import stream_decoder
from rayconteur.providers.cohere.requests import Dialect, body
from rayconteur.providers.schema.content import Block, Text
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings

HI = Text("Hello, raven!")
PLAIN = Settings()
DIALECT = Dialect("command-x", ModelFacts())
START = '{"id":"c1","type":"message-start"}'


def content(text: str, index: int = 0, kind: str = "delta") -> str:
    """A piece of content: the members that *text* is."""
    return f'{{"type":"content-{kind}","index":{index},"delta":{{"message":{{"content":{text}}}}}}}'


def call(given: str, index: int = 0, kind: str = "start") -> str:
    """A piece of a tool call: the members that *given* is."""
    return f'{{"type":"tool-call-{kind}","index":{index},"delta":{{"message":{{"tool_calls":{given}}}}}}}'


def cited(given: str) -> str:
    """A citation: the members that *given* is."""
    return f'{{"type":"citation-start","index":0,"delta":{{"message":{{"citations":{given}}}}}}}'


def end(reason: str = "COMPLETE", more: str = "") -> str:
    """The end, for *reason*, with whatever *more*."""
    return f'{{"type":"message-end","delta":{{"finish_reason":"{reason}"{more}}}}}'


def read(*data: str) -> list[Delta]:
    """What a stream of *data* brings."""
    decoder = stream_decoder("command-x")
    return decoder.feed("".join(f"data: {one}\n\n" for one in data).encode()) + decoder.finish()


def said(*data: str) -> list[Delta]:
    """What *data* bring between the start of an answer and its end."""
    return read(START, *data, end())[1:-1]


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
