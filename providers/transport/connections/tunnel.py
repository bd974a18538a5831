"""Tunnels through proxies."""

import asyncio
from typing import cast

from .errors import ConnectFailed, InvalidResponse
from .request_head import Origin
from .response_parser import ResponseParser

_REFUSALS = 300  # statuses from here on


class Tunnel(asyncio.Protocol):
    """Asks the proxy at the other end for a tunnel, RFC 9110, section 9.3.6."""

    def __init__(self) -> None:
        self._parser = ResponseParser()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport

    async def open(self, origin: Origin, proxy_fields: bytes) -> None:
        """Wait until all that is sent goes to *origin*. The proxy gets the headers *proxy_fields*.

        Raises:
            OSError: it does not.
        """
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        server = f"{host}:{origin.port}".encode()
        self._transport.write(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (server, server, proxy_fields))
        await self._opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses

    def data_received(self, data: bytes) -> None:
        if self._opened.done():
            return
        try:
            self._parser.feed(data)
        except InvalidResponse as error:
            self._end(ConnectFailed(f"the proxy does not speak HTTP: {error}"))
            return
        if head := self._parser.head:
            refusal = ConnectFailed(f"the proxy refuses it with HTTP status {head.status}")
            self._end(refusal if head.status >= _REFUSALS else None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectFailed("the proxy closed the connection"))

    def _end(self, error: Exception | None) -> None:
        if self._opened.done():
            return
        self._parser.close()
        if error is None:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(error)
