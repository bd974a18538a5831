"""What readers are told, and when: kept apart from the runtime, by the clock of this process."""

import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable

import rayconteur as rc
from rayconteur.errors import SessionDied
from rayconteur.runtime import DeathReason, Died


class Reading:
    """Reads the events of one session from number *after* + 1 on: they have no gap, or a ``Missed`` stands for it."""

    def __init__(self, reader: AsyncIterable[rc.FromLLM], after: int = 0) -> None:
        self._events = aiter(reader)
        self.last_seq = after
        self.missed = 0
        """How many events it was told that it missed."""
        self.longest_pause_s = 0.0
        """Between two events, since ``restart_clock``."""
        self._at = time.perf_counter()

    def restart_clock(self) -> None:
        """Measure pauses from now on."""
        self._at, self.longest_pause_s = time.perf_counter(), 0.0

    async def until(self, is_last: Callable[[rc.FromLLM], bool]) -> rc.FromLLM:
        """The first event that *is_last*.

        Raises:
            AssertionError: a number is missing, or came twice; or the reader ended before.
        """
        async for event in self._events:
            first = event.first if isinstance(event, rc.Missed) else event.seq
            assert first == self.last_seq + 1, f"{event} follows number {self.last_seq}"
            self.missed += event.seq - first + isinstance(event, rc.Missed)
            self.last_seq = event.seq
            now = time.perf_counter()
            self.longest_pause_s, self._at = max(self.longest_pause_s, now - self._at), now
            if is_last(event):
                return event
        raise AssertionError(f"the reader ended after number {self.last_seq}")

    async def death(self) -> DeathReason:
        """Why the session died, as its reader is told by the last event."""
        died = await self.until(lambda event: isinstance(event, Died))
        assert isinstance(died, Died)
        assert [event async for event in self._events] == []
        return died.reason


async def death_of_asked(answer: Awaitable[object]) -> DeathReason:
    """Why the session died, as whoever waits for its *answer* is told."""
    try:
        await answer
    except SessionDied as died:
        return died.reason
    raise AssertionError("there was an answer")


async def death_among_all(reader: rc.runtime.Reader, session_id: str) -> DeathReason:
    """Why the session died, as a reader of all sessions is told, which is closed then."""
    async for event in reader:
        if isinstance(event, Died) and event.session_id == session_id:
            reader.close()
            return event.reason
    raise AssertionError("the reader of all sessions has ended")


def require_reasons(found: Iterable[DeathReason], expected: DeathReason) -> None:
    """Check that all are told the same reason: the right one."""
    assert set(found) == {expected}, f"the reasons were {set(found)}, not {expected}"
