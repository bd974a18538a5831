"""Warm actors: idle ones that are kept ready for dedicated sessions."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

A = TypeVar("A")
"""An actor."""

_PAUSE_S = 0.1
"""How long after an actor is taken its replacement is started.

The start takes half a second of CPU. Started at once, it competed with the first turn of the session that took the
actor: from spawn to the first text, that was 40 ms instead of 18 on an idle machine with two CPUs.
"""


class WarmActors(Generic[A]):
    """Keeps as many idle actors of each kind as *counts* says. *start* starts one of a kind.

    One that is taken is replaced after a moment, or when the next one is needed.
    """

    def __init__(self, start: Callable[[str], A], counts: Mapping[str, int]) -> None:
        self._start = start
        self._idle = {kind: [start(kind) for _ in range(count)] for kind, count in counts.items()}
        self._due: dict[str, list[asyncio.TimerHandle]] = {kind: [] for kind in counts}  # replacements, the next first

    def __iter__(self) -> Iterator[A]:
        """The idle actors."""
        return (actor for actors in self._idle.values() for actor in actors)

    def take(self, kind: str) -> A | None:
        """Take the actor of *kind* that was started first, if actors of that kind are kept."""
        idle = self._idle.get(kind, [])
        if not idle and not self._start_due(kind):
            return None
        replacing = asyncio.get_running_loop().call_later(_PAUSE_S, self._start_due, kind)
        self._due[kind].append(replacing)
        return idle.pop(0)

    def remove(self, actor: A) -> None:
        """Forget an actor that has ended."""
        for idle in self._idle.values():
            if actor in idle:
                idle.remove(actor)

    def replace(self, actor: A) -> bool:
        """Start another actor instead of *actor*, whose node ends. Returns false if it is not an idle one."""
        for kind, idle in self._idle.items():
            if actor in idle:
                idle[idle.index(actor)] = self._start(kind)
                return True
        return False

    def stop(self) -> None:
        """Start no more."""
        for due in self._due.values():
            while due:
                due.pop().cancel()

    def _start_due(self, kind: str) -> bool:
        """Start the next replacement, if one is due."""
        due = self._due.get(kind)
        if not due:
            return False
        due.pop(0).cancel()
        self._idle[kind].append(self._start(kind))
        return True
