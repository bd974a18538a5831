"""What is known of a model: its limits, its prices, and what it can do."""

from typing import Annotated

import msgspec
from msgspec import Meta

from .usage import Cost, Count, Provenance, Usage

Tokens = Annotated[int, Meta(gt=0)]
USD = Annotated[float, Meta(ge=0)]


class Prices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """USD for a million tokens, for requests of *from_input_tokens* or more. ``None`` is not known.

    *input* is for tokens that no cache took part in.
    """

    input: USD | None = None
    output: USD | None = None
    cache_read: USD | None = None
    cache_write: USD | None = None
    from_input_tokens: Annotated[int, Meta(ge=0)] = 0

    def usd(self, sent: int, made: int, usage: Usage) -> float | None:
        """What *sent* and *made* tokens cost, those of *usage* that a cache took part in at its prices."""
        if self.input is None or self.output is None:
            return None
        read, written = _some(usage.cache_read), _some(usage.cache_write)
        per_million = (
            (sent - read - written) * self.input
            + read * _or_else(self.cache_read, self.input)
            + written * _or_else(self.cache_write, self.input)
            + made * self.output
        )
        return per_million / 1e6


def _some(count: Count) -> int:
    return count.tokens or 0


def _or_else(price: float | None, other: float) -> float:
    return other if price is None else price


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model's facts. ``None`` is not known: then nothing is refused, and the provider judges.

    *prices* are in the order of their ``from_input_tokens``; a request has those of the last that it reaches.
    """

    context_limit_tokens: Tokens | None = None
    output_limit_tokens: Tokens | None = None
    prices: tuple[Prices, ...] = ()
    takes_images: bool | None = None
    takes_documents: bool | None = None
    uses_tools: bool | None = None
    thinks: bool | None = None
    fits_schemas: bool | None = None

    def or_else(self, other: "ModelFacts") -> "ModelFacts":
        """These facts, with *other*'s where they say nothing."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value not in (None, ())}
        return msgspec.structs.replace(other, **given)

    def priced(self, usage: Usage) -> Usage:
        """*usage* with what it costs by the prices, unless the provider said what it does.

        Nothing is known of the cost where a count or a price of input or output is missing.
        """
        if usage.cost.usd is not None:
            return usage
        sent, made = usage.input.tokens, usage.output.tokens
        prices = next((prices for prices in reversed(self.prices) if prices.from_input_tokens <= (sent or 0)), None)
        if prices is None or sent is None or made is None:
            return usage
        usd = prices.usd(sent, made, usage)
        cost = Cost() if usd is None else Cost(usd=usd, provenance=Provenance.ESTIMATED)
        return msgspec.structs.replace(usage, cost=cost)
