"""A session whose process is lost: its readers are told at once, by a ``ProcessLost`` that takes no number."""

from builders.segments import publish_chunks
from fixtures.event_network import Network, play, reader_of, reader_of_all, wait_idle

from rayconteur.runtime.api.errors import DeathReason
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.segments import EndedSessions, SessionEnd

LOST = ("ProcessLost", 2)


def lose(network: Network) -> None:
    """Tell the router that the process of session a has died, and that the session goes on."""
    network.routers[0].end_sessions(EndedSessions({"a": 1}, SessionEnd.LOST, DeathReason.CRASHED, "a host"))


def chunks(*numbers: int) -> list[tuple[str, int]]:
    return [("TextChunk", number) for number in numbers]


async def read_all(reader: Reader) -> list[tuple[str, int]]:
    """What *reader* has got: the kind of each event, and its number."""
    found: list[tuple[str, int]] = []
    await wait_idle()
    while reader.size_bytes:
        found += [(type(event).__name__, event.seq) for event in await reader.batch()]
        await wait_idle()
    return found


def test_the_next_event_has_the_number_after_the_last_one_before_the_loss() -> None:
    """It may have been recorded and not published, and then it has that number already."""

    async def scene(network: Network) -> None:
        of_one = reader_of(network.connect_driver(), "a", 1)
        of_all = reader_of_all(network.connect_driver())
        await publish_chunks(network.start_host().spawn("a"), 2)

        lose(network)
        lose(network)
        await publish_chunks(network.start_host().take_over("a", 2), 1)
        lose(network)

        for reader in (of_one, of_all):
            assert await read_all(reader) == [*chunks(1, 2), LOST, *chunks(3), ("ProcessLost", 3)]

    play(scene)


def test_a_slow_reader_is_told_before_it_gets_what_another_process_has_published() -> None:
    async def scene(network: Network) -> None:
        reader = reader_of(network.connect_driver(), "a", 1, limit_bytes=300)
        await publish_chunks(network.start_host().spawn("a"), 2)
        lose(network)
        await publish_chunks(network.start_host().take_over("a", 2), 2)

        assert await read_all(reader) == [*chunks(1, 2), LOST, *chunks(3, 4)]

    play(scene)


def test_who_connects_again_is_told_once_and_who_comes_later_as_long_as_no_process_has_the_session() -> None:
    async def scene(network: Network) -> None:
        reader = reader_of(network.connect_driver(), "a", 1)
        await publish_chunks(network.start_host().spawn("a"), 2)
        lose(network)
        await wait_idle()
        for link in network.links_of("driver-0"):
            link.lose()
        late = reader_of(network.connect_driver(), "a", 1, after=2)
        late_of_all = reader_of_all(network.connect_driver())

        assert await read_all(reader) == [*chunks(1, 2), LOST]
        assert await read_all(late) == [LOST]
        assert await read_all(late_of_all) == [*chunks(1, 2), LOST]

        await publish_chunks(network.start_host().take_over("a", 2), 1)
        latest = reader_of(network.connect_driver(), "a", 1)
        assert await read_all(latest) == chunks(1, 2, 3)
        assert await read_all(reader) == chunks(3)

    play(scene)


def test_a_reader_is_told_though_the_router_was_restarted_and_has_lost_all_that_it_knew() -> None:
    async def scene(network: Network) -> None:
        host = network.start_host()
        await publish_chunks(host.spawn("a"), 2)
        reader = reader_of(network.connect_driver(), "a", 1)
        await wait_idle()
        host.stop()
        network.restart_router()
        lose(network)

        assert await read_all(reader) == [*chunks(1, 2), LOST]

    play(scene)
