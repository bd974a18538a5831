"""A listener: accepts the connections of peers, and serves their requests."""

import asyncio
import logging
import secrets
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress

from ..api.errors import PortsExhausted
from .calls import PUSH, Reply, Request, decode_request, encode
from .connection import Connection
from .endpoint import Endpoint
from .frames import FRAME_LIMIT_BYTES, FrameError, StreamError
from .handshake import NONCE_BYTES, Challenge, check_answer
from .peer import Peer, ignore
from .tls import TLS

log = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
_HAS_ABSTRACT_NAMES = sys.platform == "linux"
"""Unix domain sockets whose name is in no file system: a killed process leaves none behind."""

_NO_ROOM_PAUSE_S = 1.0
"""Before the next connection is accepted, if the process has too many open files. asyncio waits as long."""

_BACKLOG = 1_024
"""Connections that wait to be accepted, at most. A TCP connection beyond that waits a second before it tries again."""

STRANGERS_KEPT = 1_024
"""Connections that have not shown who they are, at most: a further one closes the one that is oldest.

With 256, peers were closed during their TLS handshake while thousands connected at once.
"""

Serve = Callable[[Peer, int, bytes], bytes | None | Awaitable[bytes | None]]
"""Serves a request of a peer: by the number of the method, and its data."""


class Listener:
    """Serves requests with *serve*. It knows each peer by the id that it gave, once it has shown that it is one.

    That has to happen within *handshake_s*.
    """

    def __init__(self, serve: Serve, handshake_s: float = HANDSHAKE_S) -> None:
        self.serve = serve
        self.handshake_s = handshake_s
        self.secret = secrets.token_bytes(32)
        self._servers: list[asyncio.Server] = []
        self._listening: asyncio.Task[Endpoint] | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: dict[_ServedConnection, None] = {}
        self._strangers: dict[_ServedConnection, None] = {}

    async def listen(
        self, node_id: str, host: str, ports: tuple[int, int] | None = None, tls: TLS | None = None
    ) -> Endpoint:
        """Listen on *host*, on the first free port of *ports* or on any, with *tls* if given.

        On Linux, it listens on a Unix domain socket as well. Further calls return where it listens.

        Raises:
            PortsExhausted: none of the ports is free.
        """
        if self._listening is None:
            self._listening = asyncio.ensure_future(self._listen(node_id, host, ports, tls))
        return await self._listening

    def close(self) -> None:
        """Accept no more connections, and close those that are open."""
        for server in self._servers:
            server.close()
        if self._accepting:
            self._accepting.cancel()
        for connection in (*self._connections, *self._strangers):
            connection.close()

    async def _listen(self, node_id: str, host: str, ports: tuple[int, int] | None, tls: TLS | None) -> Endpoint:
        loop = asyncio.get_running_loop()
        bound = _bind(host, ports)
        if tls:
            bound.setblocking(False)
            self._accepting = loop.create_task(self._accept_with_tls(bound, tls.listener))
        else:
            self._servers.append(await loop.create_server(self._new_connection, sock=bound, backlog=_BACKLOG))
        name = f"rayconteur-{secrets.token_hex(16)}" if _HAS_ABSTRACT_NAMES else ""
        if name:
            self._servers.append(await loop.create_unix_server(self._new_connection, f"\0{name}", backlog=_BACKLOG))
        return Endpoint(node_id, name, host, bound.getsockname()[1], self.secret)

    async def _accept_with_tls(self, bound: socket.socket, context: ssl.SSLContext) -> None:
        """Accept connections, which are strangers from here on.

        A server with TLS would keep any number of them until their TLS handshake is over.
        """
        with bound:
            while True:
                try:
                    connected, _ = await asyncio.get_running_loop().sock_accept(bound)
                except OSError:
                    await asyncio.sleep(_NO_ROOM_PAUSE_S)
                else:
                    self._new_connection().start_tls(connected, context)

    def _new_connection(self) -> "_ServedConnection":
        return _ServedConnection(self)

    def add_stranger(self, connection: "_ServedConnection") -> None:
        """Wait a moment for *connection* to show who it is."""
        if len(self._strangers) >= STRANGERS_KEPT:
            next(iter(self._strangers)).reject(StreamError("too many connections that say nothing"))
        self._strangers[connection] = None

    def add_peer(self, connection: "_ServedConnection") -> None:
        """*connection* is one of a peer."""
        self._strangers.pop(connection, None)
        self._connections[connection] = None

    def remove(self, connection: "_ServedConnection") -> None:
        """*connection* is closed."""
        self._strangers.pop(connection, None)
        self._connections.pop(connection, None)


