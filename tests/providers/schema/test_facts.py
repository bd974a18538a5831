"""The cost of a request by the known prices, and how facts are merged."""

import pytest

from rayconteur.providers.schema.facts import ModelFacts, Prices
from rayconteur.providers.schema.usage import Cost, Provenance, Usage, estimated, reported

FACTS = ModelFacts(
    prices=(
        Prices(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75),
        Prices(input=6.0, output=22.5, cache_read=0.6, cache_write=7.5, from_input_tokens=200_001),
    )
)


def usd(facts: ModelFacts, usage: Usage) -> float | None:
    cost = facts.priced(usage).cost
    assert cost.provenance is (Provenance.UNAVAILABLE if cost.usd is None else Provenance.ESTIMATED)
    return cost.usd


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(input=reported(1_000_000), output=reported(0)), 6.0),
        (Usage(input=reported(200_000), output=reported(100_000)), 0.6 + 1.5),
        (Usage(input=reported(200_001), output=reported(100_000)), 1.200006 + 2.25),
        (Usage(input=estimated(1_000), output=estimated(10)), 0.00315),
        (
            # 1,000 tokens in all: 700 read from the cache, 100 written to it
            Usage(input=reported(1_000), output=reported(0), cache_read=reported(700), cache_write=reported(100)),
            (200 * 3.0 + 700 * 0.3 + 100 * 3.75) / 1e6,
        ),
        (Usage(input=reported(0), output=reported(0)), 0.0),
    ],
)
def test_a_cost_adds_up_each_kind_of_token_at_the_price_for_the_request_s_size(usage: Usage, dollars: float) -> None:
    assert usd(FACTS, usage) == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("facts", "usage"),
    [
        (ModelFacts(), Usage(input=reported(5), output=reported(5))),
        (FACTS, Usage(output=reported(5))),
        (FACTS, Usage(input=reported(5))),
        (ModelFacts(prices=(Prices(input=3.0),)), Usage(input=reported(5), output=reported(5))),
        (ModelFacts(prices=(Prices(input=1.0, output=1.0, from_input_tokens=9),)), Usage(input=reported(5))),
    ],
    ids=["no prices", "unknown input", "unknown output", "unknown price", "no price for few tokens"],
)
def test_a_cost_is_never_a_silent_zero(facts: ModelFacts, usage: Usage) -> None:
    assert usd(facts, usage) is None


def test_cached_tokens_without_a_price_cost_as_much_as_other_input() -> None:
    facts = ModelFacts(prices=(Prices(input=3.0, output=15.0),))
    usage = Usage(input=reported(1_000), output=reported(0), cache_read=reported(700), cache_write=reported(100))

    assert usd(facts, usage) == pytest.approx(0.003)


def test_a_cost_reported_by_the_provider_is_used() -> None:
    usage = Usage(input=reported(5), output=reported(5), cost=Cost(usd=0.5, provenance=Provenance.REPORTED))

    assert FACTS.priced(usage) == usage


def test_missing_facts_are_taken_from_the_fallback() -> None:
    own = ModelFacts(output_limit_tokens=5, takes_images=False)

    assert own.or_else(ModelFacts(output_limit_tokens=9, thinks=True, takes_images=True)) == ModelFacts(
        output_limit_tokens=5, takes_images=False, thinks=True
    )
    assert ModelFacts().or_else(FACTS) == FACTS
