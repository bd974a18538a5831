"""Idle sessions of a namespace leave memory and their actors, and come back by themselves."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import msgspec
import pytest
import ray
from fixtures.named_actors import actor_names, wait_until

import rayconteur as rc
from rayconteur.errors import InvalidConfig, UnknownSession
from rayconteur.runtime import ForkOrigin, Labels, Placement, ProcessLost, SQLiteJournalConfig, Where
from rayconteur.runtime.cluster.directory.actor import DirectoryHandle

AFTER_S = 0.2
ECHO = rc.SessionConfig(provider=rc.Scripted())


class Idle:
    """Runtimes of one namespace whose sessions soon leave memory."""

    def __init__(self, options: rc.RuntimeOptions, journal: SQLiteJournalConfig) -> None:
        self.options = rc.RuntimeOptions(namespace=options.namespace, journal=journal, passivate_after_s=AFTER_S)

    @asynccontextmanager
    async def runtime(self, placement: Placement) -> AsyncGenerator[rc.Runtime]:
        async with rc.Runtime(placement=placement, options=self.options) as runtime:
            yield runtime

    def place(self, session_id: str) -> object:
        """Where the session is, as the directory knows it."""
        directory = cast(DirectoryHandle, ray.get_actor("_directory", self.options.namespace))
        return ray.get(directory.find.remote(session_id))

    async def gone(self, *session_ids: str) -> None:
        """Wait until these sessions are nowhere."""
        for session_id in session_ids:
            await asyncio.to_thread(lambda: asyncio.run(wait_until(lambda: self.place(session_id) is None)))  # noqa: B023

    def hosts(self) -> set[str]:
        """The names of the session actors."""
        return {name for name in actor_names(self.options.namespace) if name.startswith(("_host-", "_session-"))}


@pytest.fixture
def idle(options: rc.RuntimeOptions, tmp_path: Path) -> Idle:
    return Idle(options, SQLiteJournalConfig(str(tmp_path / "journal.db")))


def test_the_past_of_a_session_that_has_left_can_be_read_and_forked(idle: Idle) -> None:
    async def main() -> None:
        async with idle.runtime(rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO, "a")
            for question in ("one", "two"):
                assert (await session.ask(question)).text == question
            await idle.gone("a")
            assert len(await (await runtime.stored("a")).history(at=1)) == 2
            assert idle.place("a") is None  # that wakes nobody

            assert len(await session.history(at=1)) == 2
            await idle.gone("a")
            fork = await session.fork(at=1, session_id="b")
            await idle.gone("a", "b")
            assert (await fork.ask("three")).turn == 2
            await idle.gone("b")
            status = await fork.status()
            assert status.forked_from == ForkOrigin(session_id="a", epoch=session.epoch, turn=1)

            await session.rewind(to=1)
            await idle.gone("a")
            assert len(await session.history()) == 2

    asyncio.run(main())


def test_packed_sessions_leave_free_their_places_and_come_back_for_each_kind_of_call(idle: Idle) -> None:
    few = rc.Packed(sessions_per_actor=3)

    async def main() -> None:
        async with idle.runtime(few) as runtime:
            everything = runtime.events()
            first = await runtime.spawn_many(ECHO, ["a", "b", "c"])
            reader = first[0].events()
            assert (await first[0].ask("one")).text == "one"
            await idle.gone("a", "b", "c")
            assert list(await runtime.sessions()) == []

            second = await runtime.spawn_many(ECHO, ["d", "e", "f"])
            await idle.gone("d", "e", "f")
            assert len(idle.hosts()) == 1  # the places of the first ones are free

            assert (await first[0].ask("two")).text == "two"
            await idle.gone("a")
            assert (await first[0].status()).turns == 2
            await idle.gone("a")
            assert len(await first[0].history()) == 4
            await idle.gone("a")
            assert (await (await runtime.session("a")).ask("three")).text == "three"
            await idle.gone("a")
            assert (await (await runtime.open("a", ECHO)).ask("four")).text == "four"
            await idle.gone("a", "b")
            await second[0].close()
            await first[1].close()
            with pytest.raises(UnknownSession):
                await runtime.session("b")
            await idle.gone("a")

            require_gapless(events := await up_to_turn(reader, 4))
            of_all = [event async for event in until_turn(everything, 4) if event.session_id == "a"]
            assert of_all == events
            later = await up_to_turn(first[0].events(), 4)  # while it is nowhere: from the journal
            recorded = [event for event in events if not isinstance(event, rc.TextChunk | rc.StreamStarted)]
            assert [event for event in later if not isinstance(event, rc.Missed)] == recorded

    asyncio.run(main())


def require_gapless(events: list[rc.FromLLM]) -> None:
    """Check that these are all events of a session to which nothing happened that readers are told of."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert not any(isinstance(event, rc.Missed | ProcessLost | rc.Retrying) for event in events)


