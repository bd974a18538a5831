"""Pushes over real sockets: in order with the replies, no more than the socket takes, and none after the connection."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from servers.streams import NODE, channel_to, connect_slowly, listening, play, read_frame

from rayconteur.runtime.streams.calls import Request
from rayconteur.runtime.streams.channel import Channel
from rayconteur.runtime.streams.connection import ConnectionLost
from rayconteur.runtime.streams.endpoint import Endpoint
from rayconteur.runtime.streams.peer import Peer

LARGE_BYTES = 1 << 20
SOCKET_LIMIT_BYTES = 64 << 20
"""More than the kernel buffers for a connection."""

Serving = Callable[[Peer, bytes], None]


def push_three(peer: Peer, data: bytes) -> None:
    for number in range(3):
        peer.push(b"%b.%d" % (data, number))


def do_nothing(peer: Peer, data: bytes) -> None:
    """Only reply."""


class Served:
    """Replies with what it is sent. *before* is called with the peer and the data before each reply."""

    def __init__(self, before: Serving = do_nothing) -> None:
        self.peers: dict[str, Peer] = {}
        self.lost: list[str] = []
        self._before = before

    def __call__(self, peer: Peer, method: int, data: bytes) -> bytes:
        self.peers[peer.id] = peer
        peer.on_lost = lambda: self.lost.append(peer.id)
        self._before(peer, data)
        return data


class Received:
    """What a channel received: pushes, and how often it was told that a connection was lost."""

    def __init__(self, channel: Channel) -> None:
        self.pushes: asyncio.Queue[bytes] = asyncio.Queue()
        self.losses = 0
        self.lost = asyncio.Event()
        channel.on_push, channel.on_lost = self.pushes.put_nowait, self._lose

    def _lose(self) -> None:
        self.losses += 1
        self.lost.set()


@pytest.mark.parametrize("node_id", [NODE, "another node"], ids=["unix", "tcp"])
def test_pushes_arrive_in_order_and_before_the_reply_that_follows_them(node_id: str) -> None:
    async def scene() -> None:
        served = Served(before=push_three)
        async with listening(served) as endpoint, channel_to(endpoint, node_id=node_id) as channel:
            received = Received(channel)
            for data in (b"a", b"b"):
                await channel.call(1, data)
                assert [received.pushes.get_nowait() for _ in range(3)] == [data + end for end in (b".0", b".1", b".2")]

    play(scene)


def test_a_peer_is_pushed_to_while_it_calls_nothing() -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(endpoint) as channel:
            received = Received(channel)
            await channel.call(1, b"x")

            served.peers["driver-1"].push(b"unasked")

            assert await received.pushes.get() == b"unasked"

    play(scene)


def test_a_peer_that_does_not_read_is_not_writable_until_it_reads_and_delays_no_other() -> None:
    async def scene() -> None:
        served = Served()
        async with listening(served) as endpoint, channel_to(endpoint, "fast") as fast:
            received = Received(fast)
            await fast.call(1)
            reader, writer = await connect_slowly(endpoint, "slow", Request(1, 1, b"x"))
            slow, resumed = served.peers["slow"], asyncio.Event()
            slow.on_writable = resumed.set
            pushes = 0
            while slow.is_writable:
                slow.push(bytes(LARGE_BYTES))
                pushes += 1
                await asyncio.sleep(0)
            assert pushes * LARGE_BYTES < SOCKET_LIMIT_BYTES

            served.peers["fast"].push(b"fast")
            assert await received.pushes.get() == b"fast"
            assert not resumed.is_set()

            for _ in range(pushes):
                assert len(await read_frame(reader)) > LARGE_BYTES
            async with asyncio.timeout(10):
                await resumed.wait()
            assert slow.is_writable
            writer.close()

    play(scene)


@asynccontextmanager
async def channel_to_newest(endpoints: list[Endpoint]) -> AsyncGenerator[Channel, None]:
    """A channel to the newest of *endpoints*, as with a router that is restarted elsewhere."""

    async def locate() -> Endpoint:
        return endpoints[-1]

    channel = Channel(locate, "driver-1", NODE)
    try:
        yield channel
    finally:
        await channel.aclose()


def test_both_ends_learn_that_a_connection_broke_though_no_call_is_in_flight() -> None:
    async def scene() -> None:
        served = Served()
        endpoints: list[Endpoint] = []
        async with channel_to_newest(endpoints) as channel:
            received = Received(channel)
            async with listening(served) as endpoint:
                endpoints.append(endpoint)
                await channel.call(1, b"x")
            async with asyncio.timeout(10):
                await received.lost.wait()
            assert served.lost == ["driver-1"]

            async with listening(served) as endpoint:
                endpoints.append(endpoint)
                await channel.call(1, b"x")
                served.peers["driver-1"].push(b"over the new connection")
                assert await received.pushes.get() == b"over the new connection"
            assert received.losses == 1

    play(scene)


def test_a_listener_learns_that_a_peer_has_closed_its_connection_and_the_peer_is_told_nothing() -> None:
    async def scene() -> None:
        lost = asyncio.Event()
        served = Served(before=lambda peer, data: setattr(peer, "on_lost", lost.set))
        async with listening(served) as endpoint, channel_to(endpoint) as channel:
            received = Received(channel)
            await channel.call(1, b"x")

            channel.close()

            async with asyncio.timeout(10):
                await lost.wait()
            assert received.losses == 0

    play(scene)


def test_nothing_of_a_connection_arrives_after_it_was_closed_not_even_what_has_been_received() -> None:
    async def scene() -> None:
        served = Served(before=push_three)
        async with listening(served) as endpoint, channel_to(endpoint) as channel:
            received: list[bytes] = []

            def receive(push: bytes) -> None:
                received.append(push)
                channel.close()

            channel.on_push = receive
            with pytest.raises(ConnectionLost):
                await channel.call(1, b"x")

            assert received == [b"x.0"]

    play(scene)
