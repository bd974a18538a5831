"""An event loop with virtual time that runs one callback at a time, and can be stopped before each of them."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fixtures.virtual_time import VirtualTimeLoop

Result = TypeVar("Result")


MOST_STEPS = 200_000
"""A run takes some thousands."""


class SteppingLoop(VirtualTimeLoop):
    """Counts its *steps*: the callbacks that it has run. What is due *at* one of them happens before it.

    Running it raises ``AssertionError`` after ``MOST_STEPS``, once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.at: dict[int, Callable[[], None]] = {}
        self._ready: deque[asyncio.Handle] = _OneByOne()
        self._scheduled: list[asyncio.TimerHandle]
        self._clock_resolution: float

    def _run_once(self) -> None:
        self.steps += 1
        assert self.steps != MOST_STEPS, "it does not end"
        if self.at and (due := self.at.pop(self.steps, None)):
            due()
        if self._ready and not self._is_timer_due():  # what the loop would do, too, but for a look at sockets
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()
        else:
            super()._run_once()  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

    def _is_timer_due(self) -> bool:
        return bool(self._scheduled) and self._scheduled[0].when() < self.now_s + self._clock_resolution


class _OneByOne(deque[asyncio.Handle]):
    """What an event loop has to run. Its length is that of the next round."""

    def __len__(self) -> int:
        return 1 if self else 0

    def __bool__(self) -> bool:
        try:
            self[0]
        except IndexError:
            return False
        return True


def run_stepping(loop: SteppingLoop, main: Coroutine[Any, Any, Result]) -> Result:
    """The result of *main* in *loop*, which ends with it."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)
