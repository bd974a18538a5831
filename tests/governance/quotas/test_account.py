"""The scheduler of an account: what it admits, what it learns, and what is left when requests end."""

import math

import pytest

from rayconteur.providers import RateLimit, RateLimits
from rayconteur.runtime import QuotaRule, Quotas, WaitReason
from rayconteur.runtime.governance.quotas.account import Account
from rayconteur.runtime.governance.quotas.messages import Ask, End, Ending, Grant, Lane, Wait

MODEL = "anthropic/claude-haiku"
OPUS = "anthropic/claude-opus"
HOST = "host"


class Scheduled:
    """An account of one host, at a time that the test sets: *now*."""

    def __init__(self, *rules: QuotaRule, **options: float) -> None:
        self.account = Account(Quotas(rules=rules, **options))  # type: ignore[arg-type]
        self.now = 0.0
        self.admitted: dict[int, Grant] = {}
        self._numbers = 0

    def ask(
        self,
        session: str = "s",
        owner: str = "",
        model: str = MODEL,
        tokens: tuple[int, int | None] = (1, 1),
        more: int = 0,
    ) -> int:
        """Ask, and admit what may be sent. Returns the number of the ask."""
        self._numbers += 1
        self.account.ask(HOST, Ask(self._numbers, Lane("account", model, owner), session, *tokens, more), self.now)
        self.dispatch()
        return self._numbers

    def ask_many(self, count: int, **options: str) -> list[int]:
        return [self.ask(**options) for _ in range(count)]  # type: ignore[arg-type]

    def dispatch(self) -> None:
        self.admitted |= {grant.number: grant for _, grant in self.account.dispatch(self.now)}

    def end(self, number: int, ending: Ending = Ending.ANSWERED, **usage: float) -> None:
        self.account.settle((HOST, number), End(number, ending, **usage), self.now)  # type: ignore[arg-type]
        self.dispatch()

    def wait_until(self, number: int) -> float:
        """Let time pass until ask *number* is admitted. Returns when that is."""
        while number not in self.admitted:
            assert self.account.wake_at is not None, "nothing wakes it"
            self.now = max(self.account.wake_at, self.now + 1e-9)
            self.dispatch()
        return self.now

    def why(self, number: int) -> Wait:
        wait = self.account.explain((HOST, number), self.now)
        assert wait
        return wait


def rule(
    models: str = "anthropic/*", owner: str | None = None, per_session: bool = False, **limits: float
) -> QuotaRule:
    limits = {"burst": 0.05} | limits
    return QuotaRule(models=models, owner=owner, per_session=per_session, **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["requests", "tokens", "input_tokens", "output_tokens"])
def test_each_kind_of_limit_is_kept(kind: str) -> None:
    amounts = {"requests": 1, "tokens": 40, "input_tokens": 30, "output_tokens": 10}
    limits = {kind: 100 * amounts[kind]}
    scheduled = Scheduled(QuotaRule(models="anthropic/*", burst=0.05, **limits))  # type: ignore[arg-type]

    last = [scheduled.ask(tokens=(30, 10)) for _ in range(120)][-1]

    assert 3 <= len(scheduled.admitted) <= 6
    assert scheduled.why(last).reason is WaitReason(kind)
    assert 60 <= scheduled.wait_until(last) <= 80


def test_concurrent_requests_are_limited_and_the_next_follows_an_end() -> None:
    scheduled = Scheduled(rule(concurrent=2))
    first, *_, last = scheduled.ask_many(3)

    assert list(scheduled.admitted) == [1, 2]
    assert scheduled.why(last).reason is WaitReason.CONCURRENCY
    scheduled.end(first)
    assert last in scheduled.admitted


def test_the_narrowest_of_the_rules_that_match_decides() -> None:
    opus, acme = rule("anthropic/claude-opus*", concurrent=2), rule(owner="acme", concurrent=1)
    scheduled = Scheduled(rule(concurrent=5), opus, acme)

    for number, asked in enumerate(("acme opus", "acme opus", "x opus", "x opus", "x", "x", "x")):
        scheduled.ask(f"s{number}", asked.split()[0], OPUS if "opus" in asked else MODEL)

    assert list(scheduled.admitted) == [1, 3, 5, 6, 7]


