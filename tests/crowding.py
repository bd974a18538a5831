"""What tests ask of a crowd, and the provider that they have it ask."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.request import Request, urlopen

import pytest
from loopback import Exchange, Loopback, Received, answers, begins

from rayconteur.benchmarks.crowds.crowd import Crowd, Site
from rayconteur.benchmarks.crowds.open import open_crowd
from rayconteur.benchmarks.load.answers import ANTHROPIC

TOKENS = 150
HEAD = b"""\
event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],\
"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Nevermore, \\u00e9"}}

"""
TAIL = b"""\
event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" it\\nsaid."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}

event: message_stop
data: {"type":"message_stop"}

"""
SAID = ["Nevermore, é", " it\nsaid."]


def text_of_the_load_server(url: str) -> str:
    """All the text of its answer, read a line at a time."""
    body = json.dumps({"max_tokens": TOKENS, "messages": []}).encode()
    with urlopen(Request(f"{url}/v1/messages", body)) as answer:
        events = [json.loads(line.removeprefix(b"data: ")) for line in answer if line.startswith(b"data: ")]
    return "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")


@asynccontextmanager
async def opened(name: str, site: Site, sessions: int) -> AsyncGenerator[Crowd]:
    """The crowd of that name, with so many sessions; closed at the end."""
    crowd = open_crowd(name, site)
    try:
        await crowd.open(sessions)
        yield crowd
    finally:
        await crowd.close()


Contract = Callable[[Crowd, Loopback], Awaitable[None]]


async def keeps(name: str, *contracts: Contract, address: str | None = None) -> None:
    """The crowd of that name, with two sessions, keeps *contracts*, with a provider that answers as each says."""
    async with Loopback(complete) as server, opened(name, Site(server.url, TOKENS, address), 2) as crowd:
        for contract in contracts:
            await contract(crowd, server)


async def hear(crowd: Crowd, session: int) -> list[str]:
    """The pieces of one answer."""
    pieces: list[str] = []
    await crowd.ask(session, pieces.append)
    return pieces


def asked(request: Received) -> list[tuple[str, str]]:
    """Who said what in a request, where a message's text may stand alone or in a block."""
    return [(message["role"], _text(message["content"])) for message in json.loads(request.body)["messages"]]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


async def complete(exchange: Exchange) -> None:
    """Answer as a provider does."""
    await exchange.answer(HEAD + TAIL)


async def hears_all_of_each_answer(name: str, url: str, address: str | None = None) -> None:
    """Three sessions, each asked twice, all at once."""
    expected = text_of_the_load_server(url)

    async with opened(name, Site(url, TOKENS, address), 3) as crowd:
        for _ in range(2):
            heard = await asyncio.gather(*(hear(crowd, session) for session in range(3)))
            assert ["".join(pieces) for pieces in heard] == [expected] * 3


async def remembers(crowd: Crowd, server: Loopback) -> None:
    """What was said goes out with the next question, unless it is to be forgotten, or all begins anew."""
    server.respond = complete
    first = [("user", "Hi")]
    second = [*first, ("assistant", "".join(SAID)), *first]

    for session in (0, 0, 1):
        assert await hear(crowd, session) == SAID
    await crowd.forget(0)
    await hear(crowd, 0)
    await hear(crowd, 1)
    await crowd.open(2)
    await hear(crowd, 1)

    assert [asked(request) for request in server.received] == [first, second, first, first, second, first]
    for request in server.received:
        body = json.loads(request.body)
        assert (body["model"], body["max_tokens"], body["stream"]) == (ANTHROPIC.model, TOKENS, True)


async def raises_what_goes_wrong(crowd: Crowd, server: Loopback) -> None:
    """At once, after one request."""
    refusal = b'{"type":"error","error":{"type":"overloaded_error","message":"full"}}'
    server.respond = answers(refusal, 529, content_type="application/json")
    before = len(server.received)

    with pytest.raises(Exception, match=r"529|full"):
        await hear(crowd, 0)

    assert len(server.received) == before + 1


async def can_be_broken_off(crowd: Crowd, server: Loopback) -> None:
    """A cancelled answer is heard no more, and the session begins anew. Another is left under way."""
    for _ in range(2):
        server.respond = begins(HEAD, Exchange.hang)
        assert await _broken_off(crowd) == SAID[:1]

        server.respond = complete
        await crowd.forget(0)
        assert await hear(crowd, 0) == SAID
    assert asked(server.received[-1]) == [("user", "Hi")]

    server.respond = begins(HEAD, Exchange.hang)
    assert await _broken_off(crowd) == SAID[:1]


async def _broken_off(crowd: Crowd) -> list[str]:
    heard: list[str] = []
    begun = asyncio.Event()

    def note(text: str) -> None:
        heard.append(text)
        begun.set()

    asking = asyncio.create_task(crowd.ask(0, note))
    await begun.wait()
    asking.cancel()
    await asyncio.wait((asking,))
    assert asking.cancelled()
    return heard
