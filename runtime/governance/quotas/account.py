"""The pure scheduler of one provider account: what may be sent now, and what waits."""

import math
from collections import Counter
from collections.abc import Iterable

from ....providers.schema.rate_limits import RateLimits
from ...api.quotas.rules import KINDS, Quotas
from ...api.quotas.wait_reason import WaitReason
from .congestion import Congestion
from .fair_queue import FairQueue, Verdict
from .learned import LearnedModel
from .messages import Ask, End, Ending, Grant, Running, Wait
from .meter import Blocked, Cost, Meter
from .scopes import Scope, Scopes

_HOLDS = 60
"""A 429 that does not say how long to wait holds requests back for this part of a period, and twice as long each
time, until one is answered."""
_MAX_DOUBLINGS = 5
_DURATION_WEIGHT = 0.1

TicketKey = tuple[str, int]
"""A host's id, and the number that it gave an ask."""


class _Ticket:
    """An ask of a host that waits, or was admitted: *count* requests of *cost* each, those that are in flight."""

    __slots__ = ("ask", "at", "cost", "count", "key", "scopes")

    def __init__(self, key: TicketKey, ask: Ask, cost: Cost, now: float) -> None:
        self.key, self.ask, self.cost = key, ask, cost
        self.at = now
        self.count = 1
        self.scopes: list[Scope] = []

    @property
    def weight(self) -> float:
        return self.cost.tokens

    @property
    def tenant(self) -> str:
        return self.ask.lane.owner

    @property
    def session(self) -> str:
        return self.ask.session


