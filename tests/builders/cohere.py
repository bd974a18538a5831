"""Cohere's v2 chat: events of a stream and what they decode to, and bodies of requests."""

from typing import Any

import msgspec
from builders.messages import HI, user

from rayconteur.providers.cohere.decoder import answer_decoder
from rayconteur.providers.cohere.requests import body
from rayconteur.providers.cohere.rules import Dialect
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings

PLAIN = Settings()
DIALECT = Dialect("command-x", ModelFacts())
START = '{"id":"c1","type":"message-start"}'


def content_event(piece: str, index: int = 0, kind: str = "delta") -> str:
    """An event of content *index*: its start or, by default, a piece of it."""
    return f'{{"type":"content-{kind}","index":{index},"delta":{{"message":{{"content":{piece}}}}}}}'


def call_event(piece: str, index: int = 0, kind: str = "start") -> str:
    """An event of tool call *index*: its start or a piece of it."""
    return f'{{"type":"tool-call-{kind}","index":{index},"delta":{{"message":{{"tool_calls":{piece}}}}}}}'


def citation_event(citation: str) -> str:
    """An event with *citation*."""
    return f'{{"type":"citation-start","index":0,"delta":{{"message":{{"citations":{citation}}}}}}}'


def end_event(reason: str = "COMPLETE", more: str = "") -> str:
    """The last event, with the finish *reason* and *more* members."""
    return f'{{"type":"message-end","delta":{{"finish_reason":"{reason}"{more}}}}}'


def decode_stream(*data: str) -> list[Delta]:
    """The deltas of a stream of the events *data*."""
    decoder = answer_decoder("command-x")
    return decoder.feed("".join(f"data: {event}\n\n" for event in data).encode()) + decoder.finish()


def content_deltas(*data: str) -> list[Delta]:
    """The deltas of *data* between the start of an answer and its end."""
    return decode_stream(START, *data, end_event())[1:-1]


def request_body(
    *messages: Message, settings: Settings = PLAIN, streaming: bool = True, dialect: Dialect = DIALECT
) -> dict[str, Any]:
    """The body of a request with *messages*, a greeting by default."""
    request = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(request, dialect, streaming), type=dict[str, Any])


def wire_messages(*messages: Message) -> list[Any]:
    """*messages* as they are in the body of a request."""
    return list(request_body(*messages)["messages"])
