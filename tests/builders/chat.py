"""Chat Completions: chunks of a stream and what they decode to, and bodies of requests."""

from typing import Any

import msgspec
from builders.messages import HI, user

from rayconteur.providers.openai.chat.decoder import answer_decoder
from rayconteur.providers.openai.chat.requests import body
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings

DONE = "[DONE]"
PLAIN = Settings()
DIALECT = Dialect("raven", "gpt-x")


def chunk(delta: str = "{}", reason: str = "null") -> str:
    """A chunk with *delta* and the finish *reason*."""
    return f'{{"id":"c1","model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}'


def calls_chunk(*tool_calls: str) -> str:
    """A chunk with *tool_calls*."""
    return chunk(f'{{"tool_calls":[{",".join(tool_calls)}]}}')


def decode_stream(*data: str, number: int = 7) -> list[Delta]:
    """The deltas of a stream of the events *data*, the answer to request *number*."""
    decoder = answer_decoder("raven", number)
    return decoder.feed("".join(f"data: {event}\n\n" for event in data).encode()) + decoder.finish()


def content_deltas(*data: str) -> list[Delta]:
    """The deltas of *data* between the start of an answer and its end."""
    return decode_stream(*data, DONE)[1:-1]


def request_body(
    *messages: Message, settings: Settings = PLAIN, streaming: bool = True, dialect: Dialect = DIALECT
) -> dict[str, Any]:
    """The body of a request with *messages*, a greeting by default."""
    request = Request(1, messages or (user(HI),), settings)
    return msgspec.json.decode(body(request, dialect, streaming), type=dict[str, Any])


def wire_messages(*messages: Message) -> list[Any]:
    """*messages* as they are in the body of a request."""
    return list(request_body(*messages)["messages"])
