"""A channel: the calls of one process to one listener, and its pushes, over a connection that is opened on demand."""

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from itertools import count

from ..api.errors import PeerUnreachable
from .calls import PUSH, CallFailed, CallTimedOut, Request, decode_reply, encode
from .connection import Connection, ConnectionLost
from .endpoint import Endpoint
from .frames import FRAME_LIMIT_BYTES, StreamError
from .handshake import NONCE_BYTES, answer_challenge, check_welcome
from .peer import ignore
from .tls import TLS

_CONNECT_S = 10.0

OnLate = Callable[[bytes | None], None]
"""Called with the result of a call that nobody waits for any more."""


class Channel:
    """Makes calls. All share one connection, which is opened again after it broke; calls in flight fail with it.

    Calls reach the listener in the order in which they were made, except urgent ones. *locate* finds the listener; it
    is asked before each connection. *peer* is the id of this process, and *node_id* that of its node. *tls* is for
    connections to other nodes.

    A call that has no result after *timeout_s* fails; by default it waits for one.

    *on_push* is called with each push, in order with the replies, and *on_lost* when an open connection breaks, after
    which nothing more of it arrives. Neither is called for a connection once it was closed here.
    """

    def __init__(
        self, locate: Callable[[], Awaitable[Endpoint]], peer: str, node_id: str, tls: TLS | None = None
    ) -> None:
        self._locate = locate
        self._peer = peer
        self._node_id = node_id
        self._tls = tls
        self.timeout_s: float | None = None
        self.on_push: Callable[[bytes], None] = _ignore_push
        self.on_lost = ignore
        self._connection: _CallingConnection | None = None
        self._connecting: asyncio.Task[None] | None = None

    def call(
        self, method: int, data: bytes = b"", urgent: bool = False, on_late: OnLate | None = None
    ) -> Coroutine[None, None, bytes | None]:
        """The result of a call. An *urgent* one goes ahead of those that wait for the socket.

        If it is cancelled while it waits, it is not made. If it is cancelled later, *on_late* gets its result.

        Raises:
            ConnectionLost: the connection broke: the call may have been made or not.
            CallTimedOut: there was no result within ``timeout_s``.
            CallFailed: it failed at the listener.
            PeerUnreachable: there is no connection, and none can be made.
            Exception: what *locate* raises.
        """
        connection = self._connection
        if connection is None or connection.is_lost:
            connection = self._connection = _CallingConnection(self, self._peer)
            self._connecting = asyncio.create_task(self._connect(connection))
        return connection.call(method, data, urgent, on_late)

    def close(self) -> None:
        """Close the connection. Calls in flight fail; the next call opens another one."""
        if self._connecting:
            self._connecting.cancel()
        if self._connection:
            self._connection.fail(ConnectionLost("the channel was closed"))

    async def aclose(self) -> None:
        """Close the connection, and wait until it is closed. Calls in flight fail."""
        self.close()
        if self._connecting:
            await asyncio.wait({self._connecting})
        if self._connection:
            await self._connection.closed.wait()

    async def _connect(self, connection: "_CallingConnection") -> None:
        try:
            endpoint = await self._locate()
            connection.secret = endpoint.secret
            await self._open(connection, endpoint)
        except Exception as error:  # whatever it is, it is raised where the calls were made
            connection.fail(error)
        except asyncio.CancelledError:  # the channel was closed
            connection.close()
            raise

    async def _open(self, connection: "_CallingConnection", endpoint: Endpoint) -> None:
        name = endpoint.name if endpoint.node_id == self._node_id else ""
        problem: object
        try:
            async with asyncio.timeout(_CONNECT_S):
                if name:
                    await _connect_unix(connection, f"\0{name}")
                else:
                    loop, context = asyncio.get_running_loop(), self._tls.peer if self._tls else None
                    await loop.create_connection(lambda: connection, endpoint.host, endpoint.port, ssl=context)
                problem = await connection.handshake
        except TimeoutError:
            problem = f"no answer within {_CONNECT_S:g} s"
        except OSError as error:
            problem = error.strerror or error
        if problem:
            raise PeerUnreachable(
                f"can't connect to {f'@{name}' if name else f'{endpoint.host}:{endpoint.port}'} ({problem}); if a "
                "firewall is between the nodes, open a range of ports and give it as RuntimeOptions(ports=...)"
            )