def test_each_owner_and_each_session_has_limits_of_its_own_where_a_rule_says_so() -> None:
    by_owner = Scheduled(rule(owner="*", concurrent=1))
    by_session = Scheduled(rule(per_session=True, concurrent=1))

    for scheduled in (by_owner, by_session):
        for session, owner in (("s", "a"), ("s", "a"), ("t", "a"), ("u", "b")):
            scheduled.ask(session, owner)

    assert list(by_owner.admitted) == [1, 4]
    assert list(by_session.admitted) == [1, 3, 4]


def test_the_period_and_the_burst_of_a_rule_apply() -> None:
    short = Scheduled(rule(requests=100, period_s=1.0))
    bursting = Scheduled(rule(requests=100, burst=0.5))

    assert 0.9 <= short.wait_until(short.ask_many(100)[-1]) <= 1.05
    bursting.ask_many(100)
    assert len(bursting.admitted) == 50


def test_a_large_request_is_not_overtaken_by_small_ones_forever() -> None:
    scheduled = Scheduled(rule(input_tokens=6_000))
    scheduled.ask(tokens=(300, 1))
    large = scheduled.ask("large", tokens=(300, 1))
    small = [scheduled.ask(f"small{number}", tokens=(10, 1)) for number in range(100)]

    assert scheduled.wait_until(large) <= 3.5
    assert sum(number in scheduled.admitted for number in small) <= 1


def test_the_output_that_is_reserved_is_a_quantile_of_what_the_model_has_answered() -> None:
    for quantile, expected in ((0.5, 51), (0.9, 91)):
        scheduled = Scheduled(output_quantile=quantile)
        for output in range(1, 101):
            scheduled.end(scheduled.ask(tokens=(1, None)), output_tokens=output)

        assert scheduled.admitted[scheduled.ask(tokens=(1, None))].output_tokens == expected
        assert scheduled.admitted[scheduled.ask(tokens=(1, 7))].output_tokens == 7


def test_what_was_reserved_and_not_used_is_available_at_once() -> None:
    scheduled = Scheduled(rule(output_tokens=10_000))
    first, second = scheduled.ask(tokens=(1, 500)), scheduled.ask(tokens=(1, 400))
    assert second not in scheduled.admitted

    scheduled.end(first, output_tokens=100)

    assert second in scheduled.admitted


def test_output_beyond_what_was_reserved_is_settled_while_it_streams_and_counted_once() -> None:
    def owed_s(streamed: int) -> float:
        scheduled = Scheduled(rule(output_tokens=6_000))
        first = scheduled.ask(tokens=(1, 10))
        if streamed:
            scheduled.account.add_output((HOST, first), streamed)
            assert scheduled.wait_until(scheduled.ask(tokens=(1, 10))) > 5
        scheduled.now = 10.0
        scheduled.end(first, output_tokens=1_010, streamed_tokens=streamed)
        return scheduled.wait_until(scheduled.ask("t", tokens=(1, 10)))

    assert math.isclose(owed_s(900), owed_s(0), abs_tol=0.5)


def test_input_that_does_not_count_is_not_reserved_once_that_is_known() -> None:
    scheduled = Scheduled(rule(input_tokens=60_000))
    for _ in range(60):  # most of it is read from a cache
        scheduled.now += 2.0
        scheduled.end(scheduled.ask(tokens=(1_000, 1)), input_tokens=100, output_tokens=1)

    scheduled.now += 60.0
    scheduled.ask_many(1)
    admitted = len(scheduled.admitted)
    for number in range(40):
        scheduled.ask(f"s{number}", tokens=(1_000, 1))

    assert len(scheduled.admitted) - admitted >= 20


def test_after_a_429_everything_waits_as_long_as_the_response_says() -> None:
    scheduled = Scheduled(rule(requests=6_000))
    scheduled.end(scheduled.ask(), Ending.RATE_LIMITED, retry_after_s=9.0)
    waiting = scheduled.ask("t", "other", OPUS)

    wait = scheduled.why(waiting)

    assert (wait.reason, wait.expected_s) == (WaitReason.RATE_LIMITED, 9.0)
    assert scheduled.wait_until(waiting) == pytest.approx(9.0, abs=0.1)


