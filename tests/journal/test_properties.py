"""Writers that repeat, skip and take over: a journal has each record once and in order, from one writer at a time."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from servers.databases.postgres import Postgres
from servers.databases.redis import Redis

from rayconteur.runtime.journal.conformance.samples import A, B, entry
from rayconteur.runtime.journal.entry import Entry, SessionKey
from rayconteur.runtime.journal.errors import RecordConflict, RecordGap, StaleIncarnation, UnknownJournalSession
from rayconteur.runtime.journal.journal import Journal
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.journal.postgres.journal import PostgresJournal
from rayconteur.runtime.journal.redis.journal import RedisJournal
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal

OpenNamed = Callable[[str], Coroutine[None, None, Journal]]
"""Opens the journal of a name: empty at first, and later with what is stored."""

sessions = st.sampled_from([A, B])
processes = st.integers(0, 1)


class Writers(RuleBasedStateMachine):
    """The model: the entries that each session has, and its current incarnation.

    Two processes have a shared journal open, one has any other.
    """

    def __init__(self, open_journal: OpenNamed) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.name = uuid4().hex
        self.open_journal = open_journal
        self.journals = [self.opened()]
        if self.journals[0].capabilities.shared:
            self.journals.append(self.opened())
        self.stored: dict[SessionKey, list[Entry]] = {A: [], B: []}
        self.incarnations = {A: 0, B: 0}

    def opened(self) -> Journal:
        return self.runner.run(self.open_journal(self.name))

    def journal(self, process: int) -> Journal:
        return self.journals[process % len(self.journals)]

    @rule(
        sent=st.lists(
            st.tuples(sessions, st.integers(-2, 2), st.integers(-1, 1), st.booleans()), min_size=1, max_size=6
        ),
        process=processes,
    )
    def append(self, sent: list[tuple[SessionKey, int, int, bool]], process: int) -> None:
        """Numbers and incarnations around the expected ones, and data that is now and then another's."""
        entries = [
            entry(
                session,
                max(1, len(self.stored[session]) + 1 + off),
                max(1, self.incarnations[session] + newer),
                b"other" if is_other else b"data",
            )
            for session, off, newer, is_other in sent
        ]
        rejected: dict[tuple[SessionKey, int], type] = {}
        expected = [self.expect(each, rejected) for each in entries]
        results = self.runner.run(self.journal(process).append(entries))
        assert [type(result) for result in results] == expected

    def expect(self, sent: Entry, rejected: dict[tuple[SessionKey, int], type]) -> type:
        stored, current = self.stored[sent.session], self.incarnations[sent.session]
        problem: type = type(None)
        writer = sent.session, sent.incarnation
        if writer in rejected:
            problem = rejected[writer]
        elif sent.incarnation < current:
            problem = StaleIncarnation
        elif sent.number > len(stored) + 1:
            problem = RecordGap
        elif sent.number <= len(stored) and stored[sent.number - 1] != sent:
            problem = RecordConflict
        if problem is not type(None):
            rejected[writer] = problem
            return problem
        self.incarnations[sent.session] = sent.incarnation
        if sent.number == len(stored) + 1:
            stored.append(sent)
        return problem

    @precondition(lambda self: self.stored[A])
    @rule(newer=st.integers(0, 2), process=processes)
    def take_over(self, newer: int, process: int) -> None:
        self.incarnations[A] += newer
        position = self.runner.run(self.journal(process).take_over(A, self.incarnations[A]))
        assert position.number == len(self.stored[A])

    @precondition(lambda self: self.journals[0].capabilities.durable)
    @rule(process=processes)
    def restart(self, process: int) -> None:
        """Close the journal, and open it again."""
        place = process % len(self.journals)
        self.runner.run(self.journals[place].aclose())
        self.journals[place] = self.opened()

    @rule(session=sessions, process=processes)
    def delete(self, session: SessionKey, process: int) -> None:
        self.stored[session], self.incarnations[session] = [], 0
        self.runner.run(self.journal(process).delete(session))

    @invariant()
    def each_process_reads_what_was_stored(self) -> None:
        for journal in self.journals:
            for session, stored in self.stored.items():
                assert self.runner.run(read(journal, session)) == (stored, self.incarnations[session])

    def teardown(self) -> None:
        for journal in self.journals:
            self.runner.run(journal.aclose())
        self.runner.close()


