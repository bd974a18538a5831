"""The tail of a session: its durable events, within a bound, and the last one that somebody may wait for."""

from collections.abc import Sequence

from builders.segments import outbox
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import rayconteur as rc
from rayconteur.runtime.events.outbox import Incarnation, Outbox
from rayconteur.runtime.events.segments import decode_events
from rayconteur.runtime.events.tail import TAIL_BYTES, TailPart, is_durable

AWAITED = (rc.Interrupted, rc.ToolBatch, rc.Closed)


def tool_batch(size_bytes: int) -> rc.ToolBatch:
    return rc.ToolBatch(uses=(rc.ToolUse("id", "look", {"what": "x" * size_bytes}),))


EVENTS = st.one_of(
    st.builds(rc.TurnStarted),
    st.builds(rc.Interrupted),
    st.builds(rc.ToolInputChunk, tool_use_id=st.just("id"), name=st.just("look"), json=st.just("{")),
    st.builds(tool_batch, st.sampled_from([1, 1_000, TAIL_BYTES])),
)


class TailMachine(RuleBasedStateMachine):
    """*numbered* are the events of the session as they were taken from its outbox."""

    def __init__(self) -> None:
        super().__init__()
        self.box = outbox("a", limit_bytes=1 << 30)
        self.numbered: dict[int, rc.FromLLM] = {}
        self.acknowledged = 0

    @rule(events=st.lists(EVENTS, max_size=10), text=st.booleans())
    def put(self, events: list[rc.FromLLM], text: bool) -> None:
        for event in events:
            self.box.put_event(event)
            if text:
                self.box.put_text(rc.TextChunk, 1, 0, "text")

    @rule(is_acknowledged=st.booleans())
    def take(self, is_acknowledged: bool) -> None:
        if self.acknowledged == self.box.seq and (segment := self.box.take_segment()):
            self.numbered |= {event.seq: event for event in decode_events(segment)}
        if is_acknowledged:
            self.box.acknowledge()
            self.acknowledged = self.box.seq

    def events_of(self, parts: Sequence[TailPart]) -> list[rc.FromLLM]:
        segments = [segment for part in parts for segment in part.segments(self.box.held)]
        return [event for segment in segments for event in decode_events(segment)]

    @invariant()
    def the_tail_has_the_latest_durable_events_that_are_acknowledged(self) -> None:
        parts = self.box.tail.parts if self.box.tail else ()
        is_kept = bool(parts and self.box.tail and parts[0] is self.box.tail.awaited)
        kept, latest = self.events_of(parts[:is_kept]), self.events_of(parts[is_kept:])
        durable = [self.numbered[seq] for seq in range(1, self.acknowledged + 1) if is_durable(self.numbered[seq])]

        assert latest == durable[len(durable) - len(latest) :]
        assert all(event in durable for event in kept)
        assert not durable or parts

    @invariant()
    def what_somebody_may_wait_for_stays_and_the_rest_is_bounded(self) -> None:
        parts = self.box.tail.parts if self.box.tail else ()
        awaited = [seq for seq in range(1, self.acknowledged + 1) if isinstance(self.numbered[seq], AWAITED)]
        holding = [part for part in parts if awaited and awaited[-1] in [event.seq for event in self.events_of([part])]]
        others = [part for part in parts[:-1] if part not in holding]

        assert bool(holding) == bool(awaited)
        assert sum(part.size_bytes for part in others) <= TAIL_BYTES
        encoded = [segment for part in others for segment in part.segments(self.box.held)]
        assert sum(len(segment.data) for segment in encoded) <= TAIL_BYTES

    @invariant()
    def the_last_number_counts_what_is_complete(self) -> None:
        assert self.box.seq <= self.box.last_seq
        assert self.box.held.last_seq == self.acknowledged


TestTail = TailMachine.TestCase
TestTail.settings = settings(max_examples=100, stateful_step_count=30)


def test_a_long_time_without_a_turn_does_not_let_the_tail_grow() -> None:
    box = outbox("a", limit_bytes=1 << 30)
    events: list[rc.FromLLM] = [rc.Interrupted(turn=1), *[rc.Cleared()] * 1_000]
    for event in events:
        box.put_event(event)
        box.take_segment()
        box.acknowledge()

    assert box.tail
    segments = box.tail.segments(box.held)
    held = [event for segment in segments for event in decode_events(segment)]
    assert [type(event) for event in held[:2]] == [rc.Interrupted, rc.Cleared]
    assert [event.seq for event in held[1:]] == list(range(1_003 - len(held), 1_002))
    assert sum(segment.size_bytes for segment in segments[1:]) <= TAIL_BYTES


def test_text_that_is_published_together_with_other_events_takes_no_room_in_the_tail() -> None:
    box = outbox("a", limit_bytes=1 << 30)
    box.put_event(rc.TurnStarted(turn=1))
    box.put_text(rc.TextChunk, 1, 0, "x" * TAIL_BYTES)
    box.put_event(rc.Interrupted(turn=1))
    box.take_segment()
    box.acknowledge()

    assert box.tail
    assert sum(len(segment.data) for segment in box.tail.segments(box.held)) <= box.tail.size_bytes < 1_000


@given(st.integers(0, 1 << 33))
def test_a_later_incarnation_numbers_its_events_on(last_seq: int) -> None:
    box = Outbox("a", 1, 1_000, lambda _: None, Incarnation(2, last_seq))
    box.put_event(rc.TurnStarted(turn=1))

    segment = box.take_segment()

    assert segment
    assert (segment.incarnation, segment.first) == (2, last_seq + 1)
    assert box.held.last_seq == last_seq


def test_an_outbox_that_is_fenced_off_drops_everything_and_nobody_waits_for_it() -> None:
    box = outbox("a", limit_bytes=10)
    box.put_event(rc.TurnStarted(turn=1))
    box.take_segment()
    box.put_event(rc.Interrupted(turn=1))
    assert box.full

    box.fence()
    box.put_event(rc.Closed())

    assert not box.full
    assert box.take_segment() is None
    assert box.tail is None
