"""Sessions that have left memory: their router forgets them, and readers lose nothing but chunks."""

from collections.abc import AsyncIterator

import pytest
from builders.segments import labels, segment
from fixtures.event_network import InProcessTransport, Network, play, reader_of, reader_of_all, wait_idle

from rayconteur.runtime.api.errors import RuntimeClosed
from rayconteur.runtime.api.events import FromLLM, Missed
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router_connections import connections_of
from rayconteur.runtime.events.segments import HeldSession, Segment, SessionEnd, decode_events, encode_segments


def publish(network: Network, *segments: Segment) -> None:
    network.routers[0].publish(encode_segments(segments), "host")


def forget(network: Network, last_seq: int, incarnation: int = 1) -> None:
    network.routers[0].forget([HeldSession("a", 1, incarnation, last_seq)])


def go_on(network: Network, last_seq: int, incarnation: int = 2) -> int:
    """The number that the events of the next incarnation follow."""
    return network.routers[0].take_over(HeldSession("a", 1, incarnation, last_seq), "another host")


async def batches(reader: Reader, count: int) -> list[str]:
    return [label for _ in range(count) for label in labels(await reader.batch())]


def test_a_reader_goes_on_when_the_session_does() -> None:
    async def scene(network: Network) -> None:
        network.claim("a")
        publish(network, segment("a", 1, count=3))
        reader = reader_of(network.connect_driver(), "a", 1)
        assert await batches(reader, 1) == ["a1", "a2", "a3"]

        forget(network, 3)
        assert "a" not in network.routers[0].subscriptions.log
        await wait_idle()
        assert go_on(network, 3) == 3
        publish(network, segment("a", 4, incarnation=2))

        assert await batches(reader, 1) == ["a4"]

    play(scene)


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_reader_that_lags_is_told_what_the_router_has_forgotten(goes_on: bool) -> None:
    async def scene(network: Network) -> None:
        network.claim("a")
        reader = reader_of(network.connect_driver(), "a", 1, limit_bytes=1)
        publish(network, segment("a", 1))
        publish(network, segment("a", 2))
        publish(network, segment("a", 3))
        await wait_idle()

        forget(network, 3)
        if goes_on:
            go_on(network, 3)
            publish(network, segment("a", 4, incarnation=2))

        assert await batches(reader, 3 if goes_on else 2) == ["a1", "a2-3?", *(["a4"] if goes_on else [])]

    play(scene)


@pytest.mark.parametrize("end", [SessionEnd.NONE, SessionEnd.CLOSED])
def test_a_reader_of_a_session_that_its_router_does_not_know_reads_what_is_recorded(end: SessionEnd) -> None:
    async def find_recorded(session_id: str, epoch: int) -> Segment | None:
        return Segment(session_id, epoch, 8, 0, b"", end)

    async def find_missed(missed: Missed, epoch: int) -> AsyncIterator[list[FromLLM]]:
        assert (missed.first, missed.last, epoch) == (3, 7, 1)
        yield decode_events(segment("a", 3, count=5))

    async def scene(network: Network) -> None:
        network.claim("a")
        connections = connections_of([InProcessTransport(network, 0, "driver")], find_recorded)
        reader = reader_of(connections, "a", 1, after=2)
        reader.find_missed = find_missed

        assert await batches(reader, 1) == ["a3", "a4", "a5", "a6", "a7"]
        if end:
            with pytest.raises(StopAsyncIteration):
                await reader.batch()
        else:
            go_on(network, 7)
            publish(network, segment("a", 8, incarnation=2))
            assert await batches(reader, 1) == ["a8"]
        await connections.close(RuntimeClosed("the test is over"))

    play(scene)


def test_a_reader_of_all_sessions_from_now_on_gets_nothing_of_what_was_before() -> None:
    async def scene(network: Network) -> None:
        network.claim("a")
        publish(network, segment("a", 1, count=3))
        forget(network, 3)
        reader = reader_of_all(network.connect_driver(), from_now=True)
        await wait_idle()

        go_on(network, 3)
        publish(network, segment("a", 4, incarnation=2))

        assert await batches(reader, 1) == ["a4"]
        forget(network, 4, incarnation=2)
        go_on(network, 4, incarnation=3)
        publish(network, segment("a", 6, incarnation=3))
        assert await batches(reader, 1) == ["a5-5?", "a6"]

    play(scene)


def test_a_forgetting_that_comes_late_does_nothing() -> None:
    async def scene(network: Network) -> None:
        network.claim("a")
        publish(network, segment("a", 1, count=3))
        go_on(network, 3)
        publish(network, segment("a", 4, incarnation=2))

        forget(network, 3)

        reader = reader_of(network.connect_driver(), "a", 1)
        assert await batches(reader, 2) == ["a1", "a2", "a3", "a4"]

    play(scene)
