"""What a load server reports of its requests: when each arrived, and when its connection closed before its end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import IO

import msgspec


class Seen(StrEnum):
    """What a load server sees of a request."""

    ARRIVED = "arrived"
    CLOSED = "closed"
    """Its connection was closed before the end of the answer."""


class Report(msgspec.Struct, frozen=True):
    """The request for *tokens* tokens was *seen* at *at*, in seconds of the monotonic clock of this machine."""

    seen: Seen
    tokens: int
    at: float


_decode = msgspec.json.Decoder(Report).decode


class Reports:
    """The reports of load servers. Requests are told apart by their numbers of tokens."""

    def __init__(self) -> None:
        self._times: dict[tuple[Seen, int], asyncio.Queue[float]] = {}

    async def next_time(self, seen: Seen, tokens: int) -> float:
        """When the next request for *tokens* tokens was *seen*, in the order of the reports."""
        return await self._queue(seen, tokens).get()

    @asynccontextmanager
    async def reading(self, server_output: IO[str]) -> AsyncGenerator[None]:
        """Read the reports that a load server prints after its address."""
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), server_output)
        reading = asyncio.create_task(self._read(reader))
        try:
            yield
        finally:
            reading.cancel()
            transport.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            report = _decode(line)
            self._queue(report.seen, report.tokens).put_nowait(report.at)

    def _queue(self, seen: Seen, tokens: int) -> asyncio.Queue[float]:
        return self._times.setdefault((seen, tokens), asyncio.Queue())