def test_429s_that_do_not_say_how_long_hold_longer_each_time_until_one_is_answered() -> None:
    scheduled = Scheduled(rule(requests=6_000), period_s=60.0)

    def held_s() -> float:
        began_at = scheduled.now
        scheduled.end(number, Ending.RATE_LIMITED)
        return scheduled.wait_until(scheduled.ask()) - began_at

    number = scheduled.ask()
    holds = []
    for _ in range(3):
        holds.append(round(held_s()))
        number = max(scheduled.admitted)
    scheduled.end(number)
    number = scheduled.ask()

    assert holds == [1, 2, 4]
    assert round(held_s()) == 1


def test_overload_halves_what_is_in_flight_once_and_it_grows_again_by_one_at_a_time() -> None:
    scheduled = Scheduled()
    sent = scheduled.ask_many(16)
    for number in sent[:8]:  # all of them were sent before the first was turned down
        scheduled.end(number, Ending.OVERLOADED)
    waiting = scheduled.ask()
    assert scheduled.why(waiting).reason is WaitReason.OVERLOADED

    scheduled.end(sent[8])
    assert waiting in scheduled.admitted
    assert scheduled.account.in_flight == 8
    for _ in range(100):
        scheduled.ask()
    before = scheduled.account.in_flight
    for number in list(scheduled.admitted)[-8:]:
        scheduled.end(number)

    assert scheduled.account.in_flight == before + 1


def test_limits_in_headers_apply_to_the_model_unless_they_are_not_to_be_learned() -> None:
    def admitted(learns: bool, remaining: int = 1_000) -> int:
        scheduled = Scheduled(learns=learns)
        limits = RateLimits(requests=RateLimit(limit=1_000, remaining=remaining))
        scheduled.account.learn((HOST, scheduled.ask()), limits, 0.0)
        scheduled.ask_many(200)
        other = len(scheduled.admitted)
        scheduled.ask_many(10, session="t", model=OPUS)
        assert len(scheduled.admitted) == other + 10
        return other

    assert 200 <= admitted(True) <= 202
    assert 20 <= admitted(True, remaining=20) <= 22
    assert admitted(False) == 201


def test_the_period_of_learned_limits_applies() -> None:
    def waited_s(period_s: float) -> float:
        scheduled = Scheduled(period_s=period_s)
        limits = RateLimits(requests=RateLimit(limit=1_000, remaining=1_000))
        scheduled.account.learn((HOST, scheduled.ask()), limits, 0.0)
        return scheduled.wait_until(scheduled.ask_many(1_050)[-1])

    assert waited_s(60.0) == pytest.approx(60.0, rel=0.1)
    assert waited_s(6.0) == pytest.approx(6.0, rel=0.1)


def test_a_lease_is_granted_only_if_there_is_plenty_and_its_rest_comes_back() -> None:
    scheduled = Scheduled(rule(requests=1_000))
    first = scheduled.ask(more=10)
    assert scheduled.admitted[first].more == 10
    assert scheduled.account.in_flight == 11

    second = scheduled.ask(more=30)
    assert 0 < scheduled.admitted[second].more < 30
    scheduled.end(first, output_tokens=1)
    scheduled.end(first, Ending.UNSENT, count=10)
    scheduled.end(second, Ending.UNSENT, count=1 + scheduled.admitted[second].more)

    assert scheduled.account.in_flight == 0
    assert scheduled.admitted[scheduled.ask(more=20)].more == 20


def test_what_a_flooding_tenant_asks_for_delays_no_other_beyond_its_share() -> None:
    scheduled = Scheduled(rule(requests=600))
    for number in range(300):
        scheduled.ask(f"f{number % 50}", "flood")
    scheduled.now = 10.0
    scheduled.dispatch()
    quiet = scheduled.ask("q", "quiet")
    expected = scheduled.why(quiet).expected_s

    waited_s = scheduled.wait_until(quiet) - 10.0

    assert waited_s <= 0.5
    assert expected <= 0.5
