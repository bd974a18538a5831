"""Events over real connections that are slow, break anywhere and are opened again: none is lost, or arrives twice."""

import asyncio
from functools import partial

import msgspec
import pytest
from builders.segments import distinct_events
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.streams import Proxy, channel_to, connect_slowly, elsewhere, listening, play

from rayconteur.runtime.api.errors import RuntimeClosed
from rayconteur.runtime.api.events import TextChunk
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events import publisher, router_connection
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.publisher import Publisher
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router import Router
from rayconteur.runtime.events.router_calls import RouterCall, serve
from rayconteur.runtime.events.router_connection import RouterConnection
from rayconteur.runtime.events.router_connections import RouterConnections
from rayconteur.runtime.events.segments import FoundEnds, Segment, encode_events, encode_segments
from rayconteur.runtime.events.stream_transport import StreamTransport
from rayconteur.runtime.events.subscriptions import Subscription, SubscriptionUpdate
from rayconteur.runtime.streams.calls import Request, encode

EVENTS = 40
SEGMENTS = 200
SEGMENT_BYTES = 100_000  # together more than the kernel buffers for a connection
# The size of the pieces, and after how many bytes of one direction the connection breaks.
BREAKS = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 2_500)), max_size=5)


async def none_ended(sessions: dict[str, int]) -> FoundEnds:
    del sessions
    return FoundEnds([], [])


async def deliver(host_plan: list[tuple[int, int]], driver_plan: list[tuple[int, int]]) -> None:
    """Publish events and read them, each through a proxy with its plan."""
    router = Router(RouterLimits())
    async with listening(partial(serve, router)) as endpoint:
        host_proxy, driver_proxy = Proxy(endpoint.port, host_plan), Proxy(endpoint.port, driver_plan)
        async with (
            host_proxy.serving() as host_port,
            driver_proxy.serving() as driver_port,
            channel_to(elsewhere(endpoint, port=host_port), "host") as to_router,
            channel_to(elsewhere(endpoint, port=driver_port), "driver") as from_router,
        ):
            publisher = Publisher(StreamTransport(to_router, none_ended).publish)
            publishing = asyncio.create_task(publisher.run())
            connections = RouterConnections([RouterConnection(StreamTransport(from_router, none_ended))])
            reader = Reader(connections.source_of("raven"), "raven", (1, 0), 1 << 20)
            outbox = Outbox("raven", 1, 1 << 20, publisher.schedule)
            sent = distinct_events(EVENTS)
            for event in sent:
                outbox.put_event(event)
                await asyncio.sleep(0)
            async with asyncio.timeout(20):
                received = [await anext(reader) for _ in sent]
                await outbox.wait_drained()
            publishing.cancel()
            await connections.close(RuntimeClosed("the test is over"))

    assert [event.seq for event in received] == list(range(1, EVENTS + 1))
    assert received == [
        msgspec.structs.replace(event, session_id="raven", seq=number) for number, event in enumerate(sent, 1)
    ]


@given(BREAKS, BREAKS)
@settings(max_examples=30)
def test_every_event_arrives_once_and_in_order(
    host_plan: list[tuple[int, int]], driver_plan: list[tuple[int, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(publisher, "_FIRST_PAUSE_S", 0.001)
        patched.setattr(publisher, "_LONGEST_PAUSE_S", 0.01)
        patched.setattr(router_connection, "_PAUSE_S", 0.001)
        play(lambda: deliver(host_plan, driver_plan))


def test_a_driver_that_does_not_read_delays_no_other_and_is_forgotten_when_it_goes() -> None:
    async def scene() -> None:
        router = Router(RouterLimits(push_bytes=100_000))
        async with listening(partial(serve, router)) as endpoint, channel_to(endpoint, "reading") as channel:
            update = SubscriptionUpdate(added=[Subscription(1, None, 1 << 40)])
            request = Request(1, RouterCall.UPDATE_SUBSCRIPTIONS, encode(update))
            _, writer = await connect_slowly(endpoint, "stuck", request)
            connections = RouterConnections([RouterConnection(StreamTransport(channel, none_ended))])
            reader = Reader(connections.source_of("raven"), "raven", (1, 0), 1 << 20)

            for number in range(1, SEGMENTS + 1):
                router.publish(encode_segments([large_segment(number)]))
                assert [event.seq for event in await reader.batch()] == [number]
            (stuck,) = (each for each in router.subscriptions.drivers if each.id == "stuck")
            assert not stuck.is_writable
            assert router.subscriptions.has_deliverable(stuck)
            gone, forget = asyncio.Event(), stuck.on_lost

            def lose() -> None:
                forget()
                gone.set()

            stuck.on_lost = lose
            writer.transport.abort()
            await gone.wait()
            assert stuck not in router.subscriptions.drivers
            await connections.close(RuntimeClosed("the test is over"))

    play(scene)


def large_segment(number: int) -> Segment:
    return Segment("raven", 1, number, 1, encode_events([TextChunk(turn=1, text="x" * SEGMENT_BYTES)]))