class _CallingConnection(Connection):
    """The caller's end of a connection. It takes calls before it is made."""

    def __init__(self, channel: Channel, peer: str) -> None:
        super().__init__()
        self.secret = b""
        self.is_lost = False
        """True once it has failed."""
        self._channel = channel
        self._is_open = False  # from the end of the handshake on
        self.handshake: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        """Done when the handshake is over, or with the error that ended it."""
        self._peer = peer
        self._proof: bytes | None = None
        self._numbers = count(1)
        self._calls: dict[int, asyncio.Future[bytes | None]] = {}
        self._deadlines: dict[int, float] = {}  # of calls in flight; the first one comes first
        self._timer: asyncio.TimerHandle | None = None  # one for all calls: to set one for each costs more than they

    async def call(self, method: int, data: bytes, urgent: bool, on_late: OnLate | None) -> bytes | None:
        """See ``Channel.call``. All calls have the channel's timeout."""
        timeout_s = self._channel.timeout_s
        number = next(self._numbers)
        ticket = self.send(encode(Request(number, method, data)), urgent)
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[bytes | None] = loop.create_future()
        self._calls[number] = reply
        if timeout_s is not None:
            self._deadlines[number] = loop.time() + timeout_s
            self._timer = self._timer or loop.call_later(timeout_s, self._fail_late_calls)
        try:
            return await reply
        except asyncio.CancelledError:
            if on_late and not self.withdraw(ticket):
                self._on_late(reply, number, on_late)
            raise
        finally:
            if self._calls[number] is reply:
                del self._calls[number]
            self._deadlines.pop(number, None)
            self.withdraw(ticket)

    def _on_late(self, reply: "asyncio.Future[bytes | None]", number: int, on_late: OnLate) -> None:
        """Pass the result of the call *number* on to *on_late*, however late it is; the wait for *reply* has ended."""
        if reply.cancelled():
            reply = self._calls[number] = asyncio.get_running_loop().create_future()
        reply.add_done_callback(partial(self._end_late, number, on_late))

    def _end_late(self, number: int, on_late: OnLate, reply: "asyncio.Future[bytes | None]") -> None:
        self._calls.pop(number, None)
        if not reply.cancelled() and reply.exception() is None:
            on_late(reply.result())

    def fail(self, error: Exception) -> None:
        """Fail all calls with *error*, and close the connection. What arrives later is ignored."""
        self.is_lost = True
        self.close()
        if self._timer:
            self._timer.cancel()
        for reply in self._calls.values():
            if not reply.done():
                reply.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._break(ConnectionLost("the connection broke"))

    def frame_received(self, frame: bytes) -> None:
        if self.is_lost:
            return
        if self._is_open:
            self._receive(frame)
        elif self._proof is None:
            nonce = secrets.token_bytes(NONCE_BYTES)
            answer, self._proof = answer_challenge(frame, self._peer, self.secret, nonce)
            self.send_handshake(answer)
        else:
            check_welcome(frame, self._proof)
            self._is_open = True
            self.handshake.set_result(None)
            self.end_handshake(FRAME_LIMIT_BYTES)

    def reject(self, error: StreamError) -> None:
        self._break(error)

    def _break(self, error: Exception) -> None:
        if self._is_open and not self.is_lost:
            self.fail(error)
            self._channel.on_lost()
        elif not self.handshake.done():
            self.handshake.set_result(error)  # who connects fails the calls

    def _fail_late_calls(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        for number, deadline in self._deadlines.items():
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._fail_late_calls)
                break
            if not self._calls[number].done():
                self._calls[number].set_exception(CallTimedOut())

    def _receive(self, frame: bytes) -> None:
        reply = decode_reply(frame)
        if reply.number == PUSH:
            self._channel.on_push(reply.data or b"")
            return
        call = self._calls.get(reply.number)
        if call is None or call.done():
            return  # its caller no longer waits
        if reply.error is None:
            call.set_result(reply.data)
        else:
            call.set_exception(CallFailed(reply.error))


def _ignore_push(data: bytes) -> None:
    """Until somebody sets what is to be called."""


async def _connect_unix(connection: Connection, address: str) -> None:
    loop = asyncio.get_running_loop()
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.setblocking(False)
        await loop.sock_connect(client, address)  # uvloop's own way cuts an abstract name at its first byte
        await loop.create_unix_connection(lambda: connection, sock=client)
    except BaseException:
        client.close()
        raise
