"""Token counts and costs that say where they come from."""

from enum import StrEnum

import msgspec


class Provenance(StrEnum):
    """How far a count can be trusted, best first."""

    REPORTED = "reported"
    """The provider's own figure."""
    ESTIMATED = "estimated"
    """Ours, where the provider gave none (an aborted request, say)."""
    UNAVAILABLE = "unavailable"
    """Nobody knows. In a sum: what is known is the tokens, and some of it is missing."""


_TRUST = list(Provenance)


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """A number of tokens and its provenance; ``None`` where nothing at all is known."""

    tokens: int | None = None
    provenance: Provenance = Provenance.UNAVAILABLE

    def __add__(self, other: "Count") -> "Count":
        """The sum, as trustworthy as its weakest part. Nothing known and zero tokens is nothing known."""
        tokens = (self.tokens or 0) + (other.tokens or 0)
        weakest = max(self.provenance, other.provenance, key=_TRUST.index)
        return Count(tokens=(tokens or None) if weakest is Provenance.UNAVAILABLE else tokens, provenance=weakest)


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in USD and its provenance: ``reported`` by the provider, or ``estimated`` from its list of prices.

    ``None`` where nothing at all is known.
    """

    usd: float | None = None
    provenance: Provenance = Provenance.UNAVAILABLE

    def __add__(self, other: "Cost") -> "Cost":
        """The sum, as trustworthy as its weakest part. Nothing known and zero is nothing known."""
        usd = (self.usd or 0.0) + (other.usd or 0.0)
        weakest = max(self.provenance, other.provenance, key=_TRUST.index)
        return Cost(usd=(usd or None) if weakest is Provenance.UNAVAILABLE else usd, provenance=weakest)


UNAVAILABLE = Count()


def reported(tokens: int | None) -> Count:
    """The provider's figure, or nothing where it gave none."""
    return UNAVAILABLE if tokens is None else Count(tokens=tokens, provenance=Provenance.REPORTED)


def estimated(tokens: int) -> Count:
    """A figure of our own."""
    return Count(tokens=tokens, provenance=Provenance.ESTIMATED)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a request, a turn or a session, and what they cost.

    *input* holds all tokens sent, those read from or written to a cache included; *output* all tokens made, reasoning
    included: the sense that OpenTelemetry's semantic conventions for generative AI give ``gen_ai.usage.input_tokens``
    and ``output_tokens``. The next three say how much of these it was.
    """

    input: Count = UNAVAILABLE
    output: Count = UNAVAILABLE
    cache_read: Count = UNAVAILABLE
    cache_write: Count = UNAVAILABLE
    reasoning: Count = UNAVAILABLE
    cost: Cost = Cost()

    def __add__(self, other: "Usage") -> "Usage":
        """The sum, count by count."""
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            reasoning=self.reasoning + other.reasoning,
            cost=self.cost + other.cost,
        )

    def or_else(self, other: "Usage") -> "Usage":
        """This usage, with *other*'s counts where this has none."""

        def pick(mine: Count, theirs: Count) -> Count:
            return theirs if mine.tokens is None else mine

        return Usage(
            input=pick(self.input, other.input),
            output=pick(self.output, other.output),
            cache_read=pick(self.cache_read, other.cache_read),
            cache_write=pick(self.cache_write, other.cache_write),
            reasoning=pick(self.reasoning, other.reasoning),
            cost=other.cost if self.cost.usd is None else self.cost,
        )


NONE_YET = Usage(
    input=reported(0),
    output=reported(0),
    cache_read=reported(0),
    cache_write=reported(0),
    reasoning=reported(0),
    cost=Cost(usd=0.0, provenance=Provenance.REPORTED),
)
"""The sum of no requests: a true zero."""