async def until_turn(reader: AsyncIterator[rc.FromLLM], turn: int) -> AsyncGenerator[rc.FromLLM]:
    """The events up to the end of a turn."""
    async for event in reader:
        yield event
        if isinstance(event, rc.Completed) and event.turn == turn:
            return


async def up_to_turn(reader: AsyncIterator[rc.FromLLM], turn: int) -> list[rc.FromLLM]:
    return [event async for event in until_turn(reader, turn)]


def test_a_dedicated_session_ends_its_process_and_comes_back_in_another(idle: Idle) -> None:
    async def main() -> None:
        async with idle.runtime(rc.Dedicated()) as runtime:
            session = await runtime.spawn(ECHO, "raven")
            reader = session.events()
            await session.ask("one")
            await asyncio.to_thread(lambda: asyncio.run(wait_until(lambda: idle.hosts() == set())))

            assert (await session.ask("two")).text == "two"

            require_gapless(await up_to_turn(reader, 2))

    asyncio.run(main())


@pytest.mark.chaos
def test_messages_sent_around_the_moment_at_which_a_session_leaves_are_handled_once_and_in_order(idle: Idle) -> None:
    rounds = 25

    async def main() -> None:
        async with idle.runtime(rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO, "raven")
            reader = session.events()
            for number in range(rounds):
                await session.ask(f"{number}")
                await asyncio.sleep(AFTER_S + (number % 13 - 4) * 0.002)
                assert [reply.text for reply in await asyncio.gather(*(session.ask(f"{number}.{n}") for n in (1, 2)))]

            assert (await session.status()).turns == 3 * rounds
            events = await up_to_turn(reader, 3 * rounds)
            require_gapless(events)
            completed = [event.turn for event in events if isinstance(event, rc.Completed)]
            assert completed == list(range(1, 3 * rounds + 1))

    asyncio.run(main())


def test_without_a_journal_the_setting_is_refused(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        with pytest.raises(InvalidConfig, match=r"options\.passivate_after_s.*journal"):
            async with rc.Runtime(options=msgspec.structs.replace(options, passivate_after_s=1)):
                pass
        async with rc.Runtime(placement=rc.Packed(), options=options) as runtime:
            with pytest.raises(InvalidConfig, match=r"config\.passivate_after_s.*journal"):
                await runtime.spawn(rc.SessionConfig(provider=rc.Scripted(), passivate_after_s=1))

    asyncio.run(main())


def test_calls_for_many_sessions_reach_those_that_have_left_if_they_should(idle: Idle) -> None:
    async def main() -> None:
        async with idle.runtime(rc.Packed()) as runtime:
            poe = msgspec.structs.replace(ECHO, labels=Labels(owner="poe"))
            await runtime.spawn_many(poe, ["a", "b"])
            await runtime.spawn(ECHO, "other")
            await runtime.templates.put("support", ECHO)
            await runtime.spawn(rc.Template("support"), "follows")
            await idle.gone("a", "b", "other", "follows")
            where, change = Where(owner="poe"), rc.Configure(system="new")

            assert (await runtime.configure(change, Where(template="support"), stored=True)).done == ["follows"]
            assert (await runtime.close(Where(template="support"), stored=True)).done == ["follows"]
            await idle.gone("a", "b", "other")
            assert await runtime.configure(change, where) == []
            assert (await runtime.configure(change, where, stored=True)).done == ["a", "b"]
            await idle.gone("a", "b")
            assert [each.done for each in await runtime.configure(change, where, stored=True)] == [False, False]
            assert (await (await runtime.session("a")).settings()).system == "new"
            assert (await (await runtime.session("other")).settings()).system is None

            await idle.gone("a", "b", "other")
            assert await runtime.close(where) == []
            assert (await runtime.close(where, stored=True)).done == ["a", "b"]
            assert await runtime.close(where, stored=True) == []
            assert await runtime.catalog.count(state="closed") == 3

    asyncio.run(main())