class Account:
    """Admits the requests to one account. It reads no clock: times are in seconds of any that only goes forward.

    At a host that has to do without the broker, it may use a *share* of each limit. If it is not *new*, what was
    used before is not known: its buckets start empty.
    """

    def __init__(self, quotas: Quotas, share: float = 1.0, is_new: bool = True) -> None:
        self._quotas = quotas
        self._scopes = Scopes(quotas, share, is_new)
        self._queue: FairQueue[_Ticket] = FairQueue()
        self._waiting: dict[TicketKey, _Ticket] = {}
        self._models: Counter[str] = Counter()  # of those that wait
        self._admitted: dict[TicketKey, _Ticket] = {}
        self._in_flight = 0
        self._congestion = Congestion()
        self._learned: dict[str, LearnedModel] = {}
        self._held_until = -math.inf
        self._refusals = 0  # in a row
        self._duration_s = 1.0  # of a request, about
        self._dispatches = 0
        self._block: tuple[Blocked, Meter | None] | None = None  # why the last one that had to wait did
        self.wake_at: float | None = None
        """When something that waits may be admitted, if nothing happens before; ``None`` if only an end can help."""

    @property
    def in_flight(self) -> int:
        """The requests that are admitted and have not ended, or are leased."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """The asks that wait."""
        return len(self._queue)

    def __contains__(self, key: TicketKey) -> bool:
        """True if it waits, or is in flight."""
        return key in self._waiting or key in self._admitted

    def ask(self, host: str, ask: Ask, now: float) -> None:
        """Put *ask* into the queue."""
        ticket = self._waiting[host, ask.number] = _Ticket((host, ask.number), ask, self._expected(ask), now)
        self._models[ask.lane.model] += 1
        self._queue.put(ticket)

    def withdraw(self, key: TicketKey) -> None:
        """Whoever asked does not wait any more. If it was admitted meanwhile, it is as if it had not been sent."""
        if ticket := self._waiting.get(key):
            self._queue.remove(ticket)
            self._no_longer_waits(ticket)
        elif ticket := self._admitted.get(key):
            self._end(ticket, Cost(0.0, 0.0, 0.0), ticket.count)

    def dispatch(self, now: float) -> list[tuple[str, Grant]]:
        """Admit what may be sent now. Returns the grants, with their hosts."""
        self._dispatches += 1
        self.wake_at = None
        granted: list[_Ticket] = []
        self._queue.serve(lambda ticket: self._offer(ticket, granted, now))
        if not self._queue:
            for ticket in granted:
                self._lease(ticket, now)
        return [(ticket.key[0], _grant(ticket)) for ticket in granted]

    def settle(self, key: TicketKey, end: End, now: float) -> None:
        """A request has ended. What it has not used is available again."""
        ticket = self._admitted.get(key)
        if ticket is None:  # its host was taken for dead
            return
        match end.ending:
            case Ending.ANSWERED:
                self._answered(ticket, end, now)
            case Ending.RATE_LIMITED:
                self._rate_limited(ticket, end.retry_after_s, now)
            case Ending.OVERLOADED:
                self._congestion.overloaded(ticket.at, self._in_flight, now)
            case Ending.FAILED | Ending.UNSENT:
                pass
        self._end(ticket, _used(ticket.cost, end), end.count)

    def add_output(self, key: TicketKey, tokens: int) -> None:
        """A request that is being answered has used *tokens* beyond what was reserved for its output."""
        if ticket := self._admitted.get(key):
            for scope in ticket.scopes:
                scope.meter.settle(Cost(0.0, tokens, 0.0), ticket.at)

    def learn(self, key: TicketKey, limits: RateLimits, now: float) -> None:
        """The response to a request has *limits* in its headers."""
        ticket = self._admitted.get(key)
        if ticket is None or not self._quotas.learns:
            return
        for kind in KINDS:
            limit = getattr(limits, kind)
            if limit is not None and limit.limit:
                remaining = limit.limit if limit.remaining is None else limit.remaining
                self._scopes.learn(ticket.ask.lane.model, kind, limit.limit, remaining, now)

    def explain(self, key: TicketKey, now: float) -> Wait | None:
        """Why an ask waits, and about how long; ``None`` if it does not wait."""
        ticket = self._waiting.get(key)
        if ticket is None:
            return None
        blocked, meter = self._blocked(ticket, now) or self._block or (None, None)
        if blocked is None:
            return Wait(key[1], WaitReason.CONCURRENCY, self._duration_s)
        ahead = self._queue.ahead_of(ticket)
        expected_s = max(0.0, self._held_until - now)
        if blocked.reason in (WaitReason.CONCURRENCY, WaitReason.OVERLOADED):
            slots = meter.concurrent if meter and meter.concurrent else self._congestion.window
            expected_s += self._duration_s * (1 + ahead) / max(1.0, slots)
        elif meter:
            expected_s += meter.expected_wait_s(blocked.reason, ticket.cost, ahead, now)
        return Wait(key[1], blocked.reason, expected_s)

    def register(self, host: str, running: Iterable[Running], now: float) -> None:
        """*host* has these requests in flight, which another broker has admitted, or this one before."""
        for each in running:
            cost = Cost(self._model(each.ask.lane.model).input_tokens(each.ask.input_tokens), each.output_tokens)
            ticket = self._admitted[host, each.ask.number] = _Ticket((host, each.ask.number), each.ask, cost, now)
            ticket.scopes, ticket.count = self._scopes.of(each.ask, now), each.count
            self._in_flight += each.count
            for scope in ticket.scopes:
                scope.meter.take(Cost(0.0, 0.0, 0.0), each.count)

    def forget(self, host: str) -> None:
        """*host* is gone, with its asks and its requests. What was reserved for these counts as used."""
        for key in [key for key in self._waiting if key[0] == host]:
            self.withdraw(key)
        for key, ticket in [each for each in self._admitted.items() if each[0][0] == host]:
            self._leave(ticket, ticket.count)
            del self._admitted[key]

    def _expected(self, ask: Ask) -> Cost:
        learned = self._model(ask.lane.model)
        return Cost(learned.input_tokens(ask.input_tokens), learned.output_tokens(ask.max_output_tokens))

    def _offer(self, ticket: _Ticket, granted: list[_Ticket], now: float) -> Verdict:
        ticket.cost = self._expected(ticket.ask)  # more may be known of the model than when it was asked
        if found := self._blocked(ticket, now):
            blocked, meter = found
            wake_at = None if blocked.wait_s is None else now + blocked.wait_s
            if wake_at is not None:
                self.wake_at = wake_at if self.wake_at is None else min(self.wake_at, wake_at)
            self._block = found
            if meter is None:
                return Verdict.ALL_WAIT
            meter.claimed = self._dispatches
            return self._verdict(ticket, meter)
        ticket.scopes, ticket.at = self._scopes.of(ticket.ask, now), now
        for scope in ticket.scopes:
            scope.meter.take(ticket.cost)
        self._in_flight += 1
        self._admitted[ticket.key] = ticket
        self._no_longer_waits(ticket)
        granted.append(ticket)
        return Verdict.SERVED

    def _blocked(self, ticket: _Ticket, now: float) -> tuple[Blocked, Meter | None] | None:
        if now < self._held_until:
            return Blocked(WaitReason.RATE_LIMITED, self._held_until - now), None
        if not self._congestion.has_room(self._in_flight):
            return Blocked(WaitReason.OVERLOADED, None), None
        for scope in self._scopes.of(ticket.ask, now):
            if scope.meter.claimed == self._dispatches and self._block:
                return self._block[0], scope.meter
            if blocked := scope.meter.blocked(ticket.cost, now):
                return blocked, scope.meter
        return None

    def _verdict(self, ticket: _Ticket, meter: Meter) -> Verdict:
        """Who else has to wait because *ticket* does, for *meter*."""
        scope = next(scope for scope in self._scopes.of(ticket.ask, ticket.at) if scope.meter is meter)
        if scope.is_of_session or not (scope.all_models or len(self._models) == 1):
            return Verdict.SESSION_WAITS
        return Verdict.TENANT_WAITS if scope.is_of_owner else Verdict.ALL_WAIT

    def _lease(self, ticket: _Ticket, now: float) -> None:
        """Admit some more requests like *ticket* in advance, if there is plenty of everything."""
        count = ticket.ask.more
        if any(scope.is_of_session for scope in ticket.scopes):
            return
        while count:
            cost = ticket.cost.times(count)
            fits = self._in_flight + count <= self._congestion.window / 2
            if fits and all(scope.meter.has_spare(cost, now) for scope in ticket.scopes):
                break
            count //= 2
        for scope in ticket.scopes if count else ():
            scope.meter.take(ticket.cost.times(count), count)
        ticket.count += count
        self._in_flight += count

    def _answered(self, ticket: _Ticket, end: End, now: float) -> None:
        self._refusals = 0
        self._congestion.answered(self._in_flight)
        self._duration_s += _DURATION_WEIGHT * (now - ticket.at - self._duration_s)
        if end.output_tokens is not None:
            learned = self._model(ticket.ask.lane.model)
            learned.answered(ticket.ask.input_tokens, end.input_tokens, end.output_tokens)

    def _rate_limited(self, ticket: _Ticket, retry_after_s: float | None, now: float) -> None:
        shortest_s = self._quotas.period_s / _HOLDS * 2 ** min(self._refusals, _MAX_DOUBLINGS)
        self._held_until = max(self._held_until, now + (shortest_s if retry_after_s is None else retry_after_s))
        self._refusals += 1
        shared = [scope.meter for scope in ticket.scopes if not scope.is_of_session and not scope.is_of_owner]
        buckets = [bucket for meter in shared for bucket in meter.buckets.values()]
        for bucket in buckets:
            bucket.empty()
        if not buckets:  # no limit is known that could slow the requests down
            self._congestion.overloaded(ticket.at, self._in_flight, now)

    def _end(self, ticket: _Ticket, used: Cost, count: int) -> None:
        difference = used.minus(ticket.cost.times(count))
        for scope in ticket.scopes:
            scope.meter.settle(difference, ticket.at)
        self._queue.charge(ticket.tenant, ticket.session, difference.tokens)
        self._leave(ticket, count)
        ticket.count -= count
        if not ticket.count:
            del self._admitted[ticket.key]

    def _leave(self, ticket: _Ticket, count: int) -> None:
        self._in_flight -= count
        for scope in ticket.scopes:
            scope.meter.leave(count)

    def _no_longer_waits(self, ticket: _Ticket) -> None:
        del self._waiting[ticket.key]
        model = ticket.ask.lane.model
        self._models[model] -= 1
        if not self._models[model]:
            del self._models[model]

    def _model(self, model: str) -> LearnedModel:
        if (learned := self._learned.get(model)) is None:
            learned = self._learned[model] = LearnedModel(self._quotas.output_quantile)
        return learned


def _grant(ticket: _Ticket) -> Grant:
    return Grant(ticket.ask.number, int(ticket.cost.output_tokens), ticket.count - 1)


def _used(reserved: Cost, end: End) -> Cost:
    """What a request has used, beyond what was reported while it was streaming."""
    if end.ending is Ending.UNSENT:
        return Cost(0.0, 0.0, 0.0)
    if end.ending in (Ending.RATE_LIMITED, Ending.OVERLOADED):
        return Cost(0.0, 0.0)
    used_input = reserved.input_tokens if end.input_tokens is None else end.input_tokens
    return Cost(used_input, max(0, (end.output_tokens or 0) - end.streamed_tokens))
