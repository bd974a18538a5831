"""500 sessions of hosts that share a limited account, in virtual time: the limits are used, kept and shared fairly."""

import asyncio
import random
from collections import Counter, deque

from fixtures.quotas.local_broker import LocalBrokers
from fixtures.virtual_time import run

from rayconteur.runtime import QuotaRule, Quotas
from rayconteur.runtime.governance.quotas.client import QuotaClient
from rayconteur.runtime.governance.quotas.messages import Ending, Lane

PERIOD_S = 5.0
REQUESTS = 400
TOKENS = 14_000
CONCURRENT = 150
OWNERS = {"flood": 250, "a": 50, "b": 50, "c": 50, "d": 50, "e": 50}


class Provider:
    """Turns down what is beyond the limits in any period: exactly, and at once."""

    def __init__(self) -> None:
        self.used: deque[tuple[float, int]] = deque()
        self.in_flight = 0
        self.answers: list[tuple[float, int]] = []
        self.refused = 0

    async def answer(self, now: float, tokens: int) -> Ending:
        while self.used and self.used[0][0] <= now - PERIOD_S:
            self.used.popleft()
        if len(self.used) >= REQUESTS or sum(used for _, used in self.used) >= TOKENS:
            self.refused += now > PERIOD_S
            return Ending.RATE_LIMITED
        if self.in_flight >= CONCURRENT:
            self.refused += now > PERIOD_S
            return Ending.OVERLOADED
        self.used.append((now, tokens))
        self.in_flight += 1
        await asyncio.sleep(tokens / 40)
        self.in_flight -= 1
        self.answers.append((now, tokens))
        return Ending.ANSWERED


async def converse(client: QuotaClient, provider: Provider, owner: str, session: str, used: Counter[str]) -> None:
    loop, lengths = asyncio.get_running_loop(), random.Random(session)
    while True:
        admission = await client.admit(Lane("account", "anthropic/claude", owner), session, (50, 400))
        await asyncio.sleep(lengths.uniform(0.0, 0.02))  # on the way
        tokens = max(1, int(lengths.gammavariate(4, 10)))
        ending = await provider.answer(loop.time(), tokens)
        admission.end(ending, 50, tokens if ending is Ending.ANSWERED else None, retry_after_s=0.5)
        if ending is Ending.ANSWERED and loop.time() > PERIOD_S:
            used[session] += tokens


def test_500_sessions_use_an_account_up_to_its_limits_and_share_it_fairly() -> None:
    rule = QuotaRule(models="*/*", requests=REQUESTS, output_tokens=TOKENS, concurrent=CONCURRENT, period_s=PERIOD_S)
    brokers, provider = LocalBrokers(Quotas(rules=(rule,), period_s=PERIOD_S), delay_s=0.001), Provider()
    sessions = {f"{owner}-{number}": owner for owner, count in OWNERS.items() for number in range(count)}
    used = Counter(dict.fromkeys(sessions, 0))

    async def main() -> float:
        clients, tasks = [brokers.connect() for _ in range(4)], list[asyncio.Task[None]]()
        for number, (session, owner) in enumerate(sessions.items()):
            tasks.append(asyncio.create_task(converse(clients[number % 4], provider, owner, session, used)))
        await asyncio.sleep(5 * PERIOD_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            await client.aclose()
        return asyncio.get_running_loop().time()

    ended_at = run(main())

    later = [(at, tokens) for at, tokens in provider.answers if PERIOD_S <= at < ended_at - PERIOD_S]
    periods = ended_at / PERIOD_S - 2
    by_requests, by_tokens = len(later) / REQUESTS / periods, sum(tokens for _, tokens in later) / TOKENS / periods
    assert max(by_requests, by_tokens) >= 0.9
    assert provider.refused <= 0.01 * len(provider.answers)
    shares = {owner: sum(tokens for session, tokens in used.items() if sessions[session] == owner) for owner in OWNERS}
    fair = used.total() / len(OWNERS)
    assert all(0.8 * fair <= share <= 1.2 * fair for share in shares.values())
    for owner in OWNERS.keys() - {"flood"}:  # each of whose sessions gets about one request in this time
        slowest = min(tokens for session, tokens in used.items() if sessions[session] == owner)
        assert slowest >= 0.5 * fair / OWNERS[owner]
