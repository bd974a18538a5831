"""Shared limits, as rules."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
from msgspec import Meta

from ....providers.presets import presets
from ....providers.registry import PROVIDERS
from ....providers.schema.checks.field_checks import check_fields
from ....providers.schema.checks.shown import short_repr, shown
from ....providers.schema.checks.toml_file import did_you_mean
from ....providers.schema.errors import InvalidConfig
from ....providers.schema.request import Positive, PositiveSeconds
from ..catalog.labels import EVERY_OWNER, Name

KINDS = ("requests", "tokens", "input_tokens", "output_tokens")
"""What is limited in each period. The names are those of ``RateLimits``."""


class QuotaRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits for requests to *models*: a pattern of ``provider/model`` such as ``anthropic/claude-opus-*``.

    ``*`` is any text, ``?`` any character. A preset stands for its provider: ``groq/*``. Models that match share the
    limits, for each account of the provider: an address and a key. All rules that match a request apply to it.

    Without an *owner*, the limits are for all sessions together. ``"*"`` is each owner that has no rule of its own for
    the same *models*, with the same limits for each of them; owners are those of ``Labels``, ``""`` is that of sessions
    without one. With *per_session*, each session has these limits for itself.

    In any *period_s*, at most so many *requests*, *input_tokens*, *output_tokens*, and *tokens*, which are both, are
    used; and *concurrent* requests are in flight at most. A share *burst* of a limit may be used at once, and then it
    becomes available evenly: providers count so, too. Input that is read
    from a cache counts where the provider counts it.

    Raises:
        InvalidConfig: *models* are no such pattern, or it has no limit.
    """

    __repr__ = short_repr

    models: str
    owner: Name | None = None
    per_session: bool = False
    requests: Positive | None = None
    input_tokens: Positive | None = None
    output_tokens: Positive | None = None
    tokens: Positive | None = None
    concurrent: Positive | None = None
    period_s: PositiveSeconds = 60.0
    burst: Annotated[float, Meta(gt=0, le=1)] = 0.2

    def __post_init__(self) -> None:
        check_fields(self, "quota")
        provider, slash, model = self.models.partition("/")
        if not slash or not model or not provider:
            problem = f"give a provider and its models as 'anthropic/*' or 'openai/gpt-5*', not {shown(self.models)}"
            raise InvalidConfig("quota.models", problem)
        if not self.limits and self.concurrent is None:
            names = ", ".join(KINDS)
            raise InvalidConfig("quota", f"it limits nothing; give some of {names} and concurrent")

    @property
    def limits(self) -> dict[str, int]:
        """The limits for a period, by their kinds."""
        return {kind: limit for kind in KINDS if (limit := getattr(self, kind)) is not None}

    def matches(self, model: str) -> bool:
        """True if it is for *model*, as ``provider/model``."""
        return fnmatchcase(model, self.models)


class Quotas(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all sessions of a namespace may use together: by *rules*, and by what providers say.

    With *learns*, the limits in the headers of responses apply as well, for each model of an account, as limits for
    *period_s*, which is what providers mean. After a 429, requests to that account wait for as long as the response
    says. While a provider is overloaded (529, 503), fewer requests are in flight: the number is halved, and grows
    again by one at a time.

    Before a request is sent, tokens are reserved for it: those of its input, and of its output as many as a share
    *output_quantile* of the model's answers have had. When it ends, the difference is settled. What waits is admitted
    in turns: each owner gets the same share of the tokens, and of that each of its sessions. Accounts are spread over
    so many *brokers*, each a process of its own.

    Raises:
        InvalidConfig: two rules contradict each other; the message names both.
    """

    __repr__ = short_repr

    rules: tuple[QuotaRule, ...] = ()
    learns: bool = True
    period_s: PositiveSeconds = 60.0
    output_quantile: Annotated[float, Meta(gt=0, lt=1)] = 0.9
    brokers: Positive = 1

    def __post_init__(self) -> None:
        check_fields(self, "quotas")
        _check_rules(self.rules)

    def require_known_providers(self) -> None:
        """Check that each rule may match a request: in the program, which knows all presets.

        Raises:
            InvalidConfig: there is no such provider, nor preset; the message names those that there are.
        """
        names = [*PROVIDERS, *presets()]
        for place, rule in enumerate(self.rules):
            provider = rule.models.partition("/")[0]
            if not any(fnmatchcase(name, provider) for name in names):
                near = did_you_mean(provider, names)
                problem = f"there is no provider {shown(provider)}, so it matches no request; {near}"
                raise InvalidConfig(f"options.quotas.rules[{place}].models", problem)


def _check_rules(rules: Sequence[QuotaRule]) -> None:
    """Raises:
    InvalidConfig: two of *rules* limit the same, or one of them can never be reached.
    """
    for place, rule in enumerate(rules):
        for other_place, other in enumerate(rules):
            if place == other_place or (rule.models, rule.period_s) != (other.models, other.period_s):
                continue
            limits = _limits(rule).items()
            same = [(kind, limit, _limits(other)[kind]) for kind, limit in limits if kind in _limits(other)]
            field, both = f"quotas.rules[{place}]", f"rules[{other_place}]"
            if same and (rule.owner, rule.per_session) == (other.owner, other.per_session):
                problem = f"it limits the {same[0][0]} of {shown(rule.models)} as {both} does: make one rule of them"
                raise InvalidConfig(field, problem)
            for kind, limit, wider in same:
                if _is_part(rule, other) and limit > wider:
                    what = f"{limit:,} {kind} can't be reached, as {both} has {wider:,} for all of {shown(rule.models)}"
                    raise InvalidConfig(field, f"{what}; lower this limit, or raise that one")


def _is_part(rule: QuotaRule, other: QuotaRule) -> bool:
    """True if whatever *rule* is for is a part of what *other* is for, which has the same models."""
    if rule.per_session != other.per_session:
        return rule.per_session and other.owner in (None, rule.owner)
    return other.owner is None and rule.owner is not None and not rule.per_session


def _limits(rule: QuotaRule) -> dict[str, int]:
    return rule.limits | ({} if rule.concurrent is None else {"concurrent": rule.concurrent})


def rules_for(rules: Sequence[QuotaRule], model: str, owner: str) -> list[tuple[int, QuotaRule]]:
    """Those of *rules* that apply to a request to *model*, as ``provider/model``, of *owner*; with their places."""
    own = {rule.models for rule in rules if rule.owner == owner}
    return [
        (place, rule)
        for place, rule in enumerate(rules)
        if rule.matches(model)
        and (rule.owner in (None, owner) or (rule.owner == EVERY_OWNER and rule.models not in own))
    ]
