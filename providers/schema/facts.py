"""What is known about a model: its limits, its prices and its abilities."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .checks.field_checks import check_fields
from .checks.shown import short_repr
from .usage import Cost, Count, Provenance, Usage

Tokens = Annotated[int, Meta(gt=0)]
USD = Annotated[float, Meta(ge=0)]


class Prices(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """USD per million tokens, for requests of *from_input_tokens* or more. ``None`` is unknown.

    *input* is for tokens that were neither read from nor written to a cache.
    """

    __repr__ = short_repr

    input: USD | None = None
    output: USD | None = None
    cache_read: USD | None = None
    cache_write: USD | None = None
    from_input_tokens: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        check_fields(self, "prices")

    def usd(self, sent: int, made: int, usage: Usage) -> float | None:
        """The cost of *sent* input and *made* output tokens; the cached ones in *usage* have their own prices."""
        if self.input is None or self.output is None:
            return None
        read, written = _tokens_or_zero(usage.cache_read), _tokens_or_zero(usage.cache_write)
        per_million = (
            (sent - read - written) * self.input
            + read * _price_or(self.cache_read, self.input)
            + written * _price_or(self.cache_write, self.input)
            + made * self.output
        )
        return per_million / 1e6


def _tokens_or_zero(count: Count) -> int:
    return count.tokens or 0


def _price_or(price: float | None, other: float) -> float:
    return other if price is None else price


class ModelFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The facts of a model. Where one is ``None``, unknown, nothing is rejected beforehand: the provider decides.

    *prices* are in the order of their ``from_input_tokens``; the last one that a request reaches applies.

    *efforts* are the values of ``Reasoning.effort`` that the model accepts, *thinking_types* the vendor's names of the
    forms in which thinking is requested (Claude's ``adaptive``, ``enabled``, ``disabled``, ``between_tools``).
    *thinks_by_default*: without any setting, it thinks. *takes_sampling*: it accepts temperature, top_p and top_k, or
    only ``"without_thinking"``; *takes_forced_tools*: a tool choice that leaves it no choice.

    *binds_thinking*: signed thinking is valid only as long as all that precedes it stays the same. *appends_prompts*:
    a new system prompt or new tools may be appended to the messages instead of replacing the old ones. *compacts*: the
    provider's API compacts histories for it. *searches_tools*: the API has a tool search, which finds deferred tools
    for it.
    """

    __repr__ = short_repr

    context_limit_tokens: Tokens | None = None
    output_limit_tokens: Tokens | None = None
    prices: tuple[Prices, ...] = ()
    takes_images: bool | None = None
    takes_documents: bool | None = None
    uses_tools: bool | None = None
    thinks: bool | None = None
    fits_schemas: bool | None = None
    efforts: tuple[str, ...] | None = None
    thinking_types: tuple[str, ...] | None = None
    thinks_by_default: bool | None = None
    takes_sampling: bool | Literal["without_thinking"] | None = None
    takes_forced_tools: bool | None = None
    binds_thinking: bool | None = None
    appends_prompts: bool | None = None
    compacts: bool | None = None
    searches_tools: bool | None = None

    def __post_init__(self) -> None:
        check_fields(self, "facts")

    def or_else(self, other: "ModelFacts") -> "ModelFacts":
        """These facts, with those of *other* where these are unknown."""
        known = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        if not self.prices:
            del known["prices"]
        return msgspec.structs.replace(other, **known)

    def priced(self, usage: Usage) -> Usage:
        """*usage* with its cost according to the prices, unless the provider reported the cost.

        The cost stays unknown if a count or a price of input or output is missing.
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
