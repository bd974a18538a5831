"""Calls over real sockets: in order, concurrent, over a connection that is opened again after it broke."""

import asyncio
import socket
from collections.abc import Awaitable

import pytest
from servers.streams import LOOPBACK, NODE, channel_to, elsewhere, listening, play

from rayconteur.errors import PeerUnreachable, PortsExhausted
from rayconteur.runtime.streams.calls import CallFailed, CallTimedOut
from rayconteur.runtime.streams.channel import Channel
from rayconteur.runtime.streams.connection import Connection, ConnectionLost
from rayconteur.runtime.streams.endpoint import Endpoint
from rayconteur.runtime.streams.listener import Listener
from rayconteur.runtime.streams.peer import Peer

ECHO, FAIL, WAIT, LARGE = 1, 2, 3, 4
LARGE_BYTES = 8 << 20


class Served:
    """What a listener was asked, and the gate that the calls of ``WAIT`` wait for."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.gate = asyncio.Event()
        self.waiting = 0

    def __call__(self, peer: Peer, method: int, data: bytes) -> bytes | None | Awaitable[bytes | None]:
        self.received.append(data)
        match method:
            case 1:
                return b"%b says %b" % (peer.id.encode(), data)
            case 3:
                return self._wait(data)
            case 4:
                return bytes(LARGE_BYTES)
            case _:
                raise ValueError("no such method")

    async def _wait(self, data: bytes) -> bytes:
        self.waiting += 1
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1
        return data


@pytest.mark.parametrize("node_id", [NODE, "another node"], ids=["unix", "tcp"])
def test_calls_arrive_in_the_order_in_which_they_were_made_also_before_the_connection(node_id: str) -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(endpoint, node_id=node_id) as channel:
            sent = [b"%d" % number for number in range(100)]
            first = [asyncio.create_task(channel.call(ECHO, data)) for data in sent[:50]]
            await first[0]
            rest = [asyncio.create_task(channel.call(ECHO, data)) for data in sent[50:]]

            replies = await asyncio.gather(*first, *rest)

        assert served.received == sent
        assert replies == [b"driver-1 says " + data for data in sent]

    play(scene)


def test_a_call_that_waits_delays_no_other() -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(endpoint) as channel:
            slow = asyncio.create_task(channel.call(WAIT, b"slow"))
            assert await channel.call(ECHO, b"fast") == b"driver-1 says fast"
            assert not slow.done()
            served.gate.set()
            assert await slow == b"slow"

    play(scene)


def test_a_call_that_fails_says_why_and_the_connection_stays() -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(endpoint) as channel:
            with pytest.raises(CallFailed, match="ValueError: no such method"):
                await channel.call(FAIL, b"x")
            assert await channel.call(ECHO, b"x") == b"driver-1 says x"

    play(scene)


def test_each_call_without_a_result_in_time_fails_and_delays_no_other() -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(endpoint) as channel:
            channel.timeout_s = 0.2
            loop = asyncio.get_running_loop()
            began_at = loop.time()
            first = asyncio.create_task(channel.call(WAIT, b"first"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await asyncio.shield(first)
            second = asyncio.create_task(channel.call(WAIT, b"second"))
            assert await channel.call(ECHO, b"third") == b"driver-1 says third"

            with pytest.raises(CallTimedOut):
                await first
            assert not second.done()
            with pytest.raises(CallTimedOut):
                await second

            assert 0.3 <= loop.time() - began_at < 5
            assert await channel.call(ECHO, b"fourth") == b"driver-1 says fourth"

    play(scene)


def test_calls_before_the_connection_have_a_deadline_too() -> None:
    async def never() -> Endpoint:
        await asyncio.Event().wait()
        raise AssertionError

    async def scene() -> None:
        channel = Channel(never, "driver-1", NODE)
        channel.timeout_s = 0.05

        with pytest.raises(CallTimedOut):
            await channel.call(ECHO, b"lost")

        await channel.aclose()

    play(scene)


def test_a_call_that_is_cancelled_before_there_is_a_connection_is_not_made() -> None:
    async def scene() -> None:
        served = Served()
        located = asyncio.Event()
        async with listening(served) as endpoint:

            async def locate() -> Endpoint:
                await located.wait()
                return endpoint

            channel = Channel(locate, "driver-1", NODE)
            cancelled, made = (asyncio.create_task(channel.call(ECHO, data)) for data in (b"cancelled", b"made"))
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.wait({cancelled})
            located.set()
            await made
            await channel.aclose()

        assert served.received == [b"made"]

    play(scene)


def test_an_urgent_call_goes_ahead_of_those_that_wait_for_the_socket() -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(endpoint) as channel:
            await channel.call(ECHO, b"connected")
            large = [asyncio.create_task(channel.call(ECHO, bytes(LARGE_BYTES))) for _ in range(3)]
            await asyncio.sleep(0)
            urgent = asyncio.create_task(channel.call(ECHO, b"urgent", urgent=True))
            await asyncio.gather(*large, urgent)

        # The socket has begun to take the first one.
        assert [len(data) for data in served.received[1:]] == [LARGE_BYTES, len(b"urgent"), LARGE_BYTES, LARGE_BYTES]

    play(scene)


def test_calls_in_flight_fail_when_the_connection_breaks_and_the_next_call_opens_another() -> None:
    async def scene() -> None:
        endpoints: list[Endpoint] = []

        async def locate() -> Endpoint:
            return endpoints[-1]

        channel = Channel(locate, "driver-1", NODE)
        async with listening(first := Served()) as endpoint:
            endpoints.append(endpoint)
            lost = asyncio.create_task(channel.call(WAIT, b"lost"))
            await channel.call(ECHO, b"before")
        with pytest.raises(ConnectionLost):
            await lost
        assert first.waiting == 0, "what the peer no longer waits for is cancelled"
        async with listening(Served()) as endpoint:
            endpoints.append(endpoint)
            assert await channel.call(ECHO, b"after") == b"driver-1 says after"
            await channel.aclose()

    play(scene)


def test_a_reply_that_is_larger_than_a_frame_fails_its_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with listening(Served()) as endpoint, channel_to(endpoint) as channel:
            assert await channel.call(LARGE) == bytes(LARGE_BYTES)
            monkeypatch.setattr("rayconteur.runtime.streams.frames.FRAME_LIMIT_BYTES", LARGE_BYTES)
            with pytest.raises(CallFailed, match="too many for one frame"):
                await channel.call(LARGE)
            assert await channel.call(ECHO, b"x") == b"driver-1 says x"

    play(scene)


def test_a_port_that_accepts_no_connection_is_named_with_the_option() -> None:
    async def scene() -> None:
        async with listening(Served()) as endpoint:
            closed = elsewhere(endpoint, port=1)
        async with channel_to(closed) as channel:
            with pytest.raises(PeerUnreachable, match=rf"{LOOPBACK}:1 .*RuntimeOptions\(ports=...\)"):
                await channel.call(ECHO, b"x")

    play(scene)


def test_a_listener_with_another_secret_is_unreachable() -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(elsewhere(endpoint, secret=b"other")) as channel:
            with pytest.raises(PeerUnreachable):
                await channel.call(ECHO, b"x")
        assert served.received == []

    play(scene)


def test_a_listener_takes_the_first_free_port_of_the_range_and_says_when_there_is_none() -> None:
    async def scene() -> None:
        async with listening(Served()) as taken:
            with pytest.raises(PortsExhausted, match=rf"ports=\({taken.port}, {taken.port}\)\) is free at {LOOPBACK}"):
                await Listener(Served()).listen(NODE, LOOPBACK, (taken.port, taken.port))
            async with listening(Served(), ports=(taken.port, taken.port + 50)) as next_free:
                assert taken.port < next_free.port <= taken.port + 50

    play(scene)


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the option has another name here")
def test_a_connection_between_nodes_breaks_when_the_other_node_vanishes(monkeypatch: pytest.MonkeyPatch) -> None:
    sockets: list[socket.socket] = []
    connected = Connection.connection_made

    def connection_made(connection: Connection, transport: asyncio.BaseTransport) -> None:
        connected(connection, transport)
        sockets.append(transport.get_extra_info("socket"))

    async def scene() -> None:
        async with listening(Served()) as endpoint, channel_to(endpoint, node_id="another node") as channel:
            await channel.call(ECHO, b"x")
            assert [each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for each in sockets] == [1, 1]
            assert [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) for each in sockets] == [10, 10]

    monkeypatch.setattr(Connection, "connection_made", connection_made)
    play(scene)


def test_an_endpoint_does_not_show_its_secret() -> None:
    endpoint = Endpoint(NODE, "name", LOOPBACK, 1, b"the secret")

    assert "the secret" not in f"{endpoint!r} {endpoint}"
