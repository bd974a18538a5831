"""What a reader has read of one session, checked event by event; and what all readers of it must agree on."""

import asyncio
from collections.abc import Mapping, Sequence

import rayconteur as rc
from rayconteur.runtime import Reader, TurnEnd


class SessionReading:
    """The events that *reader* has read, without a gap and without a duplicate; *name* is for messages.

    Its buffer holds at most *limit_bytes* and one segment of *segment_bytes*.
    """

    def __init__(self, name: str, reader: Reader, limit_bytes: int) -> None:
        self.events: dict[int, rc.FromLLM] = {}
        self.missed: list[rc.Missed] = []
        self.last = 0
        self._name = name
        self._reader = reader
        self._limit_bytes = limit_bytes
        self._progress = asyncio.Condition()

    async def run(self, pause_s: float = 0.0) -> None:
        """Read to the end of the session, with a pause after each event."""
        async for event in self._reader:
            self._add(event)
            async with self._progress:
                self._progress.notify_all()
            if pause_s:
                await asyncio.sleep(pause_s)
        assert isinstance(self.events.get(self.last), rc.Closed), f"{self._name}: it ended after {self.last}"

    async def wait_for(self, seq: int) -> None:
        """Wait until it has read event number *seq*."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.last >= seq)

    def _add(self, event: rc.FromLLM) -> None:
        first = event.first if isinstance(event, rc.Missed) else event.seq
        assert first == self.last + 1, f"{self._name}: {event} follows {self.last}"
        assert event.seq >= first, f"{self._name}: {event}"
        assert self._reader.size_bytes <= self._limit_bytes, f"{self._name} holds {self._reader.size_bytes} bytes"
        self.last = event.seq
        if isinstance(event, rc.Missed):
            self.missed.append(event)
        else:
            self.events[event.seq] = event


def check_session(readings: Sequence[SessionReading], questions: Sequence[str], lost_up_to: int) -> int:
    """Check what *readings* of one session say together, which repeats each of *questions* in a turn.

    Events up to number *lost_up_to* may have been lost. All others have been read by all. Returns the number of turns
    of which nothing was lost.
    """
    events: dict[int, rc.FromLLM] = {}
    for reading in readings:
        for seq, event in reading.events.items():
            assert events.setdefault(seq, event) == event, "two readers have read different events"
        assert all(missed.last <= lost_up_to for missed in reading.missed), f"{reading.missed}, lost up to {lost_up_to}"
    assert {reading.last for reading in readings} == {max(events)}
    ordered = [event for _, event in sorted(events.items()) if event.turn]
    turns = [event.turn for event in ordered]
    assert turns == sorted(turns), "turns are in the order of their messages"
    return sum(
        _check_turn([event for event in ordered if event.turn == turn], question, events)
        for turn, question in enumerate(questions, start=1)
    )


def _check_turn(of_turn: Sequence[rc.FromLLM], question: str, events: Mapping[int, rc.FromLLM]) -> bool:
    """Check a turn; returns true if nothing of it was lost."""
    ends = [event for event in of_turn if isinstance(event, TurnEnd)]
    assert len(ends) <= 1, f"a turn has several ends: {ends}"
    if ends:
        assert of_turn[-1] is ends[0], f"{of_turn[-1]} follows the end of its turn"
    if not of_turn or not isinstance(of_turn[0], rc.TurnStarted):
        return False
    first, last = of_turn[0].seq, of_turn[-1].seq
    if len(of_turn) != last - first + 1 or last + 1 not in events:
        return False
    assert isinstance(of_turn[-1], rc.Completed), f"a turn ends with {of_turn[-1]}"
    assert "".join(event.text for event in of_turn if isinstance(event, rc.TextChunk)) == question
    return True
