"""Writers that repeat, skip and take over: a journal has each record once and in order, from one writer at a time."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rayconteur.runtime.journal.conformance.checks import A, B, entry
from rayconteur.runtime.journal.entry import Entry, SessionKey
from rayconteur.runtime.journal.errors import RecordConflict, RecordGap, StaleIncarnation, UnknownJournalSession
from rayconteur.runtime.journal.journal import Journal
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal

sessions = st.sampled_from([A, B])
sent_entries = st.tuples(sessions, st.integers(-2, 2), st.integers(-1, 1), st.booleans())


class Writers(RuleBasedStateMachine):
    """The model: the entries that each session has, and its current incarnation."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.db"
        self.journals: list[Journal] = [MemoryJournal(), self.runner.run(SQLiteJournal.open(self.path))]
        self.stored: dict[SessionKey, list[Entry]] = {A: [], B: []}
        self.incarnations = {A: 0, B: 0}

    @rule(
        sent=st.lists(
            st.tuples(sessions, st.integers(-2, 2), st.integers(-1, 1), st.booleans()), min_size=1, max_size=6
        )
    )
    def append(self, sent: list[tuple[SessionKey, int, int, bool]]) -> None:
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
        rejected: dict[SessionKey, type] = {}
        expected = [self.expect(each, rejected) for each in entries]
        for journal in self.journals:
            results = self.runner.run(journal.append(entries))
            assert [type(result) for result in results] == expected

    def expect(self, sent: Entry, rejected: dict[SessionKey, type]) -> type:
        stored, current = self.stored[sent.session], self.incarnations[sent.session]
        problem: type = type(None)
        if sent.session in rejected:
            problem = rejected[sent.session]
        elif sent.incarnation < current:
            problem = StaleIncarnation
        elif sent.number > len(stored) + 1:
            problem = RecordGap
        elif sent.number <= len(stored) and stored[sent.number - 1] != sent:
            problem = RecordConflict
        if problem is not type(None):
            rejected[sent.session] = problem
            return problem
        self.incarnations[sent.session] = sent.incarnation
        if sent.number == len(stored) + 1:
            stored.append(sent)
        return problem

    @precondition(lambda self: self.stored[A])
    @rule(newer=st.integers(0, 2))
    def take_over(self, newer: int) -> None:
        self.incarnations[A] += newer
        for journal in self.journals:
            position = self.runner.run(journal.take_over(A, self.incarnations[A]))
            assert position.number == len(self.stored[A])

    @rule()
    def restart(self) -> None:
        """Close the file, and open it again."""
        self.runner.run(self.journals[1].aclose())
        self.journals[1] = self.runner.run(SQLiteJournal.open(self.path))

    @rule(session=sessions)
    def delete(self, session: SessionKey) -> None:
        self.stored[session], self.incarnations[session] = [], 0
        for journal in self.journals:
            self.runner.run(journal.delete(session))

    @invariant()
    def each_journal_has_what_was_stored(self) -> None:
        for journal in self.journals:
            for session, stored in self.stored.items():
                try:
                    assert self.runner.run(journal.read(session)) == stored
                    assert self.runner.run(journal.position(session.id)).incarnation == self.incarnations[session]
                except UnknownJournalSession:
                    assert not stored

    def teardown(self) -> None:
        for journal in self.journals:
            self.runner.run(journal.aclose())
        self.runner.close()
        self.folder.cleanup()


TestWriters = Writers.TestCase
TestWriters.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
