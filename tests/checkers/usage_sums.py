"""Sums of usage, reckoned apart from the code."""

from collections.abc import Iterable, Sequence

from rayconteur.providers.schema.usage import Cost, Count, Provenance, Usage

COUNTS = ("input", "output", "cache_read", "cache_write", "reasoning")


def summed(usages: Iterable[Usage]) -> Usage:
    """The sum of *usages*, each figure no more trusted than the least of its parts."""
    of_all = list(usages)
    counts = {name: _sum([getattr(usage, name) for usage in of_all]) for name in COUNTS}
    return Usage(**counts, cost=_cost([usage.cost for usage in of_all]))


def _sum(counts: Sequence[Count]) -> Count:
    tokens = sum(count.tokens or 0 for count in counts)
    trust = _least({count.provenance for count in counts})
    return Count(tokens=(tokens or None) if trust is Provenance.UNAVAILABLE else tokens, provenance=trust)


def _cost(costs: Sequence[Cost]) -> Cost:
    usd = sum((cost.usd or 0.0 for cost in costs), 0.0)
    trust = _least({cost.provenance for cost in costs})
    return Cost(usd=(usd or None) if trust is Provenance.UNAVAILABLE else usd, provenance=trust)


def _least(kinds: set[Provenance]) -> Provenance:
    worst = (Provenance.UNAVAILABLE, Provenance.ESTIMATED)
    return next((kind for kind in worst if kind in kinds), Provenance.REPORTED)
