"""Which meters a request has to pass: one of each rule that applies, and that of its model's learned limits."""

import msgspec

from ...api.quotas.rules import QuotaRule, Quotas, rules_for
from .bucket import Bucket
from .messages import Ask
from .meter import Meter

_KEPT = 10_000
_LEARNED_BURST = 0.2

_Key = tuple[int, str, str]  # the place of a rule, and the owner and the session, if each has limits of its own


class Scope(msgspec.Struct, frozen=True, gc=False):
    """A *meter*, and who shares it."""

    meter: Meter
    all_models: bool
    is_of_owner: bool
    is_of_session: bool


class Scopes:
    """The meters of an account. Those of owners and sessions are made when they are needed."""

    def __init__(self, quotas: Quotas, share: float, is_new: bool) -> None:
        self._quotas = quotas
        self._share = share
        self._is_new = is_new
        self._scopes: dict[_Key, Scope] = {}
        self._learned: dict[str, Scope] = {}
        self._matching: dict[tuple[str, str], list[tuple[int, QuotaRule]]] = {}
        self._found: dict[tuple[str, str, str], list[Scope]] = {}

    def of(self, ask: Ask, now: float) -> list[Scope]:
        """The scopes that *ask* belongs to."""
        key = (ask.lane.model, ask.lane.owner, ask.session)
        if (found := self._found.get(key)) is None:
            if len(self._found) >= _KEPT:
                self._clear(now)
            found = self._found[key] = self._find(ask, now)
        return found

    def learn(self, model: str, kind: str, limit: int, remaining: int, now: float) -> None:
        """*model* has a *limit* of *kind*, and so much of it is *remaining*."""
        scope = self._learned.get(model)
        if scope is None:
            scope = self._learned[model] = Scope(Meter({}), all_models=False, is_of_owner=False, is_of_session=False)
            self._found.clear()
        bucket = scope.meter.buckets.get(kind)
        shared = limit * self._share
        if bucket is None or bucket.limit != shared:
            bucket = scope.meter.buckets[kind] = Bucket(shared, self._quotas.period_s, _LEARNED_BURST, now)
        bucket.cap(remaining * self._share, now)

    def _find(self, ask: Ask, now: float) -> list[Scope]:
        lane = ask.lane
        pair = (lane.model, lane.owner)
        if (rules := self._matching.get(pair)) is None:
            rules = self._matching[pair] = rules_for(self._quotas.rules, lane.model, lane.owner)
        scopes = [self._scope(place, rule, ask, now) for place, rule in rules]
        if learned := self._learned.get(lane.model):
            scopes.append(learned)
        return scopes

    def _scope(self, place: int, rule: QuotaRule, ask: Ask, now: float) -> Scope:
        is_of_owner = rule.owner is not None
        key = (
            place,
            ask.lane.owner if is_of_owner or rule.per_session else "",
            ask.session if rule.per_session else "",
        )
        if (scope := self._scopes.get(key)) is None:
            scope = self._scopes[key] = Scope(
                self._meter(rule, now), rule.models.partition("/")[2] == "*", is_of_owner, rule.per_session
            )
        return scope

    def _meter(self, rule: QuotaRule, now: float) -> Meter:
        share = 1.0 if rule.per_session else self._share
        buckets = {
            kind: Bucket(limit * share, rule.period_s, rule.burst, now, full=self._is_new)
            for kind, limit in rule.limits.items()
        }
        return Meter(buckets, None if rule.concurrent is None else max(1, int(rule.concurrent * share)))

    def _clear(self, now: float) -> None:
        """Forget the meters of owners and sessions that nobody uses, and that are full."""
        self._found.clear()
        self._matching.clear()
        idle = [key for key, scope in self._scopes.items() if (key[1] or key[2]) and scope.meter.is_idle(now)]
        for key in idle:
            del self._scopes[key]
