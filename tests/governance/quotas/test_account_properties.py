"""Whatever happens to requests and hosts, the limits are kept, and nothing is left of what has ended."""

from collections import Counter

from checkers.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rayconteur.runtime import QuotaRule, Quotas
from rayconteur.runtime.governance.quotas.account import Account
from rayconteur.runtime.governance.quotas.messages import Ask, End, Ending, Lane

MODELS = "anthropic/*"
RULES = (
    QuotaRule(models=MODELS, requests=20, concurrent=6),
    QuotaRule(models=MODELS, owner="*", concurrent=3),
    QuotaRule(models=MODELS, per_session=True, concurrent=2),
)
PERIOD_S = 60.0
ENDINGS = {
    "answer": Ending.ANSWERED,
    "refuse": Ending.RATE_LIMITED,
    "overload": Ending.OVERLOADED,
    "fail": Ending.FAILED,
}
KINDS = ["ask", "ask", "ask", "answer", "answer", "refuse", "overload", "fail", "withdraw", "forget", "wait"]

Key = tuple[str, int]


class Hosts:
    """Hosts that share an account, and what they know of their requests: those that wait and those that run."""

    def __init__(self) -> None:
        self.account = Account(Quotas(rules=RULES))
        self.now = 0.0
        self.waiting: dict[Key, str] = {}  # the owners
        self.running: dict[Key, str] = {}
        self.sent: list[float] = []
        self._asked = 0

    def move(self, kind: str, number: int, host: str) -> None:
        match kind:
            case "ask":
                self._ask(host, f"o{number % 3}", f"s{number % 5}")
            case "withdraw" if self.waiting:
                key = list(self.waiting)[number % len(self.waiting)]
                del self.waiting[key]
                self.account.withdraw(key)
            case "forget":
                self.account.forget(host)
                for keys in (self.waiting, self.running):
                    for key in [key for key in keys if key[0] == host]:
                        del keys[key]
            case "wait":
                self.now += number
            case kind if kind in ENDINGS and self.running:
                self.end(list(self.running)[number % len(self.running)], ENDINGS[kind], number)
            case _:
                pass
        self.dispatch()

    def dispatch(self) -> None:
        for host, grant in self.account.dispatch(self.now):
            self.running[host, grant.number] = self.waiting.pop((host, grant.number))
            self.sent.append(self.now)

    def end(self, key: Key, ending: Ending, output_tokens: int = 5) -> None:
        del self.running[key]
        self.account.settle(key, End(key[1], ending, 5, output_tokens), self.now)

    def end_all(self) -> None:
        """Answer all that runs, and all that waits in its turn."""
        while self.waiting or self.running:
            for key in list(self.running):
                self.end(key, Ending.ANSWERED)
            self.now = max(self.now + 0.01, self.account.wake_at or self.now)
            self.dispatch()

    def _ask(self, host: str, owner: str, session: str) -> None:
        self._asked += 1
        self.waiting[host, self._asked] = owner
        self.account.ask(host, Ask(self._asked, Lane("account", "anthropic/claude", owner), session, 5, 5), self.now)


@settings(max_examples=examples(100, 2_000), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 30), st.sampled_from("abc")), max_size=80))
def test_limits_are_kept_and_nothing_is_left_whatever_happens(moves: list[tuple[str, int, str]]) -> None:
    hosts = Hosts()

    for kind, number, host in moves:
        hosts.move(kind, number, host)

        assert hosts.account.in_flight == len(hosts.running) <= 6
        assert hosts.account.waiting == len(hosts.waiting)
        assert max(Counter(hosts.running.values()).values(), default=0) <= 3

    hosts.end_all()
    assert hosts.account.in_flight == hosts.account.waiting == 0
    assert max((sum(at <= each < at + PERIOD_S for each in hosts.sent) for at in hosts.sent), default=0) <= 20
