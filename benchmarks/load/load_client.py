"""A load client: connections that request answers continuously, and only count the bytes that come."""

import asyncio
from typing import cast
from urllib.parse import urlsplit

import msgspec

from .answers import ANTHROPIC, answer_bytes

_BUFFER_BYTES = 1 << 18
_CONNECTS_AT_ONCE = 100
"""More than fit into the server's backlog would be refused."""


class _Received:
    """The number of bytes received, and the buffer that all connections share: nobody reads it."""

    def __init__(self) -> None:
        self.bytes = 0
        self.buffer = memoryview(bytearray(_BUFFER_BYTES))


class _Connection(asyncio.BufferedProtocol):
    def __init__(self, received: _Received, request: bytes, answer_bytes: int) -> None:
        self._received = received
        self._request = request
        self._answer_bytes = answer_bytes
        self._missing = answer_bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.WriteTransport, transport).write  # uvloop's transports don't inherit from it
        self._write(self._request)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._received.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received.bytes += nbytes
        self._missing -= nbytes
        if self._missing <= 0:
            self._missing += self._answer_bytes
            self._write(self._request)


class LoadClient:
    """*connections* connections to the load server at *url*. Each requests answers of *tokens*, one after the other."""

    def __init__(self, url: str, connections: int, tokens: int) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 0
        self._connections = connections
        self._tokens = tokens
        self._received = _Received()
        self._transports: list[asyncio.BaseTransport] = []
        self._answer_bytes = answer_bytes(ANTHROPIC, tokens)

    async def open(self) -> None:
        """Connect, and send the first request on each connection."""
        body = msgspec.json.encode({"max_tokens": self._tokens, "stream": True, "messages": []})
        head = f"POST {ANTHROPIC.path} HTTP/1.1\r\nhost: {self._host}\r\ncontent-length: {len(body)}\r\n\r\n"
        request = head.encode() + body
        loop = asyncio.get_running_loop()

        async def connect() -> None:
            transport, _ = await loop.create_connection(
                lambda: _Connection(self._received, request, self._answer_bytes), self._host, self._port
            )
            self._transports.append(transport)

        while (missing := self._connections - len(self._transports)) > 0:
            await asyncio.gather(*(connect() for _ in range(min(missing, _CONNECTS_AT_ONCE))))

    def tokens(self) -> float:
        """The tokens received so far: the bytes, measured in answers."""
        return self._received.bytes / self._answer_bytes * self._tokens

    def close(self) -> None:
        """Close the connections."""
        for transport in self._transports:
            transport.close()
