"""A server on this machine that answers as a test says: a real socket for the vendors' real SDKs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

HEAD = b"HTTP/1.1 %d Any\r\n%b\r\n"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as received, its headers' names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Exchange:
    """One request, and the means to answer it."""

    request: Received
    writer: asyncio.StreamWriter

    async def head(self, status: int = 200, **headers: str) -> None:
        """Begin a chunked answer; ``_`` in a header's name is ``-``."""
        given = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.writer.write(HEAD % (status, "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode()))
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send *data* in a chunk of its own."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self.writer.drain()

    async def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Send a whole answer."""
        await self.head(status, **headers)
        if body:
            await self.chunk(body)
        await self.end()

    async def end(self) -> None:
        """End the answer, complete or not, as HTTP has it."""
        await self.chunk(b"")

    async def drop(self) -> None:
        """Drop the connection."""
        self.writer.transport.abort()

    async def hang(self) -> None:
        """Say nothing more."""
        await asyncio.Event().wait()


Respond = Callable[[Exchange], Awaitable[None]]


def answers(body: bytes, status: int = 200, **headers: str) -> Respond:
    """Answers with *body*, all of it."""

    async def respond(exchange: Exchange) -> None:
        await exchange.answer(body, status, **headers)

    return respond


def begins(body: bytes, then: Respond) -> Respond:
    """Begins with *body*, and *then* does as that says."""

    async def respond(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(body)
        await then(exchange)

    return respond


@dataclass(slots=True)
class Loopback:
    """Answers every request with *respond*; an async context manager.

    *received* holds the requests, *connections* how many connections there were, and *closed* is set when one was
    closed.
    """

    respond: Respond
    url: str = ""
    received: list[Received] = field(default_factory=list[Received])
    connections: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=2_048)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
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

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ahead: bytes) -> bytes:
        """Answer one request, of which *ahead* was read before; what was read of the next one."""
        request = await _read(reader, ahead)
        self.received.append(request)
        answering = asyncio.ensure_future(self.respond(Exchange(request, writer)))
        more = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((answering, more), return_when=asyncio.FIRST_COMPLETED)
            # Nobody sends a request before the answer to the last: what can be read meanwhile is the connection's end.
            if not answering.done():
                raise ConnectionResetError
            await answering
        finally:
            for task in (answering, more):
                task.cancel()
            ended = await asyncio.gather(answering, more, return_exceptions=True)
        return ended[1] if isinstance(ended[1], bytes) else b""


async def _read(reader: asyncio.StreamReader, ahead: bytes) -> Received:
    head = ahead + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Received(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
