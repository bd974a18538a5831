"""Retention: deleting the sessions that the rules of their owners do not keep."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from ...api.catalog.labels import EVERY_OWNER
from ...api.catalog.retention import Retention
from ..journal import Journal
from .expiry import AT_ONCE, Running, delete_idle
from .rows import CatalogFilter, CatalogPlace, CatalogRow

log = logging.getLogger(__name__)

T = TypeVar("T")

SWEEP_S = 60.0
"""How long it pauses after all rules were applied."""

_ROWS = 500
"""What is read at once: others wait for so long."""

_LEAST_PAUSE_S = 0.001
_PAUSE = 9.0
"""How much longer it pauses after each call than that took: the journal has other things to do."""


class RetentionSweeper:
    """Applies *rules* to the sessions in *journal*. Nothing is deleted that no rule is about, or that is *running*.

    *now* is the time in Unix seconds.
    """

    def __init__(
        self, journal: Journal, rules: Iterable[Retention], running: Running, now: Callable[[], float] = time.time
    ) -> None:
        self._journal = journal
        self._rules = {(rule.owner, rule.closed_only): rule for rule in rules}
        self._running = running
        self._now = now

    async def run(self) -> None:
        """Apply the rules again and again, until cancelled."""
        while True:
            try:
                if deleted := await self.sweep():
                    log.info("%d sessions were deleted, as the rules of their owners say", deleted)
            except Exception as error:  # whatever it is, it may pass: nothing else depends on this
                log.warning("the rules of retention could not be applied: %s", error)
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Apply all rules once. Returns how many sessions were deleted."""
        return sum([await self._sweep(owner, rule) async for owner, rule in self._owners()])

    async def _owners(self) -> AsyncGenerator[tuple[str, Retention]]:
        for (owner, _), rule in self._rules.items():
            if owner != EVERY_OWNER:
                yield owner, rule
        of_every = [rule for rule in self._rules.values() if rule.owner == EVERY_OWNER]
        after = ""
        while of_every and (page := await self._paced(self._journal.owners(after))):
            for owner in page:
                for rule in of_every:
                    if (owner, rule.closed_only) not in self._rules:
                        yield owner, rule
            after = page[-1]

    async def _sweep(self, owner: str, rule: Retention) -> int:
        selected = CatalogFilter(owner=owner, is_closed=rule.closed_only or None)
        kept = _Kept(rule, self._now())
        before, deleted = kept.start, 0
        while rows := await self._paced(self._journal.catalog(selected, before, _ROWS)):
            for beyond, last_at in kept.beyond(rows):
                for start in range(0, len(beyond), AT_ONCE):
                    sessions = [row.session for row in beyond[start : start + AT_ONCE]]
                    deleted += len(await self._paced(delete_idle(self._journal, sessions, self._running, last_at)))
            before = rows[-1].place
        return deleted

    async def _paced(self, call: Awaitable[T]) -> T:
        """The result of *call*, after a pause in which others have the journal."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        result = await call
        await asyncio.sleep(max(_LEAST_PAUSE_S, _PAUSE * (loop.time() - start_s)))
        return result


class _Kept:
    """What *rule* keeps of an owner's sessions, which are given from the latest on."""

    def __init__(self, rule: Retention, now: float) -> None:
        self._rule = rule
        self._oldest_at = -math.inf if rule.max_age_s is None else now - rule.max_age_s
        self._sessions = 0
        self._messages = 0

    @property
    def start(self) -> CatalogPlace | None:
        """Where the first session may be that is not kept."""
        is_by_age = self._rule.max_sessions is None and self._rule.max_messages is None
        return CatalogPlace(self._oldest_at) if is_by_age else None

    def beyond(self, rows: Sequence[CatalogRow]) -> list[tuple[list[CatalogRow], float]]:
        """Those of *rows* that are not kept: too many ones, and old ones, with the time of the last record of such."""
        too_many, old = list[CatalogRow](), list[CatalogRow]()
        for row in rows:
            self._sessions += 1
            self._messages += row.messages
            if self._is_too_much():
                too_many.append(row)
            elif row.last_at < self._oldest_at:
                old.append(row)
        return [(too_many, math.inf), (old, self._oldest_at)]

    def _is_too_much(self) -> bool:
        rule = self._rule
        if rule.max_sessions is not None and self._sessions > rule.max_sessions:
            return True
        return rule.max_messages is not None and self._messages > rule.max_messages and self._sessions > 1
