"""The past of sessions of a namespace with a journal: read, gone on from, also when they were closed."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from cluster.journal.test_durable_sessions import Journaled, read, texts

import rayconteur as rc
from rayconteur.errors import UnknownSession, UnknownTurn
from rayconteur.runtime import ForkOrigin, SQLiteJournalConfig
from rayconteur.scripted import Say, Script, Wait

ANSWERS = Script(answers=((Say("1"),), (Say("2"),), (Say("3"), Wait())))
CONFIG = rc.SessionConfig(provider=rc.Scripted(script=ANSWERS), system="be brief")


@pytest.fixture
def journaled(options: rc.RuntimeOptions, tmp_path: Path) -> Journaled:
    return Journaled(options, SQLiteJournalConfig(str(tmp_path / "journal.db")))


def text_of(messages: Iterable[rc.Message]) -> list[str]:
    return ["".join(each.text for each in message.content if isinstance(each, rc.Text)) for message in messages]


def test_a_session_is_forked_while_it_runs_after_its_actor_died_and_when_it_was_closed(journaled: Journaled) -> None:
    async def main() -> None:
        async with journaled.runtime() as runtime:
            session = await runtime.spawn(CONFIG, "raven")
            for question in ("one", "two"):
                await session.ask(question)
            await session.configure(rc.Configure(system="sing"))
            await session.send(rc.UserMessage.of("three"))

            fork = await session.fork(at=1, session_id="crow")
            assert await texts(fork) == ["one", "1"]
            assert (await fork.status()).forked_from == ForkOrigin(session_id="raven", epoch=session.epoch, turn=1)
            assert ((await fork.settings()).system, (await session.settings()).system) == ("be brief", "sing")
            assert (await fork.ask("another two").answer()).turn == 2
            assert await texts(await session.fork()) == ["one", "1", "two", "2"]
            with pytest.raises(UnknownTurn):
                await session.fork(at=3)

            await journaled.kill_host(session)
            await session.interrupt()
            await session.rewind(to=1)
            await session.clear()
            assert text_of(await session.history(at=2)) == ["one", "1", "two", "2"]
            assert text_of(await session.history(at=2, limit=1, roles=["user"])) == ["two"]
            assert len(rc.load(await session.export(at=1))) == 2
            assert await texts(await session.fork(at=2)) == ["one", "1", "two", "2"]
            await fork.status()  # where it goes on
            await journaled.kill_host(fork)
            assert (await fork.status()).forked_from == ForkOrigin(session_id="raven", epoch=session.epoch, turn=1)
            await session.close()
            await closed_session_is_read(runtime)

    asyncio.run(main())


async def closed_session_is_read(runtime: rc.Runtime) -> None:
    with pytest.raises(UnknownSession):
        await runtime.session("raven")
    stored = await runtime.stored("raven")
    events = [event async for event in stored.events(after=0)]
    assert [event.turn for event in events if isinstance(event, rc.Completed)] == [1, 2]
    assert isinstance(events[-1], rc.Closed)
    assert [event async for event in stored.events(after=events[-2].seq)] == events[-1:]
    assert await stored.history() == ()
    assert text_of(await stored.history(at=1)) == ["one", "1"]
    assert [(await stored.settings(at=turn)).system for turn in (1, None)] == ["be brief", "sing"]
    fork = await stored.fork(at=2)
    assert await texts(fork) == ["one", "1", "two", "2"]
    await read(fork.events(), until=rc.Completed, turn=(await fork.ask("and now?").answer()).turn)

    again = await runtime.spawn(CONFIG, "raven")
    await again.ask("anew")
    assert await stored.epochs() == (stored.epoch, again.epoch)
    sessions = [await runtime.stored("raven", epoch) for epoch in await stored.epochs()]
    assert [text_of(await each.history(at=1)) for each in sessions] == [["one", "1"], ["anew", "1"]]
    assert (await runtime.stored("raven")).epoch == again.epoch
    with pytest.raises(UnknownSession, match="ghost"):
        await runtime.stored("ghost")