class _ServedConnection(Connection):
    """The listener's end of a connection: a stranger, then a ``Peer``."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener
        self._nonce = secrets.token_bytes(NONCE_BYTES)
        self.id = ""
        self._is_peer = False
        self.on_writable = ignore
        self.on_lost = ignore
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadline: asyncio.TimerHandle | None = None

    def start_tls(self, connected: socket.socket, context: ssl.SSLContext) -> None:
        """Begin with the handshake of TLS. The connection is made after it."""
        self._begin()
        self._run(self._make_with_tls(connected, context))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._deadline is None:
            self._begin()
        self.send_handshake(encode(Challenge(self._nonce)))

    def close(self) -> None:
        super().close()
        if self.closed.is_set():  # it has not been made yet
            self._cancel_tasks()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._listener.remove(self)
        self._end_deadline()
        self._cancel_tasks()
        self.on_lost()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.is_writable:
            self.on_writable()

    def push(self, data: bytes) -> None:
        """See ``Peer``."""
        self.send(encode(Reply(PUSH, data)))

    def frame_received(self, frame: bytes) -> None:
        if self._is_peer:
            self._serve(decode_request(frame))
        else:
            self._welcome(frame)

    def reject(self, error: StreamError) -> None:
        log.warning("a connection of %s is closed: %s", self.id or "an unknown peer", error)
        self._listener.remove(self)
        self._end_deadline()
        self.close()

    def _begin(self) -> None:
        """Wait a moment for it to show who it is."""
        limit_s = self._listener.handshake_s
        late = StreamError(f"nothing that shows who it is within {limit_s:g} s")
        self._deadline = asyncio.get_running_loop().call_later(limit_s, self.reject, late)
        self._listener.add_stranger(self)

    async def _make_with_tls(self, connected: socket.socket, context: ssl.SSLContext) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: self, connected, ssl=context)
        except OSError as error:
            self.reject(StreamError(f"its TLS handshake failed ({getattr(error, 'reason', None) or error})"))

    def _welcome(self, frame: bytes) -> None:
        self.id, welcome = check_answer(frame, self._listener.secret, self._nonce)
        self._is_peer = True
        self._end_deadline()
        self._listener.add_peer(self)
        self.send_handshake(welcome)
        self.end_handshake(FRAME_LIMIT_BYTES)

    def _serve(self, request: Request) -> None:
        try:
            result = self._listener.serve(self, request.method, request.data)
        except Exception as error:  # of this call only; the connection serves others
            self._fail(request, error)
            return
        if result is None or isinstance(result, bytes):
            self._reply(request.number, result)
            return
        self._run(self._await(request, result))

    def _run(self, work: Coroutine[None, None, None]) -> None:
        """Do *work*, as long as there is a connection."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cancel_tasks(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    async def _await(self, request: Request, result: Awaitable[bytes | None]) -> None:
        try:
            data = await result
        except Exception as error:  # as above
            self._fail(request, error)
        else:
            self._reply(request.number, data)

    def _reply(self, number: int, data: bytes | None) -> None:
        try:
            self.send(encode(Reply(number, data)))
        except FrameError as error:
            self.send(encode(Reply(number, error=str(error))))

    def _fail(self, request: Request, error: Exception) -> None:
        log.error("method %d failed for %s", request.method, self.id, exc_info=error)
        self.send(encode(Reply(request.number, error=f"{type(error).__name__}: {error}")))

    def _end_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


def _bind(host: str, ports: tuple[int, int] | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in _each(ports):
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            bound.bind((host, port))
            bound.listen(_BACKLOG)  # two processes may bind the same port; only one can listen
            return bound
        bound.close()
    raise PortsExhausted(f"no port of RuntimeOptions(ports={ports}) is free at {host}; give a larger range")


def _each(ports: tuple[int, int] | None) -> Iterable[int]:
    return (0,) if ports is None else range(ports[0], ports[1] + 1)
