"""Token counts and costs, each with its provenance."""

from enum import StrEnum

import msgspec

from .checks.shown import short_repr


class Provenance(StrEnum):
    """Where a figure comes from, most trustworthy first."""

    REPORTED = "reported"
    """The provider's own figure."""
    ESTIMATED = "estimated"
    """Our estimate, where the provider gave no figure (an aborted request, say)."""
    UNAVAILABLE = "unavailable"
    """Unknown. In a sum, the figure is the known part, and something is missing."""


_TRUST = list(Provenance)


def _weaker(one: Provenance, other: Provenance) -> Provenance:
    return one if one is other else max(one, other, key=_TRUST.index)


class Count(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A number of tokens and its provenance; ``None`` if nothing is known."""

    __repr__ = short_repr

    tokens: int | None = None
    provenance: Provenance = Provenance.UNAVAILABLE

    def __add__(self, other: "Count") -> "Count":
        """The sum, as trustworthy as its weakest part. Unknown plus zero tokens is unknown."""
        if self is other and self.tokens is None:  # most figures that a provider never gives
            return self
        tokens = (self.tokens or 0) + (other.tokens or 0)
        weakest = _weaker(self.provenance, other.provenance)
        return Count(tokens=(tokens or None) if weakest is Provenance.UNAVAILABLE else tokens, provenance=weakest)


class Cost(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An amount in USD and its provenance: ``reported`` by the provider, or ``estimated`` from its list of prices.

    ``None`` if nothing is known.
    """

    __repr__ = short_repr

    usd: float | None = None
    provenance: Provenance = Provenance.UNAVAILABLE

    def __add__(self, other: "Cost") -> "Cost":
        """The sum, as trustworthy as its weakest part. Unknown plus zero is unknown."""
        if self is other and self.usd is None:
            return self
        usd = (self.usd or 0.0) + (other.usd or 0.0)
        weakest = _weaker(self.provenance, other.provenance)
        return Cost(usd=(usd or None) if weakest is Provenance.UNAVAILABLE else usd, provenance=weakest)


UNAVAILABLE = Count()
_ZERO = Count(tokens=0, provenance=Provenance.REPORTED)  # shared: messages keep their usage, and most have some of it


def reported(tokens: int | None) -> Count:
    """The provider's figure; unavailable where it gave none."""
    if not tokens:
        return UNAVAILABLE if tokens is None else _ZERO
    return Count(tokens=tokens, provenance=Provenance.REPORTED)


def estimated(tokens: int) -> Count:
    """A figure that we estimated."""
    return Count(tokens=tokens, provenance=Provenance.ESTIMATED)


class Usage(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The tokens of a request, a turn or a session, and what they cost.

    *input* counts all tokens sent, including those read from or written to a cache; *output* all tokens generated,
    including reasoning. This is how OpenTelemetry's semantic conventions for generative AI define
    ``gen_ai.usage.input_tokens`` and ``output_tokens``. The next three are parts of these.
    """

    __repr__ = short_repr

    input: Count = UNAVAILABLE
    output: Count = UNAVAILABLE
    cache_read: Count = UNAVAILABLE
    cache_write: Count = UNAVAILABLE
    reasoning: Count = UNAVAILABLE
    cost: Cost = Cost()

    def __add__(self, other: "Usage") -> "Usage":
        """The sum, count by count."""
        if self is NONE_YET:  # that of a turn whose first request has ended, and most turns have one
            return other
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            reasoning=self.reasoning + other.reasoning,
            cost=self.cost + other.cost,
        )

    def or_else(self, other: "Usage") -> "Usage":
        """This usage, with the counts of *other* where this one has none."""
        if other is NOTHING_KNOWN:  # before the first report
            return self
        return Usage(
            input=other.input if self.input.tokens is None else self.input,
            output=other.output if self.output.tokens is None else self.output,
            cache_read=other.cache_read if self.cache_read.tokens is None else self.cache_read,
            cache_write=other.cache_write if self.cache_write.tokens is None else self.cache_write,
            reasoning=other.reasoning if self.reasoning.tokens is None else self.reasoning,
            cost=other.cost if self.cost.usd is None else self.cost,
        )


NOTHING_KNOWN = Usage()
"""The usage of a request for which nothing was reported."""

NONE_YET = Usage(
    input=reported(0),
    output=reported(0),
    cache_read=reported(0),
    cache_write=reported(0),
    reasoning=reported(0),
    cost=Cost(usd=0.0, provenance=Provenance.REPORTED),
)
"""The sum over no requests: a true zero."""
