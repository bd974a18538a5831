"""A proxy on loopback that loses replies."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from servers.loopback import reset


@dataclass(slots=True)
class LossyProxy:
    """Forwards connections to *port* of loopback; an async context manager. It listens on *own_port*.

    While *is_lossy*, a connection is reset when the server sends something: what was asked for has happened, perhaps.
    *lost* counts these, and *received_bytes* all that servers have sent.
    """

    port: int
    own_port: int = 0
    is_lossy: bool = False
    lost: int = 0
    received_bytes: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.own_port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        to_server: asyncio.StreamWriter | None = None
        try:
            with suppress(ConnectionError):
                from_server, to_server = await asyncio.open_connection("127.0.0.1", self.port)
                async with asyncio.TaskGroup() as group:
                    requests = group.create_task(_copy(reader, to_server))
                    while data := await from_server.read(1 << 16):
                        self.received_bytes += len(data)
                        if self.is_lossy:
                            self.lost += 1
                            reset(writer)
                            break
                        writer.write(data)
                    requests.cancel()
        finally:
            for each in (writer, to_server):
                if each:
                    each.close()
            self._tasks.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()
