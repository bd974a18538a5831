"""The catalog as sessions write it: what it says is stored, and nothing waits for it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.session import scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Window
from rayconteur.runtime import Labels
from rayconteur.runtime.journal.catalog.details import CatalogDetails, decode_details
from rayconteur.runtime.journal.catalog.rows import CatalogChange, CatalogRow
from rayconteur.runtime.journal.entry import SessionKey
from rayconteur.runtime.journal.errors import JournalUnavailable
from rayconteur.runtime.journal.journal import Capabilities
from rayconteur.scripted import Say, Wait

RAVEN = SessionKey(*KEY)
ECHO = rc.SessionConfig(provider=rc.Scripted(), labels=Labels(owner="poe", title="The Raven", tags=("verse",)))


class WatchedJournal(SlowJournal):
    """Takes words, and checks that what the catalog is told is stored. A write takes *write_s*."""

    capabilities = Capabilities(durable=False, shared=False, searchable=True)

    def __init__(self, write_s: float = 0.01, delay_s: float = 0.01) -> None:
        super().__init__(delay_s)
        self.write_s = write_s
        self.changes: list[CatalogChange] = []
        self.reads = 0
        self.is_away = False
        self.running = 0
        self.problems: list[str] = []

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        if self.is_away:
            raise JournalUnavailable("away")
        if self.running:
            self.problems.append("there are two writes in flight")
        for row in (change.row for change in changes):
            stored = (await self.position(*row.session)).number
            if row.number > stored:
                self.problems.append(f"record {row.number} is in the catalog, and only {stored} are stored")
        self.running += 1
        await asyncio.sleep(self.write_s)
        self.running -= 1
        self.changes += changes
        await super().put_catalog(changes)

    async def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        self.reads += 1
        return await super().catalog_rows(sessions)

    async def row(self, is_wanted: Callable[[CatalogRow, CatalogDetails], bool]) -> CatalogRow:
        """The row of the session when it is as wanted."""
        for _ in range(1_000):
            for row in await super().catalog_rows([RAVEN]):
                if is_wanted(row, decode_details(row)):
                    return row
            await asyncio.sleep(0.05)
        raise AssertionError(f"not so: {await self.catalog_rows([RAVEN])}")

    def words(self) -> dict[int, str]:
        """The words that the index has."""
        words: dict[int, str] = {}
        for change in self.changes:
            words = {**({} if change.replaces else words), **change.words}
        return words


@asynccontextmanager
async def watched(journal: WatchedJournal, config: rc.SessionConfig = ECHO) -> AsyncGenerator[Namespace]:
    """A namespace with the session, in which nothing is wrong."""
    namespace = Namespace(journal)
    await namespace.open(config)
    yield namespace
    await namespace.stop()
    assert journal.problems == []


async def ask(namespace: Namespace, *texts: str) -> None:
    """Ask one after the other, and wait for the ends of the turns."""
    for text in texts:
        turn = await namespace.host.ask(text)
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == turn)  # noqa: B023


def test_a_session_is_in_the_catalog_from_its_start_and_as_of_its_last_turn() -> None:
    async def main() -> None:
        journal = WatchedJournal()
        async with watched(journal) as namespace:
            row = await journal.row(lambda row, details: True)
            assert (row.owner, row.tags, row.messages, row.is_closed) == ("poe", ("verse",), 0, False)
            await ask(namespace, "nevermore")
            row = await journal.row(lambda row, details: details.turns == 1)
            details, status = decode_details(row), namespace.host.host.status(KEY)
            assert (row.messages, details.requests, details.usage) == (2, 1, status.usage)
            assert (details.title, details.created_at, details.provider) == ("The Raven", status.created_at, "scripted")
            assert row.last_at == namespace.read()[-1].at

    run(main())


def test_labels_can_be_changed_and_survive() -> None:
    async def main() -> None:
        journal = WatchedJournal()
        async with watched(journal) as namespace:
            labels = Labels(owner="poe", project="works", title="Lenore", metadata={"stanza": "2"})

            await namespace.host.send(rc.Configure(labels=labels))
            row = await journal.row(lambda row, details: details.title == "Lenore")
            assert (row.project, row.tags, decode_details(row).metadata) == ("works", (), {"stanza": "2"})
            namespace.host.kill()
            await namespace.recover()

            assert namespace.host.host.settings(KEY).labels == labels

    run(main())


def test_changes_that_come_during_a_write_are_one() -> None:
    async def main() -> None:
        journal = WatchedJournal(write_s=5)
        async with watched(journal) as namespace:
            await ask(namespace, *map(str, range(10)))
            row = await journal.row(lambda row, details: details.turns == 10)

            assert row.messages == 20
            assert len(journal.changes) <= 3
            assert journal.words() == {0: "the raven", **{turn: str(turn - 1) for turn in range(1, 11)}}

    run(main())


def test_no_turn_and_no_end_of_a_session_waits_for_a_catalog_that_does_not_answer() -> None:
    async def main() -> None:
        async with watched(WatchedJournal(write_s=1e6)) as namespace:
            started_s = asyncio.get_running_loop().time()

            await ask(namespace, "once", "upon", "a midnight")
            assert asyncio.get_running_loop().time() - started_s < 1
            await namespace.host.host.close(KEY, drain=False)
            assert asyncio.get_running_loop().time() - started_s < 5

    run(main())


def test_what_is_not_stored_yet_is_not_in_the_catalog() -> None:
    """A turn begins, and is recorded, while the row of the one before waits for its time."""

    async def main() -> None:
        journal = WatchedJournal(write_s=0.37, delay_s=0.3)
        async with watched(journal) as namespace:
            for number in range(30):
                await ask(namespace, str(number))
            await journal.row(lambda row, details: details.turns == 30)

    run(main())


def test_a_closed_session_is_closed_in_the_catalog_when_it_has_ended() -> None:
    """Its end waits for two writes, the one in flight and its own, but for no pause between them."""

    async def main() -> None:
        journal = WatchedJournal(write_s=0.5)
        async with watched(journal) as namespace:
            await ask(namespace, "nevermore")
            started_s = asyncio.get_running_loop().time()

            await namespace.host.host.close(KEY, drain=False)

            [row] = await journal.catalog_rows([RAVEN])
            assert row.is_closed
            assert asyncio.get_running_loop().time() - started_s < 1.2

    run(main())


def test_what_a_store_that_was_away_has_not_taken_is_written_later() -> None:
    async def main() -> None:
        journal = WatchedJournal()
        async with watched(journal) as namespace:
            journal.is_away = True
            await ask(namespace, "once", "upon")
            await asyncio.sleep(60)
            assert not any(change.row.messages for change in journal.changes)

            journal.is_away = False
            await journal.row(lambda row, details: details.turns == 2)

            assert journal.words() == {0: "the raven", 1: "once", 2: "upon"}

    run(main())


def test_the_next_process_writes_what_the_one_before_has_not() -> None:
    async def main() -> None:
        journal = WatchedJournal()
        async with watched(journal) as namespace:
            await ask(namespace, "once")
            await journal.row(lambda row, details: details.turns == 1)
            journal.is_away = True
            await ask(namespace, "upon a midnight", "dreary")
            namespace.host.kill()
            journal.is_away = False
            journal.changes.clear()

            await namespace.recover()
            await journal.row(lambda row, details: details.turns == 3)

            assert journal.words() == {2: "upon a midnight", 3: "dreary"}  # what was written is not written again

    run(main())


def test_the_row_of_a_session_that_goes_on_in_another_process_is_read_once() -> None:
    async def main() -> None:
        journal = WatchedJournal()
        async with watched(journal) as namespace:
            await ask(namespace, "one")
            assert journal.reads == 0, "its own process has written all of it"
            namespace.host.kill()
            await namespace.recover()
            await ask(namespace, "two", "three")
            await journal.row(lambda row, details: details.turns == 3)
            assert journal.reads == 1

    run(main())


def test_what_leaves_the_history_is_no_longer_found_and_a_running_turn_not_yet() -> None:
    async def main() -> None:
        journal = WatchedJournal()
        answers = ((Say(text="one"),), (Say(text="two"),), (Wait(100), Say(text="three")))
        async with watched(journal, scripted_config(*answers)) as namespace:
            await ask(namespace, "first", "second")
            await journal.row(lambda row, details: details.turns == 2)

            await namespace.host.send(rc.runtime.Rewind())
            await journal.row(lambda row, details: row.messages == 2)
            assert journal.words() == {1: "first one"}

            await namespace.host.ask("third")
            await namespace.host.send(rc.Configure(labels=Labels(title="Waiting")))
            await journal.row(lambda row, details: details.title == "Waiting")
            assert journal.words() == {0: "waiting", 1: "first one"}

    run(main())


def test_words_that_a_compaction_has_removed_before_they_were_written_are_found() -> None:
    config = msgspec.structs.replace(ECHO, compaction=Window(keep_recent_turns=1, max_turns=1))

    async def main() -> None:
        journal = WatchedJournal()
        async with watched(journal, config) as namespace:
            journal.is_away = True
            await ask(namespace, "once", "upon", "midnight")
            await namespace.wait_for(lambda event: isinstance(event, rc.Compacted) and event.turn == 3)

            journal.is_away = False
            await journal.row(lambda row, details: details.turns == 3)

            assert journal.words() == {0: "the raven", 1: "once", 2: "upon", 3: "midnight"}

    run(main())


def test_a_long_history_is_indexed_in_parts() -> None:
    async def main() -> None:
        journal = WatchedJournal()
        async with watched(journal) as namespace:
            long = [rc.Message.of_user("word " * 50_000 + str(number)) for number in range(10)]
            answers = [rc.Message.of_assistant("nevermore")] * 10
            await namespace.host.send(
                rc.runtime.AddMessages(
                    messages=tuple(each for pair in zip(long, answers, strict=True) for each in pair)
                )
            )
            for _ in range(100):
                await asyncio.sleep(0.1)

            assert sorted(journal.words()) == list(range(11))
            assert max(len(change.words) for change in journal.changes) < 10

    run(main())
