"""The sink: connections that ask the load server again and again, and do not look at what comes."""

import asyncio
from typing import cast
from urllib.parse import urlsplit

import msgspec

from .answers import ANTHROPIC, answer_bytes

_ROOM_BYTES = 1 << 18
_TOGETHER = 100
"""So many connections are opened at a time: more than can wait to be accepted are not."""


class _Tally:
    """The bytes that came. The room that they are read into is everybody's: nobody looks at it."""

    def __init__(self) -> None:
        self.bytes = 0
        self.room = memoryview(bytearray(_ROOM_BYTES))


class _Mouth(asyncio.BufferedProtocol):
    def __init__(self, tally: _Tally, request: bytes, answer: int) -> None:
        self._tally = tally
        self._request = request
        self._answer = answer
        self._to_come = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.WriteTransport, transport).write  # uvloop's are none by their class
        self._write(self._request)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._tally.room

    def buffer_updated(self, nbytes: int) -> None:
        self._tally.bytes += nbytes
        self._to_come -= nbytes
        if self._to_come <= 0:
            self._to_come += self._answer
            self._write(self._request)


class Sink:
    """So many *connections* to the load server at *url*. Each asks for *tokens*, and again as soon as it has them."""

    def __init__(self, url: str, connections: int, tokens: int) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 0
        self._connections = connections
        self._tokens = tokens
        self._tally = _Tally()
        self._transports: list[asyncio.BaseTransport] = []
        self._answer = answer_bytes(ANTHROPIC, tokens)

    async def open(self) -> None:
        """Connect and ask. Comes back when all have asked."""
        body = msgspec.json.encode({"max_tokens": self._tokens, "stream": True, "messages": []})
        head = f"POST {ANTHROPIC.path} HTTP/1.1\r\nhost: {self._host}\r\ncontent-length: {len(body)}\r\n\r\n"
        request = head.encode() + body
        loop = asyncio.get_running_loop()

        async def connect() -> None:
            transport, _ = await loop.create_connection(
                lambda: _Mouth(self._tally, request, self._answer), self._host, self._port
            )
            self._transports.append(transport)

        while (missing := self._connections - len(self._transports)) > 0:
            await asyncio.gather(*(connect() for _ in range(min(missing, _TOGETHER))))

    def tokens(self) -> float:
        """How many have come so far: what came, measured in answers."""
        return self._tally.bytes / self._answer * self._tokens

    def close(self) -> None:
        """Hang up on the server."""
        for transport in self._transports:
            transport.close()
