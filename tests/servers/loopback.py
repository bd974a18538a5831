"""A loopback server whose answers a test determines: a real socket for the vendors' real SDKs."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

HEAD = b"HTTP/1.1 %d Any\r\n%b\r\n"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as received; the names of its headers are in lower case. *head* is all before the body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    head: bytes = field(default=b"", compare=False, repr=False)


@dataclass(slots=True)
class Exchange:
    """One request, and the methods to answer it."""

    request: Received
    writer: asyncio.StreamWriter

    async def send_head(self, status: int = 200, **headers: str) -> None:
        """Send the head of a chunked answer; ``_`` in the name of a header becomes ``-``."""
        fields = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.writer.write(HEAD % (status, "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()))
        await self.writer.drain()

    async def send_chunk(self, data: bytes) -> None:
        """Send *data* in a chunk of its own."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self.writer.drain()

    async def send_answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Send a whole answer."""
        await self.send_head(status, **headers)
        if body:
            await self.send_chunk(body)
        await self.end_body()

    async def end_body(self) -> None:
        """End the HTTP body, whether the answer in it is complete or not."""
        await self.send_chunk(b"")

    async def drop(self) -> None:
        """Drop the connection."""
        abort(self.writer)

    async def reset(self) -> None:
        """Drop the connection with a reset."""
        reset(self.writer)

    async def hang(self) -> None:
        """Send nothing more."""
        await asyncio.Event().wait()


Respond = Callable[[Exchange], Awaitable[None]]


def answers(body: bytes, status: int = 200, **headers: str) -> Respond:
    """Answers each request with *body*."""

    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(body, status, **headers)

    return respond


def begins(body: bytes, then: Respond) -> Respond:
    """Begins each answer with *body*, and continues with *then*."""

    async def respond(exchange: Exchange) -> None:
        await exchange.send_head()
        await exchange.send_chunk(body)
        await then(exchange)

    return respond


def in_turn(*responds: Respond) -> Respond:
    """Answers each request with the next of *responds*, and all further ones with the last."""
    remaining = iter(responds)

    async def respond(exchange: Exchange) -> None:
        await next(remaining, responds[-1])(exchange)

    return respond


@dataclass(slots=True)
class Loopback:
    """A server that answers every request with *respond*; an async context manager.

    It listens on *port*, or on a free one. *tls* encrypts its connections. *received* has the requests and
    *connections* the number of connections so far; *closed* is set when one closes.
    """

    respond: Respond
    port: int = 0
    tls: ssl.SSLContext | None = None
    url: str = ""
    received: list[Received] = field(default_factory=list[Received])
    connections: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve_connection, "127.0.0.1", self.port, backlog=2_048, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        ahead = b""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    ahead = await self._exchange(reader, writer, ahead)
        finally:
            self.closed.set()
            writer.close()
            self._tasks.discard(task)
            self._writers.discard(writer)

    async def end_connections(self, end: Callable[[asyncio.StreamWriter], None]) -> None:
        """Call *end* for each connection.

        When this returns, it has been done, and no client in this event loop has had a chance to notice.
        """
        for writer in self._writers:
            end(writer)
        await asyncio.sleep(0)  # a transport closes its socket in the next iteration of the loop, before it polls

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ahead: bytes) -> bytes:
        """Answer one request, whose first bytes *ahead* are already read. Returns the bytes read of the next one."""
        request = await _read_request(reader, ahead)
        self.received.append(request)
        answering = asyncio.ensure_future(self.respond(Exchange(request, writer)))
        more = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((answering, more), return_when=asyncio.FIRST_COMPLETED)
            # No client sends a request before the answer to the last: a read that returns before is the end of file.
            if not answering.done():
                raise ConnectionResetError
            await answering
        finally:
            for task in (answering, more):
                task.cancel()
            results = await asyncio.gather(answering, more, return_exceptions=True)
        return results[1] if isinstance(results[1], bytes) else b""


def abort(writer: asyncio.StreamWriter) -> None:
    """Close the connection at once, without the end of TLS if it is encrypted."""
    writer.transport.abort()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection with a reset."""
    no_linger = struct.pack("ii", 1, 0)  # on, for 0 seconds: what makes a close a reset
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader, ahead: bytes) -> Received:
    head = ahead + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body, head)
