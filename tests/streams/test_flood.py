"""Ten thousand connections that say nothing, or little: memory stays flat, peers are served, each is logged once."""

import asyncio
import resource
import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from servers.certificates import self_signed
from servers.listener_program import LOOPBACK, ListenerProcess, listener_process
from servers.streams import channel_to, elsewhere, play

from rayconteur.runtime.streams.frames import LENGTH_BYTES
from rayconteur.runtime.streams.tls import TLS, ray_tls

CONNECTIONS = 10_000
WARM_UP = 5_000
HANDSHAKE_S = 2.0
FLAT_BYTES = 4_000_000
"""800 bytes for each connection after the warm-up: one that is kept takes several times as many."""

BEGINNINGS = (b"", b"\x00", (500).to_bytes(LENGTH_BYTES) + bytes(400), (1 << 30).to_bytes(LENGTH_BYTES)[:3])
"""What a stranger sends before it falls silent."""


@pytest.fixture
def room() -> Iterator[int]:
    """How many sockets this process may open; as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield (hard if hard != resource.RLIM_INFINITY else 1 << 20) - 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Flood:
    """Connections to *listener* that stay open on this side, as many as there is *room* for."""

    def __init__(self, listener: ListenerProcess, room: int) -> None:
        self._listener = listener
        self._open: deque[socket.socket] = deque(maxlen=room)

    def add(self, connections: int) -> None:
        """Open so many more, every other one over the Unix domain socket, if there is one."""
        endpoint = self._listener.endpoint
        for number in range(connections):
            if number % 2 and endpoint.name:
                stranger = socket.socket(socket.AF_UNIX)
                stranger.connect(f"\0{endpoint.name}")
            else:
                stranger = socket.create_connection((LOOPBACK, endpoint.port))
            with suppress(ConnectionError):
                stranger.sendall(BEGINNINGS[number // 2 % len(BEGINNINGS)])
            if len(self._open) == self._open.maxlen:
                self._open[0].close()
            self._open.append(stranger)

    def wait_closed(self) -> None:
        """Wait until the other side has closed all, or would not for long."""
        for stranger in self._open:
            stranger.settimeout(5 * HANDSHAKE_S)
            with suppress(ConnectionError):
                while stranger.recv(1 << 10):
                    pass  # its challenge

    def close(self) -> None:
        """Close all."""
        for stranger in self._open:
            stranger.close()


def tls_variables(folder: Path) -> dict[str, str]:
    """Ray's variables for a new certificate."""
    file = folder / "certificate.pem"
    file.write_bytes(self_signed(LOOPBACK))
    files = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
    return {"RAY_USE_TLS": "1"} | dict.fromkeys(files, str(file))


async def flood(listener: ListenerProcess, room: int, tls: TLS | None) -> int:
    """By how many bytes the memory of *listener* grows while it is flooded after a warm-up, and serves a peer."""
    strangers = Flood(listener, room)
    async with channel_to(elsewhere(listener.endpoint), tls=tls) as channel:

        async def add(connections: int) -> int:
            adding = asyncio.create_task(asyncio.to_thread(strangers.add, connections))
            while not adding.done():
                assert await channel.call(1, b"meanwhile") == b"meanwhile"
                await asyncio.wait({adding}, timeout=0.01)
            await adding
            async with channel_to(elsewhere(listener.endpoint), "another peer", tls=tls) as other:
                assert await other.call(1, b"afterwards") == b"afterwards"
            return listener.unique_bytes()

        try:
            before = await add(WARM_UP)
            after = await add(CONNECTIONS - WARM_UP)
            await asyncio.to_thread(strangers.wait_closed)
        finally:
            strangers.close()
    return after - before


@pytest.mark.parametrize("uses_tls", [pytest.param(False, marks=pytest.mark.chaos), True], ids=["plain", "tls"])
def test_ten_thousand_connections_that_say_nothing_leave_memory_flat_and_are_logged_once_each(
    tmp_path: Path, room: int, uses_tls: bool
) -> None:
    environ = tls_variables(tmp_path) if uses_tls else {}
    growth: list[int] = []

    async def scene() -> None:
        growth.append(await flood(listener, room, ray_tls(environ)))

    with listener_process(tmp_path, HANDSHAKE_S, **environ) as listener:
        play(scene)
        lines = listener.log.read_text().splitlines()

    assert growth[0] < FLAT_BYTES
    assert len(lines) == CONNECTIONS
    assert all(line.startswith("a connection of an unknown peer is closed: ") for line in lines)
