"""Incarnations in a router's log: the latest is let in, older ones are fenced off, and no number is used twice."""

import hypothesis.strategies as st
from builders.segments import died, segment
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.event_log import EventLog
from rayconteur.runtime.events.segments import DEATH_SEQ, RESERVED_SEQS, START, HeldSession, SessionEnd

incarnations = st.integers(1, 4)


def host_of(number: int) -> str:
    return f"host {number}"


class IncarnationMachine(RuleBasedStateMachine):
    """Actors of one session that were started one after the other, and all still send; messages are lost or repeated.

    *next_seqs* are the numbers that the events of each get next. *used* says which incarnation a number was let in for.
    *lost* are those whose death was told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log = EventLog(RouterLimits(), lambda _: None)
        self.next_seqs = {1: 1}
        self.used: dict[int, int] = {}
        self.lost: set[int] = set()

    @rule(number=incarnations, count=st.integers(1, 3), arrives=st.booleans(), repeats=st.booleans())
    def publish(self, number: int, count: int, arrives: bool, repeats: bool) -> None:
        first = self.next_seqs.get(number)
        if first is None:
            return
        sent = segment("a", first, count, incarnation=number)
        for _ in range(arrives + repeats):
            if self.log.append(sent, host_of(number)):
                assert number == max(self.next_seqs), "an older incarnation was let in"
                assert number not in self.lost, "a dead one was let in"
                for seq in range(first, first + count):
                    assert seq not in self.used, "a number was used twice"
                    self.used[seq] = number
        if arrives or repeats:
            self.next_seqs[number] = first + count

    @rule(is_repeated=st.booleans())
    def take_over(self, is_repeated: bool) -> None:
        number = max(self.next_seqs) + 1
        if number > 4:
            return
        last_seq = self.log.take_over("a", 1, number, host_of(number))
        if is_repeated:
            assert self.log.take_over("a", 1, number, host_of(number)) == last_seq
        self.next_seqs[number] = last_seq + 1

    @rule(number=incarnations, is_repeated=st.booleans())
    def die(self, number: int, is_repeated: bool) -> None:
        """A host has died; it may be one that others have followed: the news is late."""
        if number not in self.next_seqs:
            return
        is_new = number == max(self.next_seqs) and number not in self.lost
        assert self.log.lose_session("a", 1, host_of(number), b"event") == is_new
        if is_new:
            self.lost.add(number)
        if is_repeated:
            assert not self.log.lose_session("a", 1, host_of(number), b"event")

    @rule(number=incarnations)
    def ask_for_gaps(self, number: int) -> None:
        if number in self.next_seqs:
            held = HeldSession("a", 1, number, self.next_seqs[number] - 1)
            _, is_fenced = self.log.gaps(held)
            assert is_fenced == (number < max(self.next_seqs) or number in self.lost)

    @invariant()
    def numbers_follow_each_other(self) -> None:
        assert sorted(self.used) == list(range(1, len(self.used) + 1))
        assert [self.used[seq] for seq in sorted(self.used)] == sorted(self.used.values())


TestIncarnations = IncarnationMachine.TestCase
TestIncarnations.settings = settings(max_examples=200, stateful_step_count=30)


def restarted_log() -> EventLog:
    return EventLog(RouterLimits(), lambda _: None, whole_since=10)


def test_after_a_restart_an_incarnation_starts_above_all_numbers_of_those_before() -> None:
    log = restarted_log()

    assert log.take_over("a", 1, 3) == 2 * RESERVED_SEQS
    assert log.take_over("new", 10, 2) == 0


def test_after_a_restart_what_an_earlier_host_has_reported_does_not_say_which_numbers_the_last_one_has_used() -> None:
    log = restarted_log()
    log.append(segment("a", 58))

    assert log.take_over("a", 1, 3, last_seq=70) == 70
    assert log.take_over("a", 1, 3, last_seq=80) == 70  # the call is repeated
    assert log.take_over("a", 1, 4, last_seq=80) == 70  # it knows all of the third


def test_after_a_restart_a_death_comes_after_what_the_host_has_reported_or_above_all_numbers() -> None:
    log = restarted_log()
    log.append(segment("reported", 58))

    for session_id, epoch, seq in (("reported", 1, 59), ("silent", 1, DEATH_SEQ), ("new", 10, 1)):
        assert log.end_session(session_id, epoch, SessionEnd.DIED, died({}).last_event())
        *_, last = log.segments_after(session_id, START)
        assert (last.first, last.session_end) == (seq, SessionEnd.DIED)


def test_a_log_lacks_what_a_host_has_published_and_it_has_not() -> None:
    log = restarted_log()
    log.append(segment("a", 1, 3))
    log.append(segment("closed", 1, session_end=SessionEnd.CLOSED))

    assert log.gaps(HeldSession("a", 1, 1, 3)) == (False, False)
    assert log.gaps(HeldSession("a", 1, 1, 4)) == (True, False)
    assert log.gaps(HeldSession("a", 2, 1, 1)) == (True, False)
    assert log.gaps(HeldSession("a", 0, 1, 9)) == (False, False)
    assert log.gaps(HeldSession("b", 1, 1, 1)) == (True, False)
    assert log.gaps(HeldSession("b", 1, 1, 0)) == (False, False)
    assert log.gaps(HeldSession("closed", 1, 1, 9)) == (False, False)


def test_the_death_of_a_session_is_held_beyond_the_limits() -> None:
    log = EventLog(RouterLimits(total_bytes=1), lambda _: None)
    last_event = died({}).last_event()
    log.end_session("a", 1, SessionEnd.DIED, last_event)
    log.append(segment("b", 1))

    (end,) = log.segments_after("a", START)

    assert (end.first, end.count, end.data) == (1, 1, last_event)