async def read(journal: Journal, session: SessionKey) -> tuple[list[Entry], int]:
    """The entries of *session*, and its incarnation."""
    try:
        return await journal.read(session), (await journal.position(session.id)).incarnation
    except UnknownJournalSession:
        return [], 0


def run_writers(open_journal: OpenNamed, examples: int) -> None:
    class WritersOfStore(Writers):
        def __init__(self) -> None:
            super().__init__(open_journal)

    slow = [HealthCheck.too_slow]
    run_state_machine_as_test(
        WritersOfStore,
        settings=settings(max_examples=examples, stateful_step_count=15, deadline=None, suppress_health_check=slow),
    )


def test_writers_of_a_journal_in_memory() -> None:
    async def open_journal(_: str) -> Journal:
        return MemoryJournal()

    run_writers(open_journal, 50)


def test_writers_of_a_journal_in_sqlite(tmp_path: Path) -> None:
    async def open_journal(name: str) -> Journal:
        return await SQLiteJournal.open(tmp_path / name)

    run_writers(open_journal, 20)


def test_writers_of_a_journal_in_postgresql(postgres: Postgres) -> None:
    async def open_journal(name: str) -> Journal:
        return await PostgresJournal.open(postgres.url(), name)

    run_writers(open_journal, 10)


def test_writers_of_a_journal_in_redis(redis: Redis) -> None:
    async def open_journal(name: str) -> Journal:
        return await RedisJournal.open(redis.url(), name)

    run_writers(open_journal, 20)


WRITERS = 4
RECORDS = 12


async def write_in_competition(journal: Journal, name: int, seed: int) -> list[Entry]:
    """Append records to sessions that others write too, in commits of any of them. Returns what was acknowledged."""
    random = Random(seed * WRITERS + name)
    expected = {A: 1, B: 1, SessionKey(f"of {name}", 1): 1}
    acknowledged: list[Entry] = []
    while min(expected.values()) <= RECORDS:
        keys = random.sample(list(expected), random.randint(1, 3))
        sent = [entry(key, expected[key], data=f"{name} {random.random()}".encode()) for key in keys]
        for each, rejection in zip(sent, await journal.append(sent), strict=True):
            if rejection is None:
                acknowledged.append(each)
            else:
                assert isinstance(rejection, RecordConflict)  # another was faster
            expected[each.session] += 1
    return acknowledged


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("store", ["postgres", "redis"])
def test_competing_writers_store_each_number_once_and_all_that_is_acknowledged(
    store: str, seed: int, request: pytest.FixtureRequest
) -> None:
    url, name = request.getfixturevalue(store).url(), uuid4().hex

    async def open_journal() -> Journal:
        if store == "postgres":
            return await PostgresJournal.open(url, name)
        return await RedisJournal.open(url, name)

    async def main() -> None:
        journals = [await open_journal() for _ in range(WRITERS)]
        acknowledged = await asyncio.gather(
            *(write_in_competition(journal, name, seed) for name, journal in enumerate(journals))
        )

        stored = [
            each for position in await journals[0].sessions() for each in await journals[0].read(position.session)
        ]
        assert sorted(stored, key=place) == sorted((each for part in acknowledged for each in part), key=place)
        assert len(stored) == len({place(each) for each in stored})
        for journal in journals:
            await journal.aclose()

    asyncio.run(main())


def place(stored: Entry) -> tuple[SessionKey, int]:
    return stored.session, stored.number
