"""Python's garbage collector in a process with many sessions.

A full collection looks at every object that may be part of a cycle: at 10,000 idle sessions it stopped the process for
0.1 s. Reference counting frees what a session held (it is part of no cycle when it has ended); the collector is for the
cycles that errors and connections leave behind, which are young.
"""

import asyncio
import gc

_THRESHOLDS = (10_000, 10, 10)
"""Fewer and larger collections of young objects: a turn makes some hundred, and nearly all are freed at its end."""

_SESSIONS = 1_000
"""So many new sessions are frozen at once: that takes a few milliseconds."""

_PAUSE_S = 0.5
"""Fewer are frozen after this time, together."""


class SessionFreezer:
    """Exempts open sessions from garbage collection. They are freed all the same when they end.

    And, from its creation on, everything that exists then: make it when the process has loaded its modules.
    """

    def __init__(self) -> None:
        self._sessions = 0
        self._timer: asyncio.TimerHandle | None = None
        gc.set_threshold(*_THRESHOLDS)
        gc.freeze()  # without a collection, which takes 20 ms and finds nothing: modules leave no garbage

    def on_opened(self, sessions: int) -> None:
        """Exempt everything that exists now, *sessions* new ones included: at once, or soon."""
        self._sessions += sessions
        if self._sessions >= _SESSIONS:
            self._freeze()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE_S, self._freeze)

    def _freeze(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sessions = 0
        gc.collect()  # what is garbage now would never be freed
        gc.freeze()
