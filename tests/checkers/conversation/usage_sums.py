"""Sums of usage, computed independently of the code under test."""

from collections.abc import Iterable, Sequence

from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.usage import Cost, Count, Provenance, Usage
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.phases import Requesting

COUNTS = ("input", "output", "cache_read", "cache_write", "reasoning")


def summed(usages: Iterable[Usage]) -> Usage:
    """The sum of *usages*. Each figure has the weakest provenance among its parts."""
    all_usages = list(usages)
    counts = {name: _sum([getattr(usage, name) for usage in all_usages]) for name in COUNTS}
    return Usage(**counts, cost=_cost([usage.cost for usage in all_usages]))


def usages_of(event: ev.Event, before: Conversation, after: Conversation) -> list[Usage]:
    """What *event* adds to the totals: the usage of the answer, whole or partial, that ended with it, if any."""
    partial = Partial()
    match event:
        case ev.Answered():
            return [event.answer.usage]
        case ev.RequestFailed():
            partial = event.partial
        case ev.Recovered() if isinstance(before.phase, Requesting):
            partial = event.partial
        case ev.TaskCancelled() if isinstance(before.phase, Requesting):
            partial = event.partial
        case ev.Received() if isinstance(before.phase, Requesting) and after.turn != before.turn:
            partial = event.partial
        case _:
            pass
    return [] if partial == Partial() else [partial.usage]


def _sum(counts: Sequence[Count]) -> Count:
    tokens = sum(count.tokens or 0 for count in counts)
    provenance = _weakest({count.provenance for count in counts})
    return Count(tokens=(tokens or None) if provenance is Provenance.UNAVAILABLE else tokens, provenance=provenance)


def _cost(costs: Sequence[Cost]) -> Cost:
    usd = sum((cost.usd or 0.0 for cost in costs), 0.0)
    provenance = _weakest({cost.provenance for cost in costs})
    return Cost(usd=(usd or None) if provenance is Provenance.UNAVAILABLE else usd, provenance=provenance)


def _weakest(kinds: set[Provenance]) -> Provenance:
    weakest_first = (Provenance.UNAVAILABLE, Provenance.ESTIMATED)
    return next((kind for kind in weakest_first if kind in kinds), Provenance.REPORTED)
