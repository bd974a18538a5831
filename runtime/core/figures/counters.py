"""Totals that can be set to 0."""

import msgspec


class Counters(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How many *turns*, *requests* and *compactions* there were."""

    turns: int = 0
    requests: int = 0
    compactions: int = 0

    def since(self, other: "Counters") -> "Counters":
        """How many there were after *other*."""
        return Counters(self.turns - other.turns, self.requests - other.requests, self.compactions - other.compactions)


NOTHING_COUNTED = Counters()
