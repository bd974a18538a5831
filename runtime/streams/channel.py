"""A channel: the calls of one process to one listener, over a connection that is opened on demand."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from itertools import count

from ..api.errors import PeerUnreachable
from .calls import CallFailed, Request, decode_reply, encode
from .connection import Connection, ConnectionLost
from .endpoint import Endpoint
from .frames import FRAME_LIMIT_BYTES, StreamError
from .handshake import NONCE_BYTES, answer_challenge, check_welcome

_CONNECT_S = 10.0


class Channel:
    """Makes calls. All share one connection, which is opened again after it broke; calls in flight fail with it.

    *locate* finds the listener; it is asked before each connection. *peer* is the id of this process, and *node_id*
    that of its node.
    """

    def __init__(self, locate: Callable[[], Awaitable[Endpoint]], peer: str, node_id: str) -> None:
        self._locate = locate
        self._peer = peer
        self._node_id = node_id
        self._connection: _CallingConnection | None = None
        self._connecting: asyncio.Task[_CallingConnection] | None = None

    async def call(self, method: int, data: bytes = b"", urgent: bool = False) -> bytes | None:
        """The result of a call. An *urgent* one goes ahead of what waits for the socket.

        Raises:
            ConnectionLost: the connection broke: the call may have been made or not.
            CallFailed: it failed at the listener.
            PeerUnreachable: there is no connection, and none can be made.
            Exception: what *locate* raises.
        """
        connection = self._connection
        if connection is None or not connection.is_open:
            connection = await self._connected()
        return await connection.call(method, data, urgent)

    def close(self) -> None:
        """Close the connection. Calls in flight fail."""
        if self._connecting:
            self._connecting.cancel()
        if self._connection:
            self._connection.close()

    async def _connected(self) -> "_CallingConnection":
        """The open connection. All who wait for it share one attempt."""
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._connect())
        connecting = self._connecting
        try:
            return await asyncio.shield(connecting)
        finally:
            if connecting.done() and self._connecting is connecting:
                self._connecting = None

    async def _connect(self) -> "_CallingConnection":
        endpoint = await self._locate()
        connection = _CallingConnection(self._peer, endpoint.secret)
        is_near = endpoint.node_id == self._node_id
        try:
            async with asyncio.timeout(_CONNECT_S):
                await _open(connection, endpoint, is_near)
                await connection.welcomed
        except (OSError, TimeoutError, StreamError) as error:
            connection.close()
            raise _unreachable(endpoint, is_near, error) from None
        self._connection = connection
        return connection


class _CallingConnection(Connection):
    """The caller's end of a connection."""

    def __init__(self, peer: str, secret: bytes) -> None:
        super().__init__()
        self._peer = peer
        self._secret = secret
        self._expected_proof: bytes | None = None
        self._numbers = count(1)
        self._calls: dict[int, asyncio.Future[bytes | None]] = {}
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def call(self, method: int, data: bytes, urgent: bool) -> bytes | None:
        """See ``Channel.call``."""
        if not self.is_open:
            raise ConnectionLost("the connection is closed")
        number = next(self._numbers)
        self.send(encode(Request(number, method, data)), urgent)
        reply = self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            return await reply
        finally:
            del self._calls[number]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._fail(ConnectionLost("the connection broke"))

    def frame_received(self, frame: bytes) -> None:
        if self.welcomed.done():
            self._receive_reply(frame)
        elif self._expected_proof is None:
            answer, self._expected_proof = answer_challenge(
                frame, self._peer, self._secret, secrets.token_bytes(NONCE_BYTES)
            )
            self.send(answer)
        else:
            check_welcome(frame, self._expected_proof)
            self._splitter.limit_bytes = FRAME_LIMIT_BYTES
            self.welcomed.set_result(None)

    def reject(self, error: StreamError) -> None:
        self._fail(error)
        self.close()

    def _receive_reply(self, frame: bytes) -> None:
        reply = decode_reply(frame)
        call = self._calls.get(reply.number)
        if call is None or call.done():
            return  # its caller no longer waits
        if reply.error is None:
            call.set_result(reply.data)
        else:
            call.set_exception(CallFailed(reply.error))

    def _fail(self, error: Exception) -> None:
        for future in (self.welcomed, *self._calls.values()):
            if not future.done():
                future.set_exception(error)
        if self.welcomed.done() and not self.welcomed.cancelled():
            self.welcomed.exception()  # seen


def _unreachable(endpoint: Endpoint, is_near: bool, error: Exception) -> PeerUnreachable:
    place = endpoint.path if is_near else f"{endpoint.host}:{endpoint.port}"
    return PeerUnreachable(
        f"can't connect to {place} ({str(error) or f'no answer within {_CONNECT_S:g} s'}); "
        "if a firewall is between the nodes, open a range of ports and give it as RuntimeOptions(ports=...)"
    )


async def _open(connection: Connection, endpoint: Endpoint, is_near: bool) -> None:
    loop = asyncio.get_running_loop()
    if is_near:
        await loop.create_unix_connection(lambda: connection, endpoint.path)
    else:
        await loop.create_connection(lambda: connection, endpoint.host, endpoint.port)
