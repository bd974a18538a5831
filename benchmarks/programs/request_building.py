"""CPU time of building a request on a long history, against merely encoding its JSON.

A request is built inside ``Client.stream``: measured is the CPU time until the client first waits, beyond that of a
request with one message, and for Bedrock beyond the hash of the body that its signature includes.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
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
from ..readers.runtime_client import ClientReader, provider_config
from ..report.rows import Row, Sample, Target
from ..rounds import Measurement, measure_in_rounds
from .histories import chat_history

_TARGET = Target("under", 2)
_APIS = (ANTHROPIC, OPENAI_CHAT, BEDROCK, OPENAI_RESPONSES, GEMINI, COHERE)
_SETTINGS = Settings(system="You are a raven.", max_output_tokens=1)
_CALLS = 30
"""Requests per measurement, of which the least counts."""

_RESOLUTION_MS = 0.001
"""The least that a difference counts as."""


async def measure(options: Options) -> AsyncIterator[Row]:
    """For each API the next request of a conversation, and the first one of a process on the same history."""
    number = options.scale.pick(1_000, 1_000, 200)
    history = chat_history(number)
    with load_server() as url:
        for api in _APIS:
            async with RequestCost(api, url, history) as cost:
                samples = await measure_in_rounds(options.scale.pick(5, 3, 2), cost.sides())
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
        self._client = ClientReader(provider_config(api, url))
        self._body = b""

    async def __aenter__(self) -> Self:
        self._body = await _capture_body(self._api, _request(self._history))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    @property
    def body_bytes(self) -> int:
        """The size of the request on the whole history."""
        return len(self._body)

    def sides(self) -> dict[str, Measurement]:
        """The measurements from which ``building_ms`` is calculated, and the encoding of the same JSON."""
        return {
            "next": lambda: self._next_ms(len(self._history)),
            "first": lambda: self._client_ms(self._history),
            "short": lambda: self._client_ms(self._history[:1]),
            "hash": self._hash_ms,
            "encoding": self._encoding_ms,
        }

    async def next_request_s(self, messages: int) -> float:
        """The whole CPU time until the client first waits, for the next request of a conversation of *messages*."""
        return await self._next_ms(messages) / 1e3

    async def _next_ms(self, messages: int) -> float:
        """A request of a conversation: the wire forms of all messages but the last two are in its memo."""
        memo = WireMemo()
        begin = messages - 2 * _CALLS
        requests = [_request(self._history[: begin + 2 * number], memo) for number in range(_CALLS + 1)]
        _, *spent_s = [await self._client.building_s(request) for request in requests]
        return min(spent_s) * 1e3

    async def _client_ms(self, messages: list[rc.Message]) -> float:
        """A request of a new process, whose memo is empty."""
        return min([await self._client.building_s(_request(messages)) for _ in range(_CALLS)]) * 1e3

    async def _hash_ms(self) -> float:
        return _least_ms(lambda: hashlib.sha256(self._body)) if self._api == BEDROCK else 0.0

    async def _encoding_ms(self) -> float:
        plain = msgspec.json.decode(self._body)
        return _least_ms(lambda: msgspec.json.encode(plain))


def building_ms(samples: Mapping[str, Sample], side: str) -> Sample:
    """The milliseconds of building the request of *side*, round by round."""
    building = samples[side].minus(samples["short"]).minus(samples["hash"])
    return Sample.of(max(_RESOLUTION_MS, value) for value in building.values)


def least_building_ms(samples: Mapping[str, Sample], side: str) -> float:
    """The same from the least of all rounds for each measurement: other load only adds to CPU time."""
    return building_ms({name: Sample.of([min(sample.values)]) for name, sample in samples.items()}, side).median


def _least_ms(call: Callable[[], object]) -> float:
    spent_s: list[float] = []
    for _ in range(_CALLS):
        before_s = time.process_time()
        call()
        spent_s.append(time.process_time() - before_s)
    return min(spent_s) * 1e3


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
            await client.building_s(request)
        await client.aclose()
    return await body


if __name__ == "__main__":
    run_program(measure)
