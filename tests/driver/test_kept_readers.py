"""Readers that are kept between turns: what they save, and that nothing of a turn is lost by it."""

import asyncio

from builders.segments import publish_events, segment
from fixtures.event_network import LIMIT_BYTES, Network, play, reader_of
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.runtime.driver.kept_readers import KeptReaders
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.segments import Segment
from rayconteur.scripted import Say, Script


class Source:
    """A source that counts its subscriptions."""

    def __init__(self) -> None:
        self.subscribed = 0

    def subscribe(self, reader: Reader) -> None:
        self.subscribed += 1

    def acknowledge(self, reader: Reader, segment: Segment) -> None:
        pass

    async def check_responds(self, within_s: float) -> None:
        raise NotImplementedError

    def unsubscribe(self, reader: Reader) -> None:
        self.subscribed -= 1

    def reader(self, session_id: str, epoch: int = 1) -> Reader:
        return Reader(self, session_id, (epoch, 0), LIMIT_BYTES)


def test_a_kept_reader_keeps_its_subscription_until_it_is_taken_and_closed() -> None:
    async def main() -> None:
        source, kept = Source(), KeptReaders()
        reader = source.reader("a")

        kept.keep(reader)

        assert source.subscribed == 1
        assert (kept.take("a", 2), kept.take("b", 1)) == (None, None)
        assert kept.take("a", 1) is reader
        assert kept.take("a", 1) is None
        assert reader.feed(segment("a", 1))
        kept.close()

    run(main())


def test_one_reader_of_a_session_is_kept() -> None:
    async def main() -> None:
        source, kept = Source(), KeptReaders()
        first, second = source.reader("a"), source.reader("a")

        kept.keep(first)
        kept.keep(second)

        assert (source.subscribed, first.ended, second.ended) == (1, False, True)
        kept.close()

    run(main())


def test_a_reader_that_has_ended_is_not_given_out() -> None:
    async def main() -> None:
        source, kept = Source(), KeptReaders()
        before, meanwhile = source.reader("a"), source.reader("b")
        before.fail(TimeoutError())
        kept.keep(before)
        kept.keep(meanwhile)

        meanwhile.fail(TimeoutError())

        assert (kept.take("a", 1), kept.take("b", 1)) == (None, None)
        kept.close()

    run(main())


def test_of_many_kept_readers_the_oldest_is_closed() -> None:
    async def main() -> None:
        source, kept = Source(), KeptReaders(limit=2)

        for name in "abc":
            kept.keep(source.reader(name))

        assert source.subscribed == len(kept) == 2
        assert kept.take("a", 1) is None
        kept.close()

    run(main())


def test_a_reader_that_nobody_needs_is_closed_after_a_while() -> None:
    async def main() -> None:
        source, kept = Source(), KeptReaders(keep_s=30.0)
        kept.keep(source.reader("a"))
        await asyncio.sleep(20.0)
        kept.keep(source.reader("b"))

        await asyncio.sleep(11.0)

        assert source.subscribed == len(kept) == 1
        await asyncio.sleep(20.0)
        assert source.subscribed == len(kept) == 0

    run(main())


def test_the_next_turn_sends_the_router_nothing_and_reads_what_follows() -> None:
    async def scene(network: Network) -> None:
        driver, kept = network.connect_driver(), KeptReaders()
        box = network.start_host().spawn("a")
        reader = reader_of(driver, "a", network.live["a"])
        await publish_events(box, 3)
        await asyncio.sleep(1.0)
        network.calls.clear()

        kept.keep(reader)
        await publish_events(box, 2)
        await asyncio.sleep(1.0)
        taken = kept.take("a", network.live["a"])
        await publish_events(box, 2)

        assert taken is reader
        assert [event.seq for event in (*await reader.batch(), *await reader.batch())] == [6, 7]
        assert "update_subscriptions" not in network.calls
        reader.close()
        kept.close()

    play(scene)


def test_each_turn_has_all_its_events_whoever_asked_before(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    answers = tuple((Say(text=f"Answer {number}."),) for number in range(8))
    config = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=answers)))

    async def turn(session: rc.SessionHandle) -> str:
        return (await session.ask("Hi")).text

    async def main() -> list[str]:
        one = await async_runtime.spawn(config, "shared")
        other = await async_runtime.session("shared")
        texts = [await turn(one), await turn(one), await turn(other)]
        await one.clear()
        texts += sorted(await asyncio.gather(turn(one), turn(other), turn(one)))
        async for _ in one.ask("Hi"):  # left early: nobody reads the rest
            break
        return [*texts, await turn(one)]

    assert runner.run(main()) == [f"Answer {number}." for number in (0, 1, 2, 3, 4, 5, 7)]
