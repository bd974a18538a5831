"""CPU time of building a request on a long history, against merely encoding its JSON.

A request is built inside ``Client.stream``, which also sends it. What is no part of building is measured beside it and
subtracted: the fixed cost of a request (the same client, one message) and the sending (a bare POST of the same bytes).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Self

import msgspec

import rayconteur as rc
from rayconteur.errors import ProviderError
from rayconteur.providers import Request, Settings, WireMemo

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, Api
from ..load.process import load_server
from ..load.request import RequestParser
from ..program import Options, run_program
from ..readers.bare_post import BarePost
from ..readers.runtime_client import ClientReader, provider_config
from ..report.rows import Row, Sample, Target
from ..rounds import Measurement, measure_in_rounds
from .histories import chat_history

_TARGET = Target("under", 2)
_APIS = (ANTHROPIC, OPENAI_CHAT, BEDROCK, OPENAI_RESPONSES, GEMINI, COHERE)
_SETTINGS = Settings(system="You are a raven.", max_output_tokens=1)
_CALLS = 10
"""Requests per measurement: one takes a millisecond or two."""

_RESOLUTION_MS = 0.001
"""The least that a difference counts as."""


async def measure(options: Options) -> AsyncIterator[Row]:
    """For each API the next request of a conversation, and the first one of a process on the same history."""
    number = options.scale.pick(1_000, 1_000, 200)
    history = chat_history(number)
    with load_server() as url:
        for api in _APIS:
            async with RequestCost(api, url, history) as cost:
                samples = await measure_in_rounds(options.scale.pick(15, 7, 2), cost.sides())
            encoding = samples["encoding"]
            on = f"on {number:,} messages ({cost.body_bytes / 1_000:,.0f} KB), {api.name}"
            for what, side, target in (
                (f"request {on}", "next", _TARGET),
                (f"the first one of a process {on}", "first", None),
            ):
                row = Row.measured(what, "ms", building_ms(samples, side))
                yield row.beside("msgspec encoding the same JSON", encoding).held_to(target).better_if("less")


class RequestCost:
    """Measures requests to *api* at the load server *url* on *history*; open as an async context manager."""

    def __init__(self, api: Api, url: str, history: list[rc.Message]) -> None:
        self._history = history
        self._api = api
        self._url = url
        self._client = ClientReader(provider_config(api, url))
        self._short_body = self._long_body = b""

    async def __aenter__(self) -> Self:
        self._bare = BarePost(self._url, self._api)
        self._short_body = await _capture_body(self._api, _request(self._history[:1]))
        self._long_body = await _capture_body(self._api, _request(self._history))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self._bare.aclose()

    @property
    def body_bytes(self) -> int:
        """The size of the request on the whole history."""
        return len(self._long_body)

    def sides(self) -> dict[str, Measurement]:
        """The measurements from which ``building_ms`` is calculated, and the encoding of the same JSON."""
        return {
            "next": lambda: self._next_ms(len(self._history)),
            "first": lambda: self._client_ms(self._history),
            "short": lambda: self._client_ms(self._history[:1]),
            "post": lambda: self._post_ms(self._long_body),
            "short post": lambda: self._post_ms(self._short_body),
            "encoding": self._encoding_ms,
        }

    async def next_beyond_short_s(self, messages: int) -> float:
        """The next request of a conversation of *messages* messages, beyond that of one message; sending included."""
        return max(_RESOLUTION_MS, await self._next_ms(messages) - await self._client_ms(self._history[:1])) / 1e3

    async def _next_ms(self, messages: int) -> float:
        """A request of a conversation: the wire forms of all messages but the last two are in its memo."""
        memo = WireMemo()
        begin = messages - 2 * _CALLS
        await self._client.send(_request(self._history[:begin], memo))
        requests = [_request(self._history[: begin + 2 * number], memo) for number in range(1, _CALLS + 1)]
        return await _mean_ms(lambda number: self._client.send(requests[number]))

    async def _client_ms(self, messages: list[rc.Message]) -> float:
        """A request of a new process, whose memo is empty."""
        requests = [_request(messages) for _ in range(_CALLS)]
        return await _mean_ms(lambda number: self._client.send(requests[number]))

    async def _post_ms(self, body: bytes) -> float:
        return await _mean_ms(lambda _: self._bare.send(body))

    async def _encoding_ms(self) -> float:
        plain = msgspec.json.decode(self._long_body)

        async def encode(_: int) -> None:
            msgspec.json.encode(plain)

        return await _mean_ms(encode)


def building_ms(samples: Mapping[str, Sample], side: str) -> Sample:
    """The milliseconds of building the request of *side*, round by round."""
    client = samples[side].minus(samples["short"])
    sending = samples["post"].minus(samples["short post"])
    return Sample.of(max(_RESOLUTION_MS, value) for value in client.minus(sending).values)


def least_building_ms(samples: Mapping[str, Sample], side: str) -> float:
    """The same from the least of all rounds for each measurement: other load only adds to CPU time."""
    return building_ms({name: Sample.of([min(sample.values)]) for name, sample in samples.items()}, side).median


async def _mean_ms(call: Callable[[int], Awaitable[None]]) -> float:
    before_s = time.process_time()
    for number in range(_CALLS):
        await call(number)
    return (time.process_time() - before_s) / _CALLS * 1e3


def _request(messages: list[rc.Message], memo: WireMemo | None = None) -> Request:
    return Request(number=1, messages=messages, settings=_SETTINGS, memo=memo or WireMemo())


async def _capture_body(api: Api, request: Request) -> bytes:
    """The body that the client sends for *request*, to a server that hangs up after reading it."""
    body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = RequestParser()
        while (parsed := parser.next_request()) is None:
            parser.feed(await reader.read(1 << 20))
        body.set_result(parsed[1])
        writer.close()

    async with await asyncio.start_server(receive, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        client = ClientReader(provider_config(api, f"http://{host}:{port}"))
        with suppress(ProviderError):
            await client.send(request)
        await client.aclose()
    return await body


if __name__ == "__main__":
    run_program(measure)
