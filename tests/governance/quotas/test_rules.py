"""Rules of shared limits: which apply to a request, and which are rejected when they are made."""

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import QuotaRule, Quotas
from rayconteur.runtime.api.quotas.rules import rules_for

OPUS = "anthropic/claude-opus-4-5"


def test_all_rules_that_match_a_request_apply_to_it() -> None:
    rules = (
        QuotaRule(models="anthropic/*", requests=100),
        QuotaRule(models="anthropic/claude-opus-*", requests=10),
        QuotaRule(models="anthropic/claude-haiku-*", requests=50),
        QuotaRule(models="openai/*", requests=10),
        QuotaRule(models="*/*", concurrent=7, per_session=True),
    )

    assert [place for place, _ in rules_for(rules, OPUS, "")] == [0, 1, 4]


def test_an_owner_with_a_rule_of_its_own_is_not_among_every_owner() -> None:
    every = QuotaRule(models="anthropic/*", owner="*", requests=10)
    acme = QuotaRule(models="anthropic/*", owner="acme", requests=50)
    nobody = QuotaRule(models="anthropic/*", owner="", requests=5)

    found = {owner: rules_for((every, acme, nobody), OPUS, owner) for owner in ("acme", "other", "")}

    assert found == {"acme": [(1, acme)], "other": [(0, every)], "": [(2, nobody)]}


@pytest.mark.parametrize("models", ["claude-opus-*", "anthropic/", "/claude"])
def test_a_rule_that_is_no_pattern_of_a_provider_and_its_models_is_rejected(models: str) -> None:
    with pytest.raises(InvalidConfig, match=r"quota\.models: give a provider and its models as 'anthropic/\*'"):
        QuotaRule(models=models, requests=1)


def test_a_rule_for_a_provider_that_does_not_exist_is_rejected_when_a_runtime_is_made() -> None:
    quotas = Quotas(rules=(QuotaRule(models="groq/*", requests=1), QuotaRule(models="antropic/*", requests=1)))

    with pytest.raises(InvalidConfig) as error:
        rc.Runtime(options=rc.RuntimeOptions(quotas=quotas))

    assert str(error.value) == (
        "options.quotas.rules[1].models: there is no provider 'antropic', so it matches no request; "
        "did you mean anthropic?"
    )


def test_a_rule_without_a_limit_is_rejected() -> None:
    with pytest.raises(InvalidConfig, match="it limits nothing; give some of requests"):
        QuotaRule(models="anthropic/*")


def test_two_rules_for_the_same_are_rejected() -> None:
    first = QuotaRule(models="anthropic/*", requests=10)
    second = QuotaRule(models="anthropic/*", requests=20, tokens=5)

    with pytest.raises(
        InvalidConfig, match=r"quotas.rules\[0\]: it limits the requests of 'anthropic/\*' as rules\[1\]"
    ):
        Quotas(rules=(first, second))


def test_a_limit_that_a_wider_rule_makes_unreachable_is_rejected() -> None:
    wide = QuotaRule(models="anthropic/*", requests=10)
    narrow = QuotaRule(models="anthropic/*", owner="acme", requests=11)
    session = QuotaRule(models="anthropic/*", per_session=True, requests=11)

    for rule in (narrow, session):
        with pytest.raises(InvalidConfig, match=r"quotas.rules\[1\]: 11 requests can't be reached.*has 10"):
            Quotas(rules=(wide, rule))


def test_limits_for_different_periods_do_not_contradict_each_other() -> None:
    minute = QuotaRule(models="anthropic/*", requests=10)
    day = QuotaRule(models="anthropic/*", requests=1_000, period_s=86_400)

    assert Quotas(rules=(minute, day)).rules == (minute, day)


def test_the_options_name_the_field_of_a_rule_that_is_invalid() -> None:
    with pytest.raises(InvalidConfig, match=r"quota\.burst"):
        QuotaRule(models="anthropic/*", requests=10, burst=1.1)
    with pytest.raises(InvalidConfig, match=r"options\.quotas"):
        rc.RuntimeOptions(quotas=5)  # type: ignore[arg-type]
