"""Ray's control service as it looks to a program that joins the cluster, when it goes away meanwhile."""

import asyncio
from contextlib import suppress
from typing import Self


class DyingService:
    """Passes everything on to the service at *far*, until that has answered with so many bytes: then it is gone.

    If it *falls_silent* instead, connections are accepted, and nothing comes. An async context manager.
    """

    def __init__(self, far: str, answer_bytes: int, *, falls_silent: bool = False) -> None:
        self._host, self._port = far.rsplit(":", 1)
        self._left = answer_bytes
        self._falls_silent = falls_silent
        self._is_over = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: list[asyncio.Task[None]] = []
        self.is_away = False
        self.address = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)  # Ray replaces 127.0.0.1 by that host
        self.address = f"{self._host}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()
        await asyncio.gather(*self._serving)

    def _end(self) -> None:
        self._server.close()
        self._is_over.set()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.append(task)
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._writers += (writer, far_writer)
        await asyncio.gather(self._forward(reader, far_writer), self._answer(far_reader, writer))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                self._left -= len(data)
                if self._left < 0:
                    await self._go_away()
                writer.write(data)
        writer.close()

    async def _go_away(self) -> None:
        self.is_away = True
        if not self._falls_silent:
            self._end()
        await self._is_over.wait()
