"""The gauges of a host: what its sessions do, and what waits in it."""

import asyncio
from collections.abc import Mapping, Sequence

from ....providers.registry import ProviderConfig
from ...api.status import State
from ...events.publisher import Publisher
from ...metrics import catalog
from ...metrics.counts import COUNTS, Series, Values
from ..durable.journaling import Journaling
from ..history_budget import HistoryBudget
from ..session import Session

_GROUP_SESSIONS = 2_000
"""Sessions that are looked at before the event loop serves others: that takes some milliseconds."""


class HostGauges:
    """Reads the gauges of a host with these parts."""

    def __init__(
        self,
        sessions: Mapping[str, Session],
        publishers: Sequence[Publisher],
        budget: HistoryBudget,
        journaling: Journaling | None,
    ) -> None:
        self._sessions = sessions
        self._publishers = publishers
        self._budget = budget
        self._journaling = journaling

    async def read(self) -> Values:
        """The values now; those of many sessions over some iterations of the event loop."""
        idle: dict[int, int] = {}  # nearly all of many: counted by the identity of their provider's config
        providers: dict[int, ProviderConfig] = {}
        states: dict[Series, float] = {}
        mailbox = outbox_bytes = 0
        for number, session in enumerate(tuple(self._sessions.values()), start=1):
            provider = session.conversation.config.provider
            if session.is_idle:
                providers[place := id(provider)] = provider
                idle[place] = idle.get(place, 0) + 1
            else:
                _count(states, session.status().state, provider)
                mailbox += len(session.conversation.queue)
            outbox_bytes += session.outbox.size_bytes
            if number % _GROUP_SESSIONS == 0:
                await asyncio.sleep(0)
        for place, number in idle.items():
            _count(states, State.IDLE, providers[place], number)
        values: Values = [
            ((catalog.MAILBOX.name,), mailbox),
            ((catalog.OUTBOX.name,), outbox_bytes),
            ((catalog.HISTORIES.name,), self._budget.used_bytes),
            ((catalog.PUBLISH_WAIT.name,), max((each.waits_s for each in self._publishers), default=0.0)),
        ]
        if self._journaling:
            values.append(((catalog.UNSTORED.name,), self._journaling.unstored))
        return [*states.items(), *values]


def _count(states: dict[Series, float], state: State, provider: ProviderConfig, sessions: int = 1) -> None:
    series = (catalog.SESSIONS.name, state.value, *COUNTS.model(provider.service, provider.model))
    states[series] = states.get(series, 0) + sessions
